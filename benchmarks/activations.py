"""Evolved activation functions and losses beside those of people, on digits and MNIST.

    DEAPNETS_DATA=... python benchmarks/activations.py         # what is missing, then the table
    DEAPNETS_DATA=... python benchmarks/activations.py --only activation-digits

``gp`` searches with networks of some seeds on the validation split; what it found and what people
use is then trained in ten networks of other seeds, and compared on the test split. Random search
with as many programs stands beside it. Results go to ``benchmarks/results/activations.json``.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from deapnets_programs import activation, loss
from deapnets_programs.training import cross_entropy
from quality import publish
from timing import Neighbours, hardware, versions, write

from deapnets.programs.printing import mathematics
from deapnets.programs.reducing import reduced
from deapnets.reports.statistics import compare_pairs
from deapnets.runs.budget import Budget
from deapnets.runs.configuring import Configuration, make_evaluator, make_settings
from deapnets.runs.directory import RunDirectory
from deapnets.runs.running import Run

RESULT = Path(__file__).parent / "results" / "activations.json"
PAGE = Path(__file__).parents[1] / "docs" / "programs.md"
BEGIN = "<!-- activations table: written by benchmarks/activations.py -->"

CASES = {
    f"{kind}-{dataset}": {"kind": kind, "dataset": dataset}
    for kind in ("activation", "loss")
    for dataset in ("digits", "mnist")
}
SEARCHES = {"evolved": "tournament", "random search": "random"}
EVALUATIONS = 300


def find(case: dict[str, str], selection: str, evaluations: int, options: list[str]) -> Any:
    """Return evaluator and the program that a search with so many programs saved."""
    plugin = make_evaluator(case["kind"], [f"dataset={case['dataset']}", *options])
    settings = make_settings("gp", [f"selection={selection}"], plugin.instance)
    budget = Budget(evaluations=evaluations)
    with tempfile.TemporaryDirectory() as folder:
        directory = RunDirectory.create(Path(folder) / "run")
        run = Run(Configuration(plugin, "gp", settings, budget, seed=1, device="cpu"), directory)
        for _ in run:
            pass
    return plugin.instance, run.champion.individual


def measure(case: dict[str, str], evaluations: int, options: list[str]) -> dict[str, Any]:
    """Return the test accuracies of ten networks, by what they were trained with."""
    columns, programs = {}, {}
    for name, selection in SEARCHES.items():
        evaluator, found = find(case, selection, evaluations, options)
        space = evaluator.space()
        program = reduced(space.parse_genes(str(found)), space)
        programs[name] = {
            "program": space.text(program),
            "mathematics": mathematics(program, space.pset, digits=3),
            "validation": found.fitness.values[0],
        }
        columns[name] = evaluator.scores(program, evaluator.reporting, evaluator.test).tolist()
    for name, parts in people(case["kind"], evaluator).items():
        columns[name] = evaluator.train_and_test(
            evaluator.reporting, evaluator.test, *parts
        ).tolist()
    return {"accuracies": columns, "programs": programs}


def people(kind: str, evaluator: Any) -> dict[str, Any]:
    """Return activation and loss of each baseline."""
    if kind == "activation":
        return {name: (call, cross_entropy) for name, call in activation.baselines().items()}
    texts = loss.BASELINES.items()
    return {name: evaluator.parts(evaluator.space().parse_genes(text)) for name, text in texts}


def run_missing(
    results: dict[str, Any], out: Path, names: list[str], evaluations: int, options: list[str]
) -> None:
    """Do the cases that have no result yet; write each at once."""
    torch.set_num_threads(1)
    for name in names:
        if name in results["cases"]:
            continue
        with Neighbours() as neighbours:
            found = measure(CASES[name], evaluations, options)
        busy = round(neighbours.cores, 3)
        results["cases"][name] = {**CASES[name], **found, "neighbours_cores": busy}
        results |= {"hardware": hardware(), "versions": versions(["deapnets", "deap", "torch"])}
        write(out, results)
        print(name, found["programs"]["evolved"]["mathematics"], flush=True)


def markdown(results: dict[str, Any]) -> str:
    """Return the table: test accuracy of ten networks by what they were trained with."""
    lines = [
        "| what | on | trained with | test accuracy, % | evolved against it |",
        "| --- | --- | --- | ---: | --- |",
    ]
    for name in CASES:
        if name in results["cases"]:
            lines += _rows(results["cases"][name])
    return "\n".join(lines)


def _rows(case: dict[str, Any]) -> list[str]:
    values = {name: [100 * v for v in column] for name, column in case["accuracies"].items()}
    others = [name for name in values if name != "evolved"]
    tests = compare_pairs(values, [("evolved", other) for other in others], unit="points")
    verdicts = {test.b: test.verdict for test in tests}
    rows = []
    for name, column in values.items():
        found = case["programs"].get(name)
        what = f"{name}: `{found['mathematics']}`" if found else name
        mean, deviation = statistics.mean(column), statistics.stdev(column)
        rows.append(
            f"| {case['kind']} | {case['dataset']} | {what} | {mean:.2f} ± {deviation:.2f} | "
            f"{verdicts.get(name, '')} |"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=list(CASES))
    parser.add_argument("--evaluations", type=int, default=EVALUATIONS)
    parser.add_argument("-o", dest="options", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    empty: dict[str, Any] = {"cases": {}}
    results = json.loads(arguments.out.read_text()) if arguments.out.is_file() else empty
    run_missing(
        results,
        arguments.out,
        arguments.only or list(CASES),
        arguments.evaluations,
        arguments.options,
    )
    print(markdown(results))
    if arguments.out == RESULT:
        publish(markdown(results), BEGIN, PAGE)


if __name__ == "__main__":
    main()
