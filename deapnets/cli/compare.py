"""``deapnets compare``: algorithms on one evaluator, with the statistics that say what is noise."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import click

from deapnets.cli import shared


@click.command()
@click.argument("evaluator")
@click.option(
    "--algorithms",
    required=True,
    metavar="A,B,C",
    help="Algorithms, with commas between them; NAME=ALGORITHM for one with settings of its own.",
)
@click.option("--seeds", type=int, default=10, show_default=True, help="Runs of each algorithm.")
@click.option(
    "--evaluations", type=int, default=20_000, show_default=True, help="Evaluations of each run."
)
@click.option("--seconds", type=float, help="Seconds of each run, instead of evaluations.")
@click.option(
    "--evaluation-seconds",
    type=float,
    help="Seconds that the evaluations of each run may cost, by the evaluator's account, instead.",
)
@click.option("--metric", help="Figure to compare; test_accuracy, or what there is instead.")
@click.option("--out", help="Directory of the comparison; it goes on where it was stopped.")
@click.option(
    "-o", "options", metavar="KEY=VALUE", multiple=True, help="Option of the evaluator; repeatable."
)
@click.option(
    "-a",
    "settings",
    metavar="ALGORITHM.KEY=VALUE",
    multiple=True,
    help="Option of an algorithm; repeatable.",
)
@shared.device
@shared.memory
@shared.precision
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(evaluator: str, algorithms: str, out: str | None, as_json: bool, **more: Any) -> None:
    """Compare algorithms on EVALUATOR at equal budgets, over the same seeds.

    Random search runs beside them, and back-propagation where the evaluator has a loss.

    \b
    deapnets compare xor --algorithms ga --evaluations 3000
    deapnets compare mnist --algorithms ga,es --out runs/ga-es
    """  # noqa: D301  (\b is click's mark for lines that keep their breaks)
    from deapnets.reports.comparison import Comparison, Plan
    from deapnets.reports.curves import draw_comparison, draw_courses
    from deapnets.runs.directory import RunDirectory

    names = [name.strip() for name in algorithms.split(",") if name.strip()]
    plan = Plan(evaluator, names, **more)
    directory = RunDirectory(out or f"runs/compare-{evaluator.rpartition(':')[2]}")
    comparison = Comparison(plan, directory)
    for step in comparison.run():
        if not as_json:
            click.echo(_line(step))
    report = comparison.report()
    courses = comparison.courses()
    if courses is None or report["metric"] not in courses.names():
        picture = draw_comparison(directory, report)
    else:
        picture = draw_courses(directory, report, courses)
    if as_json:
        import json

        click.echo(json.dumps(report, indent=2))
        return
    _echo(report)
    click.echo(f"\n{directory.path / 'comparison.json'}\n{picture}")


def _line(step: Any) -> str:
    figures = {**step.result["metrics"], "fitness": step.result["best_fitness"]}
    usual = ("test_accuracy", "test_loss", "frechet_distance")
    name = next((n for n in usual if n in figures), "fitness")
    when = f"{step.result['seconds']:.1f} s" if step.again else "was there"
    value = figures[name]
    shown = "-" if value is None else f"{value:.4g}"
    return f"{step.number}/{step.total}  {step.algorithm}, seed {step.seed}: {name} {shown}, {when}"


def _echo(report: dict[str, Any]) -> None:
    scale = 100.0 if report["metric"].endswith("accuracy") else 1.0
    unit = ", %" if scale == 100.0 else ""
    columns = [(f"{report['metric']}{unit}", _of("mean", scale, ".4g"))]
    columns += [("deviation", _of("deviation", scale, ".2g")), *_more(report["rows"])]
    rows = [["algorithm", *(name for name, _ in columns)]]
    rows += [[row["algorithm"], *(cell(row) for _, cell in columns)] for row in report["rows"]]
    _table(rows, spared="forwards")  # comparison.json has them
    _echo_courses(report["courses"])
    click.echo()
    for test in report["tests"]:
        click.echo(f"{test['a']} and {test['b']}: {test['verdict']}")


def _more(rows: list[dict[str, Any]]) -> list[tuple[str, Callable[[dict[str, Any]], str]]]:
    """Return the columns behind the metric: title, and what makes a row a cell."""
    columns: list[tuple[str, Callable[[dict[str, Any]], str]]] = []
    if all("is_best" in row["metrics"] for row in rows):
        columns.append(("finds a best, %", lambda row: f"{100 * row['metrics']['is_best']:.0f}"))
    columns.append(("evaluations", _of("evaluations", 1.0, ",.0f")))
    if any(row["evaluation_seconds"] for row in rows):
        columns.append(("they cost, s", _of("evaluation_seconds", 1.0, ",.0f")))
    if any(row["image_forwards"] for row in rows):
        columns.append(("forwards", _of("image_forwards", 1.0, ",.0f")))
    return [*columns, ("s", _of("seconds", 1.0, ".1f"))]


def _of(name: str, scale: float, form: str) -> Callable[[dict[str, Any]], str]:
    """Return what writes one figure of a row, or "-" where it has none."""
    return lambda row: "-" if row[name] is None else format(scale * row[name], form)


def _echo_courses(courses: list[dict[str, Any]]) -> None:
    """Print the mean regret after some seconds of evaluations, where it can be looked up."""
    if not courses or "regret" not in courses[0]:
        return
    moments = [f"{moment:,.0f} s" for moment in courses[0]["evaluation_seconds"]]
    rows = [["regret, points, after", *moments]]
    rows += [[one["algorithm"], *(f"{100 * r:.2f}" for r in one["regret"])] for one in courses]
    _table(rows)


def _table(rows: list[list[str]], spared: str = "") -> None:
    """Print cells in columns, the first one to the left; ``spared`` goes where room is scarce."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if spared in rows[0] and sum(widths) + 2 * len(widths) - 2 > _columns():
        at = rows[0].index(spared)
        rows = [[*row[:at], *row[at + 1 :]] for row in rows]
        del widths[at]
    click.echo()
    for first, *others in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        click.echo("  ".join([f"{first:{widths[0]}}", *cells]))


def _columns() -> int:
    return shutil.get_terminal_size().columns
