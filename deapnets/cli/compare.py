"""``deapnets compare``: algorithms on one evaluator, with the statistics that say what is noise."""

from __future__ import annotations

import shutil
from typing import Any

import click


@click.command()
@click.argument("evaluator")
@click.option(
    "--algorithms", required=True, metavar="A,B,C", help="Algorithms, with commas between them."
)
@click.option("--seeds", type=int, default=10, show_default=True, help="Runs of each algorithm.")
@click.option(
    "--evaluations", type=int, default=20_000, show_default=True, help="Evaluations of each run."
)
@click.option("--seconds", type=float, help="Seconds of each run, instead of evaluations.")
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
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option("--memory", help='Bytes for weights, such as "4GB"; half of what is free.')
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(evaluator: str, algorithms: str, out: str | None, as_json: bool, **more: Any) -> None:
    """Compare algorithms on EVALUATOR at equal budgets, over the same seeds.

    Random search runs beside them, and back-propagation where the evaluator has a loss.

    \b
    deapnets compare xor --algorithms ga --seeds 10 --evaluations 3000
    deapnets compare mnist --algorithms ga,es --out runs/ga-es
    """  # noqa: D301  (\b is click's mark for lines that keep their breaks)
    from deapnets.reports.comparison import Comparison, Plan
    from deapnets.reports.curves import draw_comparison
    from deapnets.runs.directory import RunDirectory

    names = [name.strip() for name in algorithms.split(",") if name.strip()]
    plan = Plan(evaluator, names, **more)
    directory = RunDirectory(out or f"runs/compare-{evaluator.rpartition(':')[2]}")
    comparison = Comparison(plan, directory)
    for step in comparison.run():
        if not as_json:
            click.echo(_line(step))
    report = comparison.report()
    picture = draw_comparison(directory, report)
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
    percent = report["metric"].endswith("accuracy")
    unit = ", %" if percent else ""
    header = ["algorithm", f"{report['metric']}{unit}", "deviation", "evaluations", "forwards", "s"]
    rows = [header, *(_cells(row, 100.0 if percent else 1.0) for row in report["rows"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + 2 * len(widths) - 2 > shutil.get_terminal_size().columns:
        spared = header.index("forwards")  # comparison.json has them
        rows = [[*row[:spared], *row[spared + 1 :]] for row in rows]
        del widths[spared]
    click.echo()
    for first, *others in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        click.echo("  ".join([f"{first:{widths[0]}}", *cells]))
    click.echo()
    for test in report["tests"]:
        click.echo(f"{test['a']} and {test['b']}: {test['verdict']}")


def _cells(row: dict[str, Any], scale: float) -> list[str]:
    deviation = row["deviation"]
    return [
        row["algorithm"],
        f"{scale * row['mean']:.4g}",
        "-" if deviation is None else f"{scale * deviation:.2g}",
        f"{row['evaluations']:,.0f}",
        f"{row['image_forwards']:,.0f}",
        f"{row['seconds']:.1f}",
    ]
