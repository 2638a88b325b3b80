"""Accuracy that the defaults reach: several seeds, the full test set, a baseline beside them.

    DEAPNETS_DATA=... python benchmarks/quality.py            # what is missing, then the tables
    DEAPNETS_DATA=... python benchmarks/quality.py --only ga-120

Each figure is a run of the command line in a process of its own; its result is written to
``benchmarks/results/quality.json`` as soon as it is there, so that the benchmark goes on where it
was stopped. A figure whose run shared the machine (more than 0.1 of a core kept busy by others) is
marked. The table of ``docs/results.md`` is made from that file.
"""

import argparse
import functools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from publishing import publish
from resumable import Results

HERE = Path(__file__).parent
RESULT = HERE / "results" / "quality.json"
BEGIN = "<!-- quality table: written by benchmarks/quality.py -->"
SEEDS = (1, 2, 3)

CASES: dict[str, dict[str, Any]] = {
    "digits-ga-30": {"options": ["dataset=digits"], "seconds": 30},
    "ga-120": {"options": [], "seconds": 120},
    "ga-600": {"options": [], "seconds": 600},
    "es-120": {"options": [], "seconds": 120, "algorithm": "es"},
    "es-600": {"options": [], "seconds": 600, "algorithm": "es"},
    "pgpe-120": {"options": [], "seconds": 120, "algorithm": "pgpe"},
    "snes-120": {"options": [], "seconds": 120, "algorithm": "snes"},
    "adam-20": {"options": [], "seconds": 20, "adam": True},
}


def evolve(case: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return the ``result.json`` of a run of the command line: defaults, and what the case says."""
    with tempfile.TemporaryDirectory() as folder:
        options = [word for option in case["options"] for word in ("-o", option)]
        options += [word for option in case.get("settings", []) for word in ("-a", option)]
        budget = "evaluations" if "evaluations" in case else "seconds"
        command = ["run", "mnist", *options, f"--{budget}", str(case[budget])]
        command += ["--algorithm", case.get("algorithm", "ga")]
        command += ["--seed", str(seed), "--out", f"{folder}/run", "--json"]
        program = "import sys; from deapnets.cli import main; main(sys.argv[1:])"
        subprocess.run(
            [sys.executable, "-c", program, *command], check=True, stdout=subprocess.DEVNULL
        )
        result: dict[str, Any] = json.loads(Path(folder, "run", "result.json").read_text())
        return result


def back_propagation(case: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return the figures of Adam on the same network, data and mini-batches: the baseline."""
    import torch
    from deapnets_mnist.evaluator import Mnist
    from torch.nn import functional

    from deapnets.randomness import Stream

    torch.manual_seed(seed)
    options = Mnist.presets.get(case.get("algorithm", ""), {})
    task, rng = Mnist(**options), Stream(seed)
    net, train, test = task.genome(), task.splits.train, task.splits.test
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < case["seconds"]:
        for rows in rng.permutation(len(train)).split(options.get("batch_size", 256)):
            batch = train.take(rows)
            optimiser.zero_grad()
            functional.cross_entropy(net(batch.inputs), batch.targets).backward()
            optimiser.step()
            steps += 1
    with torch.no_grad():
        right = (net(test.inputs).argmax(1) == test.targets).double().mean()
    metrics = {"test_accuracy": float(right)}
    return {"algorithm": "adam", "seed": seed, "generations": steps, "metrics": metrics}


def run_missing(results: Results, names: list[str]) -> None:
    """Run every case and seed that has no result yet; write each at once."""
    for name in names:
        case = CASES[name]
        way = back_propagation if case.get("adam") else evolve
        for seed in SEEDS:
            results.run(f"{name}/{seed}", functools.partial(way, case, seed))


def markdown(results: Results) -> str:
    """Return the table: mean and deviation of the test accuracy, in percent."""
    lines = [
        "| run | seeds | test accuracy, % | deviation | each | evaluations | others' cores |",
        "| --- | ---: | ---: | ---: | --- | ---: | ---: |",
    ]
    for name in CASES:
        runs = results.of(name)
        if not runs:
            continue
        values = [100 * run["metrics"]["test_accuracy"] for run in runs]
        deviation = f"{statistics.stdev(values):.2f}" if len(values) > 1 else "-"
        evaluations = statistics.mean(run.get("evaluations", 0) for run in runs)
        each = ", ".join(f"{value:.2f}" for value in values)
        busy = statistics.mean(run["neighbours_cores"] for run in runs)
        lines.append(
            f"| {name} | {len(runs)} | {statistics.mean(values):.2f} | {deviation} | {each} | "
            f"{evaluations:,.0f} | {busy:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=list(CASES))
    arguments = parser.parse_args()
    results = Results(RESULT)
    run_missing(results, arguments.only or list(CASES))
    print(markdown(results))
    publish(markdown(results), BEGIN)


if __name__ == "__main__":
    main()
