"""``deapnets study noise``."""

from __future__ import annotations

import click


@click.command("noise")
@click.option("--seeds", type=int, default=30, show_default=True, help="Networks of a cell.")
@click.option(
    "--epochs", type=int, default=20, show_default=True, help="Forward passes of every image."
)
@click.option("--data", help="Folder with the four files of MNIST; found or downloaded otherwise.")
@click.option("--workers", type=int, help="Cells that run side by side; one a core.")
@click.option(
    "--out", default="runs/study-noise", show_default=True, help="Directory; a study goes on there."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def noise(
    seeds: int, epochs: int, data: str | None, workers: int | None, out: str, as_json: bool
) -> None:
    """Noise in place of gradients: twelve distributions, controls, and rules with credit.

    Trains networks 784-32-16-1 to tell zeros from ones of MNIST, the seeds of a cell as one batch,
    and tests them on all 2,115 test images.
    """
    from deapnets.runs.directory import RunDirectory
    from deapnets_noise.data import load_binary
    from deapnets_noise.picture import draw_study
    from deapnets_noise.study import Plan, report, run_cells

    plan, directory = Plan(seeds, epochs), RunDirectory(out)
    binary = load_binary(data)
    directory.path.mkdir(parents=True, exist_ok=True)
    for name, cell in run_cells(plan, binary, directory, workers):
        if not as_json:
            click.echo(f"{name}: {cell['seconds']:.1f} s")
    found = report(plan, binary, directory)
    picture = draw_study(directory, found)
    if as_json:
        import json

        click.echo(json.dumps(found, indent=2))
        return
    for row in sorted(found["rows"], key=lambda row: -row["median"]):
        low, middle, high = (100 * row[name] for name in ("low", "median", "high"))
        click.echo(f"{row['cell']:32} {middle:6.2f} %  ({low:.2f} to {high:.2f})")
    for sentence in found["verdict"]:
        click.echo(sentence)
    click.echo(f"{directory.path / 'noise.json'}\n{picture}")
