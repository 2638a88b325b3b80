"""Searches of NAS-Bench-201: what each finds in 200 evaluations, and at equal training time.

About a minute on two cores, with the table in nasbench201/ of the folder that DEAPNETS_DATA names:

    python benchmarks/architectures.py [--seeds 200] [--evaluations 200]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import statistics
import time
from pathlib import Path

import deapnets as dn
from deapnets.algorithms.searches import search_toolbox
from deapnets.mapping import PopulationMap
from deapnets.runs.configuring import make_evaluator, make_settings
from deapnets.runs.environment import environment

RESULTS = Path(__file__).parent / "results" / "architectures.json"
ALGORITHMS = ("local", "aging", "nonaging", "pairs", "reinforce", "random")
LADDERS = {"one fidelity": 0.0, "halving, eta 3": 3.0, "halving, eta 4": 4.0}
BUDGETS = (100_000.0, 200_000.0, 400_000.0)  # simulated seconds of training
EVALUATOR = "nasbench201"


def search(job: tuple[str, int, int]) -> dict[str, float]:
    """Return the figures of what one run of an algorithm finds, with the command's defaults."""
    name, seed, evaluations = job
    evaluator = make_evaluator(EVALUATOR, []).instance
    random.seed(seed)
    mapping = PopulationMap(device="cpu")
    algorithm = make_settings(name, [], evaluator).begin(evaluator, mapping)
    while mapping.evaluations < evaluations:
        algorithm.step(mapping.evaluations / evaluations)
    return {**evaluator.measure(algorithm.candidates()["champion"]), **algorithm.figures()}


def climb(job: tuple[float, float, int]) -> float:
    """Return the test accuracy of what aging finds in simulated seconds, with fidelities or not."""
    eta, seconds, seed = job
    evaluator = make_evaluator(EVALUATOR, []).instance
    random.seed(seed)
    toolbox = search_toolbox(evaluator)
    halving = dn.Halving(evaluator.fidelities, eta) if eta else None
    population = toolbox.population(n=50)
    found = dn.eaAging(population, toolbox, 10, seconds=seconds, halving=halving).run()
    return float(evaluator.measure(found)["test_accuracy"])


def summary(values: list[float]) -> dict[str, object]:
    error = statistics.stdev(values) / len(values) ** 0.5
    mean = statistics.fmean(values)
    return {"mean": mean, "standard_error": error, "seeds": len(values), "values": values}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    began = time.perf_counter()
    rows, ladders = [], []
    with multiprocessing.get_context("spawn").Pool(arguments.workers) as pool:
        for name in ALGORITHMS:
            jobs = [(name, seed, arguments.evaluations) for seed in range(arguments.seeds)]
            found = pool.map(search, jobs, chunksize=10)
            rows.append(row := {"algorithm": name, **summary([f["test_accuracy"] for f in found])})
            for figure in ("is_best", "regret", "distinct", "evaluation_seconds"):
                row[figure] = statistics.fmean(f[figure] for f in found)
            print(f"{name:10} {100 * row['mean']:.3f} +- {100 * row['standard_error']:.3f} %")
        seconds = time.perf_counter() - began
        for label, eta in LADDERS.items():
            for budget in BUDGETS:
                jobs = [(eta, budget, seed) for seed in range(arguments.seeds)]
                row = summary(pool.map(climb, jobs, chunksize=10))
                ladders.append({"aging": label, "training_seconds": budget, **row})
                print(f"{label:16} {budget:9,.0f} s {100 * row['mean']:.3f} %")
    RESULTS.write_text(
        json.dumps(
            {
                "environment": environment("deapnets-cifar"),
                "evaluations": arguments.evaluations,
                "seconds": seconds,
                "rows": rows,
                "at_equal_training_time": ladders,
            },
            indent=1,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
