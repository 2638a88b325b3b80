"""Evolved filters beside random ones, each with a last layer in closed form: no gradient anywhere.

    DEAPNETS_DATA=... python benchmarks/readout.py             # what is missing, then the table
    DEAPNETS_DATA=... python benchmarks/readout.py --only conv-16

A run measures its network twice: with the filters that it began with, which are random, and with
those that it evolved; both layers are solved on all training images, which "seconds in all" counts.
Results are written to ``benchmarks/results/readout.json`` run by run, and the table to
``docs/results.md``.
"""

import argparse
import functools
import statistics
import time
from pathlib import Path
from typing import Any

from publishing import publish
from quality import evolve
from resumable import Results

from deapnets.reports.statistics import compare_pairs

RESULT = Path(__file__).parent / "results" / "readout.json"
BEGIN = "<!-- readout table: written by benchmarks/readout.py -->"

CASES: dict[str, dict[str, Any]] = {
    f"conv-{filters}": {
        "seeds": seeds,
        "evaluations": evaluations,
        "options": [f"network=conv-{filters}", "readout=ridge", "pixels=unit"],
    }
    for filters, seeds, evaluations in ((16, 10, 1200), (64, 3, 300), (96, 3, 100), (128, 3, 150))
}


def run_missing(results: Results, names: list[str], most: int) -> None:
    """Run at most so many of the cases and seeds that have no result yet; write each at once."""
    for name in names:
        for seed in range(1, CASES[name]["seeds"] + 1):
            if most != 0:
                most -= results.run(f"{name}/{seed}", functools.partial(run, CASES[name], seed))


def run(case: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return the result of one run with all its seconds, those that solve the layers included."""
    began = time.perf_counter()
    result = evolve(case, seed)
    return {**result, "elapsed": round(time.perf_counter() - began, 1)}


def markdown(results: Results) -> str:
    """Return the table: random and evolved filters, and what the paired test says."""
    lines = [
        "| network | seeds | random filters, % | evolved, % | evolved - random | effect | verdict |"
        " evaluations | seconds in all | others' cores |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for name in CASES:
        runs = results.of(name)
        if runs:
            lines.append(_row(name, runs))
    return "\n".join(lines)


def _row(name: str, runs: list[dict[str, Any]]) -> str:
    evolved = [100 * run["metrics"]["test_accuracy"] for run in runs]
    start = [100 * run["metrics"]["initial_test_accuracy"] for run in runs]
    values = {"the evolved set": evolved, "the random one": start}
    (test,) = compare_pairs(values, [tuple(values)], unit="points")
    difference = statistics.mean(evolved) - statistics.mean(start)
    evaluations = statistics.mean(run["evaluations"] for run in runs)
    elapsed = [run["elapsed"] for run in runs if "elapsed" in run]
    seconds = f"{statistics.mean(elapsed):,.0f}" if elapsed else "-"
    busy = statistics.mean(run["neighbours_cores"] for run in runs)
    return (
        f"| {name} | {len(runs)} | {_moments(start)} | {_moments(evolved)} | {difference:+.2f} | "
        f"{test.effect:+.2f} | {test.verdict} | {evaluations:,.0f} | {seconds} | {busy:.2f} |"
    )


def _moments(values: list[float]) -> str:
    deviation = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{deviation}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=list(CASES))
    parser.add_argument("--most", type=int, default=-1, help="runs of this call; all by default")
    arguments = parser.parse_args()
    results = Results(RESULT)
    run_missing(results, arguments.only or list(CASES), arguments.most)
    print(markdown(results))
    publish(markdown(results), BEGIN)


if __name__ == "__main__":
    main()
