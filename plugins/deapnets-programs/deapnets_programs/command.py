"""``deapnets study rule``."""

from __future__ import annotations

import click


@click.command("rule")
@click.option("--seeds", type=int, default=10, show_default=True, help="How often all is done.")
@click.option(
    "--evaluations", type=int, default=4500, show_default=True, help="Programs of a search."
)
@click.option("--tasks", type=int, default=12, show_default=True, help="Tasks to search with.")
@click.option(
    "--steps", type=int, default=200, show_default=True, help="Steps in which a network learns."
)
@click.option("--unseen", type=int, default=24, show_default=True, help="Tasks of the report.")
@click.option("--workers", type=int, help="Searches that run side by side; one a core.")
@click.option("--most", type=int, help="End after so many searches; the next call goes on.")
@click.option(
    "--out", default="runs/study-rule", show_default=True, help="Directory; a study goes on there."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def rule(
    seeds: int,
    evaluations: int,
    tasks: int,
    steps: int,
    unseen: int,
    workers: int | None,
    most: int | None,
    out: str,
    as_json: bool,
) -> None:
    """Learning rules that evolve, beside random search and the rules of people.

    Rules see a weight's input, output, value and noise, the step, and the cost of the whole network
    and its change: no error and no gradient. They are searched on some tasks, and reported on
    others.
    """
    from deapnets.runs.directory import RunDirectory
    from deapnets_programs.picture import draw_study
    from deapnets_programs.study import Plan, report, run_cells

    plan, directory = Plan(seeds, evaluations, tasks, steps, unseen), RunDirectory(out)
    directory.path.mkdir(parents=True, exist_ok=True)
    for name in run_cells(plan, directory, workers, most):
        if not as_json:
            click.echo(name)
    found = report(plan, directory)
    picture = draw_study(directory, found)
    if as_json:
        import json

        click.echo(json.dumps(found, indent=2))
        return
    for row in sorted(found["rows"], key=lambda row: -row["mean"]):
        click.echo(f"{row['rule']:16} {row['mean']:7.3f} ± {row['std']:.3f}")
    for seed in found["complete"]:
        click.echo(f"seed {seed}: change = {found['cells'][f'evolved/{seed}']['mathematics']}")
    for sentence in found["verdict"]:
        click.echo(sentence)
    click.echo(f"{directory.path / 'rule.json'}\n{picture}")
