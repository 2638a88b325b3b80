"""``deapnets predict``: what a run's best network says of images or other inputs."""

from __future__ import annotations

import click


@click.command()
@click.argument("directory")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--invert", is_flag=True, help="Turn black on white round.")
@click.option("--any-version", is_flag=True, help="Take the installed version of the evaluator.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all outputs.")
def predict(
    directory: str, files: tuple[str, ...], invert: bool, any_version: bool, as_json: bool
) -> None:
    """Ask the best network of the run in DIRECTORY about pictures, IDX or .npy files.

    \b
    deapnets predict runs/mnist seven.png
    """  # noqa: D301  (\b is click's mark for lines that keep their breaks)
    from deapnets.runs import predicting
    from deapnets.runs.directory import RunDirectory
    from deapnets.runs.exporting import best_network

    best = best_network(RunDirectory.open(directory), any_version=any_version)
    found = predicting.predict(best, list(files), invert=invert)
    if as_json:
        import json

        click.echo(json.dumps(predicting.as_json(found), indent=2))
        return
    for steps in dict.fromkeys(tuple(steps) for steps in found.steps.values()):
        click.echo(f"preprocessing: {', '.join(steps)}")
    for answer in found.answers:
        click.echo(f"  {answer.source:24} {_said(answer)}")
    for remark in found.remarks:
        click.echo(remark, err=True)


def _said(answer: object) -> str:
    from deapnets.runs.predicting import Answer

    assert isinstance(answer, Answer)
    if answer.label is None or answer.probability is None:
        return " ".join(f"{value:.5g}" for value in answer.outputs[:8])
    return f"class {answer.label}, {100 * answer.probability:.1f} %"
