"""What a person sees while a run goes on, and when it has ended."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deapnets.cli.interrupts import listening
from deapnets.runs.directory import RunDirectory
from deapnets.runs.running import Progress, Run

if TYPE_CHECKING:
    from rich.console import Group

_PLAIN_EVERY = 5.0  # seconds between two lines where there is no terminal


def follow(run: Run, quiet: bool = False) -> None:
    """Run to the end, with a progress bar on a terminal and plain lines elsewhere."""
    with listening() as interrupts, closing(iter(run)) as steps:  # what goes wrong ends the run too
        generations = interrupts.between(steps)
        if quiet:
            for _ in generations:
                pass
            return
        click.echo(_heading(run))
        if sys.stdout.isatty():
            _follow_with_bar(generations)
        else:
            _follow_in_lines(generations)


def _heading(run: Run) -> str:
    configuration = run.configuration
    return (
        f"{configuration.plugin.loaded.found.name} by {configuration.algorithm}, population "
        f"{configuration.settings.population}, seed {configuration.seed} -> {run.directory.path}"
    )


def _follow_with_bar(generations: Iterable[Progress]) -> None:
    from rich.console import Console
    from rich.live import Live

    with Live("first generation", console=Console(), transient=True) as live:
        for progress in generations:
            live.update(_view(progress))


def _view(progress: Progress) -> Group:
    """Return two lines, so that 60 columns hold them: the bar and the time, and the figures."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    bar = Table.grid(padding=(0, 1))
    times = [f"{100 * progress.spent:.0f} %", *_time_left(progress)]
    bar.add_row(ProgressBar(1.0, progress.spent, width=30), ", ".join(times))
    figures = Text(", ".join(_figures(progress)), no_wrap=True, overflow="ellipsis")
    return Group(bar, figures)


def _follow_in_lines(generations: Iterable[Progress]) -> None:
    said, last = -_PLAIN_EVERY, None
    for progress in generations:
        last = progress
        if progress.seconds - said >= _PLAIN_EVERY:
            said = progress.seconds
            click.echo(line(progress))
    if last is not None and last.seconds != said:
        click.echo(line(last))


def line(progress: Progress) -> str:
    """Return one line: generation, best, validation, evaluations a second, time left."""
    return ", ".join([*_figures(progress), *_time_left(progress)])


def _figures(progress: Progress) -> list[str]:
    rate = progress.evaluations / max(progress.seconds, 1e-9)
    parts = [f"gen {progress.generation}", f"best {progress.best:.4g}"]
    accuracy = progress.validation.get("validation_accuracy")
    if accuracy is not None:
        parts.append(f"validation {100 * accuracy:.1f} %")
    distance = progress.validation.get("validation_frechet_distance")
    if distance is not None:
        parts.append(f"Frechet distance {distance:.1f}")
    return [*parts, f"{rate:,.0f} evals/s"]


def _time_left(progress: Progress) -> list[str]:
    """Return the time left in one part; in none before the first and after the last of it."""
    if not 0.0 < progress.spent < 1.0:
        return []
    return [f"{progress.seconds * (1 / progress.spent - 1):.0f} s left"]


def summarise(directory: RunDirectory, picture: Path) -> None:
    """Print what a finished run found, where it is, and what to try next."""
    result = directory.read("result.json")
    config = directory.read("config.json")
    count = result["generations"]
    click.echo(
        f"{count} generation{'s' if count != 1 else ''}, {result['evaluations']:,} evaluations, "
        f"{result['seconds']:.1f} s"
    )
    rows = {name: _figure(name, value) for name, value in result["metrics"].items()}
    best = directory.read("best.json") if directory.has("best.json") else {}
    if "architecture" in best:
        rows["architecture"] = best["architecture"]
    saved = "best.safetensors" if directory.has("best.safetensors") else "best.json"
    rows["network"] = str(directory.path / saved)
    rows["learning curve"] = str(picture)
    if (directory.path / "picture.png").is_file():
        rows["what it does"] = str(directory.path / "picture.png")
    width = max(22, *map(len, rows))
    for name, value in rows.items():
        click.echo(f"  {name:{width}} {value}")
    click.echo("Next:")
    for command, what in _next(directory, config):
        click.echo(f"  {command}\n      {what}")


def _next(directory: RunDirectory, config: dict[str, Any]) -> list[tuple[str, str]]:
    """Return three commands that make sense after a run, and what each is for."""
    from deapnets.plugins.scripts import is_script

    kind, limit = next(
        (name, limit) for name, limit in config["budget"].items() if limit and name != "target"
    )
    option, name = kind.replace("_", "-"), config["evaluator"]
    if is_script(config["distribution"]):
        name = f"{config['distribution']}:{name}"
    return [
        (f"deapnets report {directory.path} --open", "how it went, on one page"),
        (f"deapnets resume {directory.path} --{option} {2 * limit:.12g}", "go on, twice as far"),
        (f"deapnets plugins show {name}", "what else it takes, as -o NAME=VALUE"),
    ]


def _figure(name: str, value: float | None) -> str:
    if value is None:  # it was not finite
        return "-"
    if name.endswith("accuracy"):
        return f"{100 * value:.2f} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
