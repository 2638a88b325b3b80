"""``deapnets sample``."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--n", "count", type=int, default=64, show_default=True, help="Images.")
@click.option("--out", default="grid.png", show_default=True, help="The picture, a PNG.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the latents.")
@click.option("--columns", type=int, help="Images side by side; about the root of --n.")
@click.option("--json", "as_json", is_flag=True, help="Measure them too, and print the figures.")
def sample(run: str, count: int, out: str, seed: int, columns: int | None, as_json: bool) -> None:
    """Draw images by the generator that RUN has saved.

    \b
    deapnets run gan -o dataset=digits --algorithm es --seconds 120 --out runs/digits
    deapnets sample runs/digits --n 64 --out grid.png
    """  # noqa: D301  (\b is click's mark for lines that keep their breaks)
    from pathlib import Path

    from deapnets_gan.sampling import sampled, write_picture

    task, images = sampled(run, count, seed)
    path = write_picture(images, Path(out).expanduser(), columns)
    if as_json:
        import json

        figures = task.report().measure(images)
        click.echo(json.dumps({"picture": str(path), "images": count, **figures}, indent=2))
        return
    shares = task.report().shares(images)
    click.echo(f"{path}: {count} images")
    click.echo("of each class: " + ", ".join(f"{100 * share:.0f} %" for share in shares))
