"""``deapnets runs``: the runs in a folder, and what became of each."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from deapnets.runs.directory import RunDirectory

_COLUMNS = ("status", "directory", "evaluator", "algorithm", "spent", "generation", "best")


@click.command()
@click.argument("folder", default="runs")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def runs(folder: str, as_json: bool) -> None:
    """List the runs in FOLDER and below: running, interrupted, failed or finished.

    FOLDER is runs/ unless it is given. A run that was killed is interrupted.
    """
    from pathlib import Path

    from deapnets.runs.status import find_runs

    rows = [_row(run) for run in find_runs(Path(folder))]
    if as_json:
        import json

        click.echo(json.dumps(rows, indent=2))
    elif rows:
        _echo_table(rows)
        _echo_next(rows)
    else:
        click.echo(f"There are no runs in {folder}.")


def _row(run: RunDirectory) -> dict[str, Any]:
    """Return the facts of one line; of a run that cannot be read, what is wrong with it."""
    from deapnets.errors import RunError
    from deapnets.runs.directory import RunDirectory
    from deapnets.runs.status import describe

    try:
        facts = describe(RunDirectory.open(run.path))
    except (RunError, KeyError) as error:
        empty = dict.fromkeys(_COLUMNS)
        return {**empty, "status": "damaged", "directory": str(run.path), "problem": str(error)}
    best = facts["best"].get("validation_accuracy", facts["best"].get("fitness"))
    return {**{name: facts[name] for name in _COLUMNS}, "best": best, "problem": None}


def _echo_table(rows: list[dict[str, Any]]) -> None:
    cells = [list(_COLUMNS), *([_text(row[name]) for name in _COLUMNS] for row in rows)]
    pads = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if sum(pads) + 2 * len(pads) - 2 > shutil.get_terminal_size().columns:
        _echo_blocks(rows)
        return
    for line, row in zip(cells, [{"problem": None}, *rows], strict=True):
        text = "  ".join(f"{cell:{pad}}" for cell, pad in zip(line, pads, strict=True)).rstrip()
        click.echo(f"{text}  {row['problem']}" if row["problem"] else text)


def _echo_blocks(rows: list[dict[str, Any]]) -> None:
    """Print two lines a run, where a table is too wide for the terminal."""
    for row in rows:
        click.echo(f"{row['directory']}: {row['status']}")
        words = [
            f"{row['evaluator']} by {row['algorithm']}",
            row["spent"],
            f"generation {row['generation']}",
            f"best {_text(row['best'])}",
        ]
        click.echo(f"  {row['problem'] or ', '.join(map(_text, words))}")


def _echo_next(rows: list[dict[str, Any]]) -> None:
    stopped = [row["directory"] for row in rows if row["status"] in ("interrupted", "failed")]
    if stopped:
        click.echo(f"\nTo go on with one: deapnets resume {stopped[0]}")


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"
