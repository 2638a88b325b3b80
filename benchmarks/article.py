"""The article's genetic algorithm on 3,274,634 weights, and what changes its outcome.

    DEAPNETS_DATA=... python benchmarks/article.py                   # what is missing
    DEAPNETS_DATA=... python benchmarks/article.py --only article-200
    python benchmarks/article.py --only none                         # tables and pictures alone

Each run is `examples/replacing_backpropagation.py` in a process of its own; its curves go to
``benchmarks/results/article.json`` as soon as they are there, so that the benchmark goes on where
it was stopped. The ablation gives every change the same number of generations and individuals.
``docs/replacing-backpropagation.md`` and its pictures are made from that file.
"""

import argparse
import functools
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from publishing import publish
from resumable import Results

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "article.json"
EXAMPLE = ROOT / "examples" / "replacing_backpropagation.py"
PAGE = ROOT / "docs" / "replacing-backpropagation.md"
IMAGES = ROOT / "docs" / "images"
MARK = "<!-- {} table: written by benchmarks/article.py -->"
CHANGES = ("nothing", "ancestor", "batch", "loss", "truncation", "sigma", "all")

CASES: dict[str, dict[str, Any]] = {
    "article-200": {"change": "nothing", "population": 200, "generations": 300, "seeds": (1,)},
    **{
        f"ablation-{change}": {
            "change": change,
            "population": 60,
            "generations": 60,
            "seeds": (1, 2, 3),
        }
        for change in CHANGES
    },
    "article-1000": {
        "change": "nothing",
        "population": 1000,
        "generations": 60,
        "memory": "20GB",
        "seeds": (1,),
    },
    "all-200": {"change": "all", "population": 200, "generations": 150, "seeds": (1,)},
}
POPULATIONS = ("article-200", "article-1000", "all-200")
"""The cases of the first table, each with a picture."""

_PROGRAM = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("experiment", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(json.dumps(module.main(**json.loads(sys.argv[2]), verbose=False)))
"""


def run(name: str, seed: int) -> dict[str, Any]:
    """Return the curves of one run, four digits each, and its seconds.

    The weights are there where a picture is drawn of them.
    """
    settings = {setting: value for setting, value in CASES[name].items() if setting != "seeds"}
    command = [sys.executable, "-c", _PROGRAM, str(EXAMPLE), json.dumps({**settings, "seed": seed})]
    began = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    record = _rounded(json.loads(done.stdout.splitlines()[-1]))
    if name not in POPULATIONS or seed != 1:
        del record["weights"]
    return {**settings, **record, "seconds": round(time.perf_counter() - began, 1)}


def _rounded(value: Any) -> Any:
    """Return numbers with four digits behind the point: a picture needs no more."""
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return round(value, 4) if isinstance(value, float) else value


def run_missing(results: Results, names: list[str]) -> None:
    """Run every case and seed that has no result yet; write each at once."""
    for name in names:
        for seed in CASES[name]["seeds"]:
            results.run(f"{name}/{seed}", functools.partial(run, name, seed))


def ablation_table(results: Results) -> str:
    """Return the test accuracies of each change, in percent: mean, deviation, each seed."""
    lines = [
        "| one thing otherwise | seeds | test accuracy, % | deviation | each | seconds |",
        "| --- | ---: | ---: | ---: | --- | ---: |",
    ]
    for change in CHANGES:
        runs = results.of(f"ablation-{change}")
        if runs:
            lines.append(f"| {change} | {_row(runs)} |")
    return "\n".join(lines)


def article_table(results: Results) -> str:
    """Return what the article's own way gives, and all changes together, by population."""
    lines = [
        "| changed | population | generations | seeds | accuracy, % | deviation | each | seconds |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- | ---: |",
    ]
    for name in POPULATIONS:
        runs = results.of(name)
        if runs:
            size, generations = runs[0]["population"], runs[0]["generations"]
            lines.append(f"| {runs[0]['change']} | {size:,} | {generations} | {_row(runs)} |")
    return "\n".join(lines)


def _row(runs: list[dict[str, Any]]) -> str:
    values = [100 * run["test_accuracy"] for run in runs]
    deviation = f"{statistics.stdev(values):.2f}" if len(values) > 1 else "-"
    each = ", ".join(f"{value:.2f}" for value in values)
    seconds = statistics.mean(run["seconds"] for run in runs)
    return f"{len(runs)} | {statistics.mean(values):.2f} | {deviation} | {each} | {seconds:,.0f}"


def draw_population(run: dict[str, Any], path: Path) -> None:
    """Draw fitness and validation over the generations, and 100 weights of the best network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), dpi=150, layout="constrained")
    curve, weights = figure.subplots(1, 2)
    changed = run["change"] == "all"  # its fitness is minus a cross-entropy, on an axis of its own
    images = 256 if changed else 64
    fitness = curve.twinx() if changed else curve
    fitness.plot(run["best"], color="#d1495b", lw=0.8, label=f"best, on its {images} images")
    fitness.plot(run["mean"], color="#8da9c4", lw=1.2, label=f"mean, on its {images} images")
    curve.plot(run["looked"], run["validation"], color="#13795b", label="best, on 1,000 others")
    curve.set(xlabel="generation", ylabel="accuracy", ylim=(0, 1))
    if changed:
        fitness.set_ylabel("fitness: minus the cross-entropy")
    lines = dict.fromkeys([*fitness.lines, *curve.lines])  # one axis or two
    place = "upper left" if changed else "upper right"
    curve.legend(handles=list(lines), frameon=False, fontsize=8, loc=place)
    values = list(zip(*run["weights"], strict=True))
    reach = 3 if not changed else float(max(abs(value) for row in values for value in row))
    image = weights.imshow(
        values,
        aspect="auto",
        cmap="RdBu",
        vmin=-reach,
        vmax=reach,
        extent=(0, run["generations"], 100, 0),
    )
    weights.set(xlabel="generation", ylabel="100 weights of the best network")
    figure.colorbar(image, ax=weights, label="weight")
    source = "around one ancestor" if changed else "from N(0, 1)"
    title = f"{run['population']:,} individuals {source}, {run['generations']} generations"
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    figure.savefig(path)


def draw_ablation(results: Results, path: Path) -> None:
    """Draw the validation curves of every change: each seed thin, their mean thick."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.2), dpi=150, layout="constrained")
    axes = figure.subplots()
    for place, change in enumerate(CHANGES):
        runs = results.of(f"ablation-{change}")
        if not runs:
            continue
        colour = colormaps["tab10"](place)
        for run in runs:
            axes.plot(run["looked"], run["validation"], color=colour, lw=0.6, alpha=0.5)
        mean = [statistics.mean(at) for at in zip(*(r["validation"] for r in runs), strict=True)]
        axes.plot(runs[0]["looked"], mean, color=colour, lw=2, label=change)
    axes.set(xlabel="generation", ylabel="accuracy on 1,000 held-out images", ylim=(0, 1))
    axes.legend(frameon=False, fontsize=8, title="one thing otherwise")
    figure.savefig(path)


def publish_all(results: Results) -> None:
    """Draw and write whatever runs are there; without one, the page stays as it is."""
    article, ablation = [article_table(results)], [ablation_table(results)]
    for name in POPULATIONS:
        for run in results.of(name)[:1]:
            draw_population(run, IMAGES / f"{name}.png")
            size, change = f"{run['population']:,}", run["change"]
            told = f"Accuracy, and 100 weights of the best of {size}; changed: {change}"
            article.append(f"![{told}](images/{name}.png)")
    if len(article) > 1:
        publish("\n\n".join(article), MARK.format("article"), PAGE)
    if any(results.of(f"ablation-{change}") for change in CHANGES):
        draw_ablation(results, IMAGES / "ablation.png")
        ablation.append("![Accuracy on held-out images, for each change](images/ablation.png)")
        publish("\n\n".join(ablation), MARK.format("ablation"), PAGE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=[*CASES, "none"])
    names = parser.parse_args().only or list(CASES)
    results = Results(RESULT)
    run_missing(results, [name for name in names if name != "none"])
    publish_all(results)
    print(article_table(results), ablation_table(results), sep="\n\n")


if __name__ == "__main__":
    main()
