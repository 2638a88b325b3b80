"""Which settings the genetic algorithm should have on MNIST: one change at a time, several seeds.

    DEAPNETS_DATA=... python benchmarks/sweep.py                # what is missing, then the table
    DEAPNETS_DATA=... python benchmarks/sweep.py --only sigma --seeds 5
    DEAPNETS_DATA=... python benchmarks/sweep.py --evaluations 1000000 --only defaults --only best

Each figure is a run of the command line in a process of its own. Its budget is a number of
evaluations, scaled so that all runs send as many images through networks: that is most of what a
run costs, and a figure is the same on a busy machine, and with several runs at a time (``--jobs``).
Settings are compared by the accuracy on the validation split; the test split chooses nothing. A
figure is written to ``benchmarks/results/sweep.json`` as soon as it is there, so that the sweep
goes on where it was stopped; the table of ``docs/results.md`` is made from that file.
"""

import argparse
import os
import statistics
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from publishing import publish
from quality import evolve
from resumable import Results

RESULT = Path(__file__).parent / "results" / "sweep.json"
BEGIN = "<!-- sweep table: written by benchmarks/sweep.py -->"


BASE = {"network": "mlp-32", "pixels": "unit", "batch_size": "512"}
"""The evaluator's options in every case: a network that is quick to score."""


def changed(*settings: str, options: tuple[str, ...] = (), scale: float = 1.0) -> dict[str, Any]:
    """Return a case: algorithm's settings, evaluator's options, and what evaluations scale by."""
    return {"settings": list(settings), "options": list(options), "scale": scale}


SINGLE = (
    *(f"population={n}" for n in (50, 100, 200, 800)),
    *(f"share={share}" for share in (0.15, 0.25)),
    *(f"elites={part}" for part in (0.0, 0.15)),
    *(f"spread={sigma}" for sigma in (0.02, 0.1)),
    *(f"sigma={sigma}" for sigma in (0.01, 0.04)),
    *(f"sigma_end={sigma}" for sigma in (0.001, 0.006)),
    *(f"crossover={name}" for name in ("arithmetic", "neuron", "aligned")),
    "cxpb=0",
    *(f"selection={name}" for name in ("rank", "tournament")),
    *(f"schedule={name}" for name in ("constant", "selfadaptive")),
)
"""Settings that are changed alone."""

CASES: dict[str, dict[str, Any]] = {
    "defaults": changed(),
    **{setting: changed(setting) for setting in SINGLE},
    "mutation=relative sigma=0.5 sigma_end=0.075": changed(
        "mutation=relative", "sigma=0.5", "sigma_end=0.075"
    ),
    "schedule=goal goal=0": changed("schedule=goal", "goal=0"),
    **{
        f"batch_size={rows}": changed(options=(f"batch_size={rows}",), scale=512 / rows)
        for rows in (256, 1024)
    },
    **{
        f"population={n} batch_size=256": changed(
            f"population={n}", options=("batch_size=256",), scale=2.0
        )
        for n in (100, 200)
    },
    "population=100 sigma=0.04": changed("population=100", "sigma=0.04"),
}
"""What is changed, and by how much the evaluations are scaled; all else is as by default."""


def run_missing(
    results: Results, names: list[str], evaluations: int, seeds: int, jobs: int = 1
) -> None:
    """Run every case and seed that has no result yet, ``jobs`` at a time; write each at once."""
    wanted = [(name, seed) for seed in range(1, seeds + 1) for name in names]
    with ThreadPoolExecutor(jobs) as pool:
        futures = {
            pool.submit(run, name, evaluations, seed): f"{name}/{evaluations}/{seed}"
            for name, seed in wanted
            if f"{name}/{evaluations}/{seed}" not in results.runs
        }
        for future in as_completed(futures):
            results.add(futures[future], future.result())


def run(name: str, evaluations: int, seed: int) -> dict[str, Any]:
    """Return the ``result.json`` of one run."""
    case = CASES[name]
    options = BASE | dict(option.split("=", 1) for option in case["options"])
    words = [f"{option}={value}" for option, value in options.items()]
    evaluations = round(evaluations * case["scale"])
    return evolve({**case, "options": words, "evaluations": evaluations}, seed)


def accuracies(results: Results, name: str, evaluations: int) -> dict[int, float]:
    """Return the validation accuracy of each seed of a case, in percent."""
    return {
        run["seed"]: 100 * run["metrics"]["validation_accuracy"]
        for run in results.of(f"{name}/{evaluations}")
    }


def difference(results: Results, name: str, evaluations: int) -> str:
    """Return by how much a case beats the defaults, over the seeds that both have."""
    own, defaults = (accuracies(results, case, evaluations) for case in (name, "defaults"))
    both = [own[seed] - defaults[seed] for seed in own if seed in defaults]
    return f"{statistics.mean(both):+.2f}" if both and name != "defaults" else ""


def markdown(results: Results) -> str:
    """Return the table: mean validation accuracy in percent, and the difference to the defaults."""
    lines = [
        "| evaluations | setting | seeds | validation accuracy, % | against the defaults | each |",
        "| ---: | --- | ---: | ---: | ---: | --- |",
    ]
    for evaluations in sorted({int(key.split("/")[1]) for key in results.runs}):
        for name in CASES:
            values = accuracies(results, name, evaluations)
            if values:
                each = ", ".join(f"{value:.2f}" for _, value in sorted(values.items()))
                lines.append(
                    f"| {evaluations:,} | {name} | {len(values)} | "
                    f"{statistics.mean(values.values()):.2f} | "
                    f"{difference(results, name, evaluations)} | {each} |"
                )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="cases whose names begin so")
    parser.add_argument("--evaluations", type=int, default=200_000, help="of each run")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each case")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, of a thread each")
    arguments = parser.parse_args()
    wanted = tuple(arguments.only or [""])
    if arguments.jobs > 1:
        os.environ["OMP_NUM_THREADS"] = "1"
    names = [name for name in CASES if name.startswith(wanted)]
    results = Results(RESULT)
    run_missing(results, names, arguments.evaluations, arguments.seeds, arguments.jobs)
    print(markdown(results))
    publish(markdown(results), BEGIN)


if __name__ == "__main__":
    main()
