"""``deapnets sample`` and ``deapnets mix``."""

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


@click.command()
@click.argument("runs", nargs=-1, required=True)
@click.option("--out", required=True, help="Directory of mixture.json and picture.png.")
@click.option("--generations", type=int, help="Of the weights' evolution; 1,000 by default.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of children and images.")
@click.option("--json", "as_json", is_flag=True, help="Print mixture.json instead of the table.")
def mix(runs: tuple[str, ...], out: str, generations: int | None, seed: int, as_json: bool) -> None:
    """Make one generator of those that RUNS have saved: each is drawn as often as its weight says.

    A (1+1)-ES evolves the weights on the distance to the validation split; the test images are
    opened once, at the end, for each run alone, for even weights and for the evolved ones.

    \b
    deapnets run gan -o dataset=digits --algorithm es --seed 1 --seconds 60 --out runs/first
    deapnets run gan -o dataset=digits --algorithm es --seed 2 --seconds 60 --out runs/second
    deapnets mix runs/first runs/second --out runs/mixture
    """  # noqa: D301  (\b is click's mark for lines that keep their breaks)
    from deapnets.runs.directory import RunDirectory
    from deapnets_gan.grids import png_of
    from deapnets_gan.mixtures import GENERATIONS, SHOWN, Mixture, evolved_weights, measured

    mixture = Mixture(runs)
    directory = RunDirectory.create(out)
    count = GENERATIONS if generations is None else generations
    distance = mixture.distance()
    weights = evolved_weights(distance, len(runs), count, seed)
    rows = measured(mixture, weights, distance, seed)
    found = {
        "runs": list(runs),
        "weights": weights,
        "generations": count,
        "seed": seed,
        "figures": rows,
    }
    directory.write("mixture.json", found)
    directory.write_bytes("picture.png", png_of(mixture.images(weights, SHOWN, seed)))
    if as_json:
        import json

        click.echo(json.dumps(found, indent=2))
        return
    wide = max(map(len, rows))
    click.echo(f"{'':{wide}}   weight   validation   Frechet distance   total variation   classes")
    shares = dict(zip(runs, weights, strict=True))
    for name, row in rows.items():
        share = f"{shares[name]:.3f}" if name in shares else ""
        click.echo(
            f"{name:{wide}}   {share:>6}   {row['validation_frechet_distance']:10.2f}   "
            f"{row['frechet_distance']:16.2f}   {row['total_variation_distance']:15.3f}   "
            f"{row['classes_covered']:7.0f}"
        )
    click.echo(f"{directory.path / 'picture.png'}")
