"""``deapnets run``: an algorithm on an evaluator."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from deapnets.cli import shared

if TYPE_CHECKING:
    from deapnets.runs.running import Run


@click.command()
@click.argument("evaluator")
@click.option("--algorithm", default="ga", show_default=True, help="Algorithm.")
@click.option("--population", type=int, help="Individuals of a generation.")
@click.option("--generations", type=int, help="End after so many generations.")
@click.option(
    "--seconds", type=float, help="End after so many seconds; 60 when there is no other budget."
)
@click.option("--evaluations", type=int, help="End after so many evaluated individuals.")
@click.option(
    "--evaluation-seconds",
    type=float,
    help="End when evaluations have cost so many seconds, by the evaluator's account: simulated "
    "ones where a table stands for training.",
)
@click.option("--target", metavar="METRIC=VALUE", help="End when validation reaches the value.")
@click.option("--seed", type=int, help="Seed; drawn and written down when there is none.")
@shared.device
@shared.memory
@shared.precision
@click.option(
    "--engine",
    default="serial",
    show_default=True,
    help="Who scores networks: serial (this process), processes or ray.",
)
@click.option("--workers", type=int, help="Workers of the engine; one a core.")
@click.option("--address", metavar="HOST:PORT", help="A Ray cluster's; one on this machine.")
@click.option(
    "--time-limit",
    type=float,
    help="Seconds for an evaluation, then its worker is stopped and another one tries.",
)
@click.option(
    "--on-error",
    type=click.Choice(["raise", "worst"]),
    default="raise",
    show_default=True,
    help="What fitness that is not finite, or cannot be had, does: end the run, or become the "
    "worst value.",
)
@click.option(
    "--checkpoint-every",
    type=float,
    default=10.0,
    show_default=True,
    help="Seconds between two snapshots; 0 for one after each generation.",
)
@click.option(
    "--log",
    metavar="NAME",
    multiple=True,
    help="Log elsewhere, too: tensorboard, or another logger of `deapnets plugins list`; "
    "repeatable.",
)
@click.option("--out", help="New directory of the run; runs/EVALUATOR-ALGORITHM-TIME.")
@click.option(
    "-o", "options", metavar="KEY=VALUE", multiple=True, help="Option of the evaluator; repeatable."
)
@click.option(
    "-a",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Option of the algorithm; repeatable. ga: see docs/commands.md.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def run(
    evaluator: str,
    algorithm: str,
    population: int | None,
    generations: int | None,
    seconds: float | None,
    evaluations: int | None,
    evaluation_seconds: float | None,
    target: str | None,
    as_json: bool,
    out: str | None,
    options: tuple[str, ...],
    settings: tuple[str, ...],
    seed: int | None,
    **machine: Any,
) -> None:
    """Evolve networks for EVALUATOR: a name of `deapnets plugins list`.

    \b
    deapnets run xor
    deapnets run mnist -o dataset=digits --seconds 30
    deapnets run mnist --seconds 120 --seed 1 --out runs/mnist
    """  # noqa: D301  (\b is click's mark for lines that keep their breaks)
    from deapnets.runs.budget import Budget, Target
    from deapnets.runs.configuring import (
        Configuration,
        draw_seed,
        make_evaluator,
        make_settings,
    )

    if all(limit is None for limit in (generations, seconds, evaluations, evaluation_seconds)):
        seconds = 60.0
    goal = None if target is None else Target.parse(target)
    plugin = make_evaluator(evaluator, options, algorithm)
    configuration = Configuration(
        plugin,
        algorithm,
        make_settings(algorithm, settings, plugin.instance, population),
        Budget(generations, seconds, evaluations, goal, evaluation_seconds),
        draw_seed() if seed is None else seed,
        **machine,
    )
    _execute(configuration, out or _fresh_name(configuration), as_json)


def _fresh_name(configuration: Any) -> str:
    name = configuration.plugin.loaded.found.name
    return f"runs/{name}-{configuration.algorithm}-{time.strftime('%Y%m%d-%H%M%S')}"


def _execute(configuration: Any, out: str, as_json: bool) -> None:
    from deapnets.runs.directory import RunDirectory
    from deapnets.runs.running import Run

    run_ = Run(configuration, RunDirectory(out))
    run_.prepare()  # before anything is written: a missing file leaves no empty run behind
    RunDirectory.create(out)
    carry_out(run_, as_json)


def carry_out(run_: Run, as_json: bool) -> None:
    """Run to the end, draw the learning curve, and print what was found."""
    from deapnets.cli.progress import follow, summarise
    from deapnets.runs.curve import draw_curve

    directory = run_.directory
    _warn_of_unmet_requirements(run_)
    try:
        follow(run_, quiet=as_json)
    except KeyboardInterrupt:
        click.echo(
            f"\nInterrupted. What was found is in {directory.path}; "
            f"deapnets resume {directory.path} goes on.",
            err=True,
        )
        raise
    picture = draw_curve(directory)
    if as_json:
        import json

        result = {"directory": str(directory.path), **directory.read("result.json")}
        click.echo(json.dumps(result, indent=2))
    else:
        summarise(directory, picture)


def _warn_of_unmet_requirements(run_: Run) -> None:
    """Say what the evaluator's distribution asks for and has not got: an older deapnets, say."""
    from deapnets.checking.requirements import unmet

    distribution = run_.configuration.plugin.loaded.found.distribution
    for line in unmet(distribution):
        click.echo(f"Warning: {distribution}: {line}", err=True)
