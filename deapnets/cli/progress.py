"""What a person sees while a run goes on, and when it has ended."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deapnets.runs.directory import RunDirectory
from deapnets.runs.running import Progress, Run

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_PLAIN_EVERY = 5.0  # seconds between two lines where there is no terminal


def follow(run: Run, quiet: bool = False) -> None:
    """Run to the end, with a progress bar on a terminal and plain lines elsewhere."""
    found = run.configuration.plugin.loaded.found.name
    if quiet:
        for _ in run:
            pass
        return
    click.echo(
        f"{found} by {run.configuration.algorithm}, population "
        f"{run.configuration.settings.population}, seed {run.configuration.seed} "
        f"-> {run.directory.path}"
    )
    if sys.stdout.isatty():
        _follow_with_bar(run)
    else:
        _follow_in_lines(run)


def _follow_with_bar(run: Run) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console()
    columns = [BarColumn(bar_width=min(30, max(10, console.width - 75)))]
    text = TextColumn("{task.description}")
    with Bar(*columns, text, console=console, transient=True) as bar:
        _advance(bar, run)


def _advance(bar: Bar, run: Iterable[Progress]) -> None:
    task = bar.add_task("first generation", total=1.0)
    for progress in run:
        bar.update(task, completed=progress.spent, description=line(progress))


def _follow_in_lines(run: Iterable[Progress]) -> None:
    said, last = -_PLAIN_EVERY, None
    for progress in run:
        last = progress
        if progress.seconds - said >= _PLAIN_EVERY:
            said = progress.seconds
            click.echo(line(progress))
    if last is not None and last.seconds != said:
        click.echo(line(last))


def line(progress: Progress) -> str:
    """Return one line: generation, best, validation, evaluations a second, time left."""
    rate = progress.evaluations / max(progress.seconds, 1e-9)
    parts = [f"gen {progress.generation}", f"best {progress.best:.4g}"]
    accuracy = progress.validation.get("validation_accuracy")
    if accuracy is not None:
        parts.append(f"validation {100 * accuracy:.1f} %")
    parts.append(f"{rate:,.0f} evals/s")
    if 0.0 < progress.spent < 1.0:
        left = progress.seconds * (1 / progress.spent - 1)
        parts.append(f"{left:.0f} s left")
    return ", ".join(parts)


def summarise(directory: RunDirectory, picture: Path) -> None:
    """Print what a finished run found, where it is, and what to try next."""
    result = directory.read("result.json")
    config = directory.read("config.json")
    click.echo(
        f"{result['generations']} generations, {result['evaluations']:,} evaluations, "
        f"{result['seconds']:.1f} s"
    )
    for name, value in result["metrics"].items():
        click.echo(f"  {name:22} {_figure(name, value)}")
    click.echo(f"  network                {directory.path / 'best.safetensors'}")
    click.echo(f"  learning curve         {picture}")
    click.echo("Next:")
    click.echo(f"  deapnets show {directory.path}")
    click.echo(f"  deapnets plugins show {config['evaluator']}")


def _figure(name: str, value: float) -> str:
    if name.endswith("accuracy"):
        return f"{100 * value:.2f} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
