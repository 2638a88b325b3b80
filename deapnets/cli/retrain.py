"""``deapnets retrain``: the best architectures of a search, trained again from scratch."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.argument("directory", metavar="RUN")
@click.option("--top", type=int, default=5, show_default=True, help="Architectures, best first.")
@click.option("--seeds", type=int, default=5, show_default=True, help="Trainings of each.")
@click.option(
    "-o",
    "options",
    metavar="KEY=VALUE",
    multiple=True,
    help="Option of the evaluator that is another one than in the search; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what came out as JSON.")
def retrain(directory: str, top: int, seeds: int, options: tuple[str, ...], as_json: bool) -> None:
    """Train the best architectures of the search in RUN from scratch, on seeds it has not seen.

    A search chooses by noisy scores, and the best of many is a lucky one. This says how lucky.

    \b
    deapnets retrain runs/search
    deapnets retrain runs/cifar --top 3 --seeds 5 -o epochs=40
    """  # noqa: D301  (\b is click's mark for lines that keep their breaks)
    from deapnets.reports.retraining import FILE, Retraining
    from deapnets.runs.directory import RunDirectory

    retraining = Retraining(directory, top, seeds, options)
    if not as_json:
        click.echo(_line("rank", "search", "again", "deviation", "gap", "architecture"))
    for candidate in retraining.run():
        if not as_json:
            click.echo(_line(*_cells(candidate)))
    report = retraining.report()
    run = RunDirectory(directory)
    run.write(FILE, report)
    if as_json:
        import json

        click.echo(json.dumps(report, indent=2))
        return
    click.echo(f"\n{retraining.verdict()}")
    for name, value in report["metrics"].items():
        click.echo(f"  {name:22} {value:.5g}")
    click.echo(f"\n{run.path / FILE}")


def _cells(candidate: Any) -> list[str]:
    deviation = candidate.deviation
    return [
        f"{candidate.rank}",
        f"{candidate.searched:.4f}",
        f"{candidate.mean:.4f}",
        "-" if deviation is None else f"{deviation:.4f}",
        f"{candidate.gap:+.4f}",
        candidate.architecture
        + ("".join(f"  {text}" for text in dict.fromkeys(candidate.reasons))),
    ]


def _line(rank: str, *cells: str) -> str:
    *figures, text = cells
    return f"{rank:>4}  " + "  ".join(f"{cell:>9}" for cell in figures) + f"  {text}"
