"""Aging evolution that chooses among children by their FLOPs, on NAS-Bench-201.

About two minutes, with the table in nasbench201/ of the folder that DEAPNETS_DATA names:

    python benchmarks/screening.py [--seeds 100]

The FLOPs are those of the table: counting them for every child would take most of the time, and
gives the same order. The record goes to ``benchmarks/results/screening.json``, the table to
``docs/architectures.md``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import random
import statistics
from pathlib import Path
from typing import Any

from deapnets_cifar.nasbench201 import NasBench201, default_table
from publishing import publish
from timing import hardware, versions, write

import deapnets as dn
from deapnets.algorithms.screening import Screening
from deapnets.algorithms.searches import search_toolbox

RESULT = Path(__file__).parent / "results" / "screening.json"
PAGE = Path(__file__).parent.parent / "docs" / "architectures.md"
BEGIN = "<!-- screening table: written by benchmarks/screening.py -->"
CHILDREN = (1, 2, 4, 8)
EVALUATIONS = {60: 25, 100: 50, 200: 50}  # and the population
SAMPLE = 10


def flops() -> dict[str, float]:
    """Return the FLOPs of each architecture, in millions."""
    with gzip.open(default_table(), "rt") as file:
        return {row["architecture"]: float(row["flops_millions"]) for row in csv.DictReader(file)}


def search(
    evaluator: NasBench201, known: dict[str, float], children: int, evaluations: int, seed: int
) -> tuple[float, float | None]:
    """Return the test accuracy of what a search finds, and the proxy's rank correlation."""
    random.seed(seed)
    toolbox = search_toolbox(evaluator)
    screening = None if children == 1 else Screening(lambda cell: known[str(cell)], children)
    population = toolbox.population(n=EVALUATIONS[evaluations])
    found = dn.eaAging(population, toolbox, SAMPLE, evaluations=evaluations, screening=screening)
    accuracy = float(evaluator.measure(found.run())["test_accuracy"])
    return accuracy, found.figures().get("proxy_agreement")


def case(
    evaluator: NasBench201, known: dict[str, float], children: int, evaluations: int, seeds: int
) -> dict[str, Any]:
    """Return the record of a cell of the table."""
    runs = [search(evaluator, known, children, evaluations, seed) for seed in range(seeds)]
    values = [accuracy for accuracy, _ in runs]
    agreements = [agreement for _, agreement in runs if agreement is not None]
    return {
        "children": children,
        "evaluations": evaluations,
        "mean": statistics.fmean(values),
        "standard_error": statistics.stdev(values) / seeds**0.5,
        "agreement": statistics.fmean(agreements) if agreements else None,
        "values": values,
    }


def markdown(records: list[dict[str, Any]]) -> str:
    """Return the table: test accuracy in percent and its standard error."""
    lines = [
        f"| children | {' | '.join(f'{count} evaluations' for count in EVALUATIONS)} |",
        f"| ---: |{' ---: |' * len(EVALUATIONS)}",
    ]
    for children in CHILDREN:
        cells = [
            f"{100 * record['mean']:.3f} ± {100 * record['standard_error']:.3f}"
            for record in records
            if record["children"] == children
        ]
        lines.append(f"| {children} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    seeds = parser.parse_args().seeds
    evaluator, known = NasBench201(), flops()
    records = []
    for evaluations in EVALUATIONS:
        for children in CHILDREN:
            records.append(record := case(evaluator, known, children, evaluations, seeds))
            print(evaluations, children, f"{100 * record['mean']:.3f}", record["agreement"])
    machine = {"hardware": hardware(), "versions": versions(["deapnets", "deap", "torch"])}
    write(RESULT, {**machine, "seeds": seeds, "cases": records})
    publish(markdown(records), BEGIN, PAGE)


if __name__ == "__main__":
    main()
