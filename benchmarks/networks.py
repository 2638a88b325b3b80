"""Which network and mini-batch the genetic algorithm has by default on MNIST: runs by the clock.

    DEAPNETS_DATA=... python benchmarks/networks.py                # what is missing, then the table
    DEAPNETS_DATA=... python benchmarks/networks.py --only 120

Networks differ in what an evaluation costs, so that seconds are compared here, on two idle cores;
`benchmarks/sweep.py` compares settings by evaluations. The choice is by the validation split.
Figures go to ``benchmarks/results/networks.json`` one by one, so that it goes on where it was
stopped.
"""

import argparse
import functools
from pathlib import Path
from typing import Any

from publishing import publish
from quality import evolve
from resumable import Results

RESULT = Path(__file__).parent / "results" / "networks.json"
BEGIN = "<!-- networks table: written by benchmarks/networks.py -->"


def case(seconds: int, network: str, batch: int, *settings: str) -> dict[str, Any]:
    """Return a run of so many seconds, with settings of the algorithm."""
    options = [f"network={network}", "pixels=standard", f"batch_size={batch}"]
    return {"seconds": seconds, "options": options, "settings": list(settings)}


RUNS = [
    case(60, "mlp-32", 512),
    case(60, "mlp-32", 256),
    *(case(60, "strided-16", batch) for batch in (256, 128, 64)),
    case(60, "strided-8", 128),
    case(60, "strided-32", 128),
    *(
        case(60, "strided-16", 256, *settings)
        for settings in (["population=200"], ["spread=0.1"], ["sigma=0.03", "sigma_end=0.004"])
    ),
    *(
        case(60, "strided-16", 128, setting)
        for setting in (
            "population=200",
            "sigma_end=0.006",
            "selection=tournament",
            "crossover=neuron",
        )
    ),
    case(120, "strided-16", 128),
    case(120, "strided-16", 256),
    case(120, "strided-8", 256),
]
"""Each for seed 1."""


def key_of(run: dict[str, Any]) -> str:
    """Return what a run is called in the results."""
    return " ".join([str(run["seconds"]), *run["options"], *run["settings"]])


def markdown(results: Results) -> str:
    """Return the table, a row a run."""
    lines = [
        "| seconds | network, pixels, mini-batch | settings | evaluations | validation, % |",
        "| ---: | --- | --- | ---: | ---: |",
    ]
    for run in RUNS:
        result = results.runs.get(key_of(run))
        if result:
            accuracy = 100 * result["metrics"]["validation_accuracy"]
            words = ", ".join(option.split("=")[1] for option in run["options"])
            lines.append(
                f"| {run['seconds']} | {words} | {' '.join(run['settings'])} | "
                f"{result['evaluations']:,} | {accuracy:.2f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, help="runs of so many seconds")
    only = parser.parse_args().only
    results = Results(RESULT)
    for run in RUNS:
        if only in (None, run["seconds"]):
            results.run(key_of(run), functools.partial(evolve, run, 1))
    print(markdown(results))
    publish(markdown(results), BEGIN)


if __name__ == "__main__":
    main()
