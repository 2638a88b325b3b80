"""``deapnets export``: a run's best network as a file that other programs read."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("directory")
@click.argument("file")
@click.option(
    "--examples",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Real inputs that it is compared with the original on.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--any-version", is_flag=True, help="Take the installed version of the evaluator.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(
    directory: str, file: str, examples: int, force: bool, any_version: bool, as_json: bool
) -> None:
    """Write the best network of the run in DIRECTORY to FILE: .safetensors, .pt2 or .onnx.

    \b
    deapnets export runs/mnist digits.pt2
    """  # noqa: D301  (\b is click's mark for lines that keep their breaks)
    from deapnets.runs.directory import RunDirectory
    from deapnets.runs.exporting import best_network
    from deapnets.runs.exporting import export as write

    best = best_network(RunDirectory.open(directory), any_version=any_version)
    done = write(best, Path(file).expanduser(), count=examples, replace=force)
    if as_json:
        import json

        click.echo(json.dumps({"file": file, **done._asdict()}, indent=2))
        return
    click.echo(f"{file}: {done.weights:,} weights.")
    if done.inputs:
        click.echo(
            f"Read back and compared with the run's network:\n"
            f"outputs differ by at most {done.difference:.2g} on {done.inputs} real inputs."
        )
    else:
        click.echo("The task gives no inputs to compare it on.")
    click.echo(f"  {done.usage}")
    if done.takes:
        click.echo(f"x: {done.takes}; deapnets predict says\nhow it is made of pictures.")
