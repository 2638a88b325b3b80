"""``deapnets resume``: a run that ended early goes on, or a finished one with a larger budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from deapnets.runs.directory import RunDirectory


@click.command()
@click.argument("directory")
@click.option("--generations", type=int, help="A larger number of generations than the run had.")
@click.option("--seconds", type=float, help="More seconds, those that were spent included.")
@click.option("--evaluations", type=int, help="More evaluated individuals.")
@click.option("--evaluation-seconds", type=float, help="More seconds that evaluations may cost.")
@click.option(
    "--any-version",
    is_flag=True,
    help="Go on with the installed version of the evaluator, whatever the run began with.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def resume(
    directory: str,
    generations: int | None,
    seconds: float | None,
    evaluations: int | None,
    evaluation_seconds: float | None,
    any_version: bool,
    as_json: bool,
) -> None:
    """Go on with the run in DIRECTORY, from its last snapshot, as if nothing had happened.

    \b
    deapnets resume runs/mnist
    deapnets resume runs/mnist --seconds 600
    """  # noqa: D301  (\b is click's mark for lines that keep their breaks)
    from deapnets.cli.run import carry_out
    from deapnets.files.locking import require_free
    from deapnets.runs.directory import RunDirectory
    from deapnets.runs.resuming import require_same_network, stored_configuration
    from deapnets.runs.running import Run

    stored = RunDirectory.open(directory)
    require_free(stored.path)
    limits = {
        "generations": generations,
        "seconds": seconds,
        "evaluations": evaluations,
        "evaluation_seconds": evaluation_seconds,
    }
    configuration = stored_configuration(stored, any_version=any_version, **limits)
    if not any(limits.values()):
        _require_unfinished(stored)
    _say_other_versions(stored)
    run = Run(configuration, stored, resumes=True)
    run.prepare()
    require_same_network(stored, configuration.evaluator)
    carry_out(run, as_json)


def _require_unfinished(directory: RunDirectory) -> None:
    from deapnets.errors import OptionError
    from deapnets.runs.curve import PICTURE, draw_curve

    result = directory.read("result.json") if directory.has("result.json") else {}
    if result.get("status") == "finished":
        if not directory.has(PICTURE):  # killed while it was drawn
            draw_curve(directory)
        raise OptionError(
            f"The run in {directory.path} has finished. A larger budget goes on with it: "
            "--generations, --seconds or --evaluations."
        )


def _say_other_versions(directory: RunDirectory) -> None:
    from deapnets.runs.resuming import other_versions

    changed = [f"{name} {was}, now {now}" for name, (was, now) in other_versions(directory).items()]
    if changed:
        click.echo(f"Other versions than the run began with: {'; '.join(changed)}.", err=True)
