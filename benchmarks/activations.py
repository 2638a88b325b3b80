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
from publishing import publish
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
EVALUATIONS = 200
LONGER = 5
"""How many times as long networks are trained once more: does what was found hold there?"""


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


def search(case: dict[str, str], evaluations: int, options: list[str]) -> dict[str, Any]:
    """Return what evolution and random search found."""
    programs = {}
    for name, selection in SEARCHES.items():
        evaluator, found = find(case, selection, evaluations, options)
        space = evaluator.space()
        program = reduced(space.parse_genes(str(found)), space)
        programs[name] = {
            "program": space.text(program),
            "mathematics": mathematics(program, space.pset, digits=3),
            "validation": found.fitness.values[0],
        }
    return {"programs": programs}


def trained(case: dict[str, Any], options: list[str], times: int) -> dict[str, list[float]]:
    """Return the test accuracies of ten networks, by what they were trained with."""
    pairs = [f"dataset={case['dataset']}", *options]
    shorter: Any = make_evaluator(case["kind"], pairs).instance
    steps = times * shorter.course.steps
    evaluator: Any = make_evaluator(case["kind"], [*pairs, f"steps={steps}"]).instance
    space = evaluator.space()
    parts_of = {
        name: evaluator.parts(space.parse_genes(found["program"]))
        for name, found in case["programs"].items()
    }
    columns = {}
    for name, parts in {**parts_of, **people(case["kind"], evaluator)}.items():
        scores = evaluator.train_and_test(evaluator.reporting, evaluator.test, *parts)
        columns[name] = scores.tolist()
    return columns


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
        case: dict[str, Any] = results["cases"].setdefault(name, dict(CASES[name]))
        if "longer" in case:
            continue
        with Neighbours() as neighbours:
            if "programs" not in case:
                case |= search(CASES[name], evaluations, options)
            case["accuracies"] = trained(case, options, 1)
            case["longer"] = trained(case, options, LONGER)
        case["neighbours_cores"] = round(neighbours.cores, 3)
        results |= {"hardware": hardware(), "versions": versions(["deapnets", "deap", "torch"])}
        write(out, results)
        print(name, case["programs"]["evolved"]["mathematics"], flush=True)


def markdown(results: dict[str, Any]) -> str:
    """Return the table: test accuracy of ten networks by what they were trained with."""
    lines = [
        "| what | on | trained with | test accuracy, % | evolved against it "
        f"| trained {LONGER} times as long, % | evolved against it |",
        "| --- | --- | --- | ---: | --- | ---: | --- |",
    ]
    for name in CASES:
        if name in results["cases"]:
            lines += _rows(results["cases"][name])
    return "\n".join(lines)


def _rows(case: dict[str, Any]) -> list[str]:
    short, longer = _cells(case["accuracies"]), _cells(case["longer"])
    rows = []
    for name in short:
        found = case["programs"].get(name)
        what = f"{name}: `{found['mathematics']}`" if found else name
        cells = [case["kind"], case["dataset"], what, *short[name], *longer[name]]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _cells(accuracies: dict[str, list[float]]) -> dict[str, tuple[str, str]]:
    """Return mean with deviation, and how evolved stands against it, by column."""
    values = {name: [100 * v for v in column] for name, column in accuracies.items()}
    pairs = [("evolved", name) for name in values if name != "evolved"]
    verdicts = {test.b: test.verdict for test in compare_pairs(values, pairs, unit="points")}
    return {
        name: (
            f"{statistics.mean(column):.2f} ± {statistics.stdev(column):.2f}",
            verdicts.get(name, ""),
        )
        for name, column in values.items()
    }


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
