"""Which settings the genetic algorithm should have on MNIST: one change at a time, several seeds.

    DEAPNETS_DATA=... python benchmarks/sweep.py                # what is missing, then the table
    DEAPNETS_DATA=... python benchmarks/sweep.py --only sigma --seeds 5
    DEAPNETS_DATA=... python benchmarks/sweep.py --evaluations 1000000 --only defaults --only best

Each figure is a run of the command line in a process of its own. Its budget is a number of
evaluations, scaled so that all runs send as many images through networks: that is most of what a
run costs, and a figure is then the same on a busy machine. Settings are compared by the accuracy on
the validation split; the test split chooses nothing. A figure is written to
``benchmarks/results/sweep.json`` as soon as it is there, so that the sweep goes on where it was
stopped; the table of ``docs/results.md`` is made from that file.
"""

import argparse
import contextlib
import fcntl
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quality import evolve, publish
from timing import hardware, versions, write

RESULT = Path(__file__).parent / "results" / "sweep.json"
BEGIN = "<!-- sweep table: written by benchmarks/sweep.py -->"

CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    **{f"population={n}": {"settings": [f"population={n}"]} for n in (100, 200, 800)},
    **{f"share={share}": {"settings": [f"share={share}"]} for share in (0.15, 0.25)},
    **{f"elites={part}": {"settings": [f"elites={part}"]} for part in (0.0, 0.15)},
    **{f"spread={sigma}": {"settings": [f"spread={sigma}"]} for sigma in (0.02, 0.1)},
    **{f"sigma={sigma}": {"settings": [f"sigma={sigma}"]} for sigma in (0.01, 0.04)},
    **{f"sigma_end={s}": {"settings": [f"sigma_end={s}"]} for s in (0.001, 0.006)},
    **{
        f"batch_size={rows}": {"options": [f"batch_size={rows}"], "scale": 512 / rows}
        for rows in (256, 1024)
    },
    **{f"crossover={name}": {"settings": [f"crossover={name}"]} for name in ("arithmetic",)},
    "selection=tournament": {"settings": ["selection=tournament"]},
    "cxpb=0": {"settings": ["cxpb=0"]},
}
"""What is changed, and by how much the evaluations are scaled; all else is as by default."""


@contextlib.contextmanager
def turn(lock: Path | None) -> Iterator[None]:
    """Hold a lock file, if there is one, so that benchmarks of one machine take turns."""
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run_missing(
    results: dict[str, Any], names: list[str], evaluations: int, seeds: int, lock: Path | None
) -> None:
    """Run every case and seed that has no result yet; write each at once."""
    for seed in range(1, seeds + 1):
        for name in names:
            key = f"{name}/{evaluations}/{seed}"
            if key in results["runs"]:
                continue
            case = {"options": [], **CASES[name]}
            case["evaluations"] = round(evaluations * case.get("scale", 1.0))
            with turn(lock):
                result = evolve(case, seed)
            results["runs"][key] = result
            results |= {"hardware": hardware(), "versions": versions(["deapnets", "deap", "torch"])}
            write(RESULT, results)
            print(f"{key}: {result['metrics']['validation_accuracy']:.4f}", flush=True)


def accuracies(results: dict[str, Any], name: str, evaluations: int) -> dict[int, float]:
    """Return the validation accuracy of each seed of a case, in percent."""
    return {
        run["seed"]: 100 * run["metrics"]["validation_accuracy"]
        for key, run in results["runs"].items()
        if key.rsplit("/", 1)[0] == f"{name}/{evaluations}"
    }


def difference(results: dict[str, Any], name: str, evaluations: int) -> str:
    """Return by how much a case beats the defaults, over the seeds that both have."""
    own, defaults = (accuracies(results, case, evaluations) for case in (name, "defaults"))
    both = [own[seed] - defaults[seed] for seed in own if seed in defaults]
    return f"{statistics.mean(both):+.2f}" if both and name != "defaults" else ""


def markdown(results: dict[str, Any]) -> str:
    """Return the table: mean validation accuracy in percent, and the difference to the defaults."""
    lines = [
        "| evaluations | setting | seeds | validation accuracy, % | against the defaults | each |",
        "| ---: | --- | ---: | ---: | ---: | --- |",
    ]
    for evaluations in sorted({int(key.split("/")[1]) for key in results["runs"]}):
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
    parser.add_argument("--lock", type=Path, help="a file to lock during each run")
    arguments = parser.parse_args()
    wanted = tuple(arguments.only or [""])
    names = [name for name in CASES if name.startswith(wanted)]
    empty: dict[str, Any] = {"runs": {}}
    results = json.loads(RESULT.read_text()) if RESULT.is_file() else empty
    run_missing(results, names, arguments.evaluations, arguments.seeds, arguments.lock)
    print(markdown(results))
    publish(markdown(results), BEGIN)


if __name__ == "__main__":
    main()
