"""Do inherited weights help? Graphs that grow on digits, with and without, at equal training.

    python benchmarks/inheritance.py [--seeds 10] [--evaluations 60] [--epochs 2]

Minutes on one core. What inheritance adds is counted: both train every network for as many epochs,
and what was inherited comes from trainings that the search has paid for.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from pathlib import Path

from scipy.stats import wilcoxon

from deapnets.mapping import PopulationMap
from deapnets.runs.configuring import make_evaluator, make_settings
from deapnets.runs.environment import environment

RESULTS = Path(__file__).parent / "results" / "inheritance.json"


def search(inherit: bool, seed: int, evaluations: int, epochs: int) -> dict[str, float]:
    """Return what one search of aging evolution finds."""
    options = ["dataset=digits", f"epochs={epochs}", f"inherit={inherit}", "device=cpu"]
    evaluator = make_evaluator("cifar", options).instance
    random.seed(seed)
    mapping = PopulationMap(device="cpu")
    settings = make_settings("aging", ["population=10", "tournsize=5"], evaluator)
    algorithm = settings.begin(evaluator, mapping)
    while mapping.evaluations < evaluations:
        algorithm.step(mapping.evaluations / evaluations)
    return evaluator.measure(algorithm.candidates()["champion"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    rows = {}
    for inherit in (True, False):
        found = [
            search(inherit, seed, arguments.evaluations, arguments.epochs)
            for seed in range(arguments.seeds)
        ]
        rows[inherit] = {name: [one[name] for one in found] for name in found[0]}
        accuracy = statistics.fmean(rows[inherit]["test_accuracy"])
        print(f"inherit={inherit}: {100 * accuracy:.2f} % test accuracy", flush=True)
    pairs = [rows[inherit]["test_accuracy"] for inherit in (True, False)]
    p = float(wilcoxon(*pairs).pvalue)
    print(f"Wilcoxon signed-rank, paired by seed: p = {p:.3f}")
    record = {
        "environment": environment("deapnets-cifar"),
        **vars(arguments),
        "with": rows[True],
        "without": rows[False],
        "p": p,
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
