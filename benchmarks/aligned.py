"""Does it help to match hidden units before crossover? Islands that start apart, several seeds.

    DEAPNETS_DATA=... python benchmarks/aligned.py             # what is missing, then the table
    DEAPNETS_DATA=... python benchmarks/aligned.py --only digits --seeds 10

Four islands of 50 networks start round networks of their own and evolve alone for the first half of
the generations. For the other half they stay apart, or two migrate from each to the next every ten
generations ("ring"), or all become one population ("joined"), and mate by the crossover that the
case says. The first half of a seed is the same in every case. Also measured, where the halves meet:
the loss of children of the best of two islands, before any selection, beside the parents' own.

Test accuracies of the network that is best on the validation split, and losses of the children, are
written to ``benchmarks/results/aligned.json`` as soon as a seed is done. The table of
``docs/toolbox.md`` is made from that file.
"""

import argparse
import functools
import itertools
import random
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from deap import base, creator, tools
from deapnets_mnist.evaluator import Mnist
from publishing import publish
from resumable import Results
from scipy.stats import wilcoxon

import deapnets as dn
from deapnets.operators.schedules import exponential

HERE = Path(__file__).parent
RESULT = HERE / "results" / "aligned.json"
PAGE = HERE.parent / "docs" / "toolbox.md"
BEGIN = "<!-- aligned table: written by benchmarks/aligned.py -->"

CROSSOVERS: dict[str, Callable[..., Any]] = {
    "uniform": dn.cxUniform,
    "neuron": dn.cxNeuron,
    "aligned": dn.cxAligned,
}
CASES = ("apart", *(f"{meeting}, {name}" for meeting in ("ring", "joined") for name in CROSSOVERS))
OPTIONS = {"network": "mlp-32", "pixels": "unit", "batch_size": 512}
TASKS = {name: {"dataset": name, **OPTIONS} for name in ("digits", "mnist")}
ISLANDS, SIZE, ELITES = 4, 50, 2

creator.create("FitnessMax", base.Fitness, weights=(1.0,))
creator.create("Individual", dn.WeightGenome, fitness=creator.FitnessMax)


def toolbox_of(task: Mnist, seed: int) -> base.Toolbox:
    """Return the toolbox of the first half: each island mates within itself."""
    toolbox = base.Toolbox()
    toolbox.register("mate", dn.cxUniform, indpb=0.5)
    toolbox.register("select", dn.selTruncation, share=0.5)
    toolbox.register("evaluate", task)
    toolbox.register("map", dn.PopulationMap(device="cpu", seed=seed))
    return toolbox


def founders(task: Mnist) -> list[list[Any]]:
    """Return the islands' first generation, each round a network of its own."""
    islands = []
    for _ in range(ISLANDS):
        ancestor = task.module()
        islands.append([dn.initWeights(creator.Individual, ancestor, 0.05) for _ in range(SIZE)])
    return islands


def evolve_apart(task: Mnist, seed: int, generations: int) -> tuple[list[list[Any]], Any]:
    """Return the islands after the first half, and their toolbox with its map."""
    random.seed(seed)
    torch.manual_seed(seed)
    toolbox = toolbox_of(task, seed)
    loop = dn.eaIslands(founders(task), toolbox, 1.0, 1.0, generations, every=None, elites=ELITES)
    follow(loop, toolbox, generations, 0)
    return loop.islands, toolbox


def follow(loop: Any, toolbox: base.Toolbox, generations: int, start: int) -> None:
    """Run a loop to its end, from generation ``start`` on; sigma falls over both halves."""
    for number, _ in enumerate(itertools.chain([None], loop), start):
        sigma = exponential(0.02, 0.003, number / (2 * generations))
        toolbox.register("mutate", dn.mutGaussian, sigma=sigma, indpb=1.0)


def meet(case: str, islands: list[list[Any]], toolbox: base.Toolbox, generations: int) -> list[Any]:
    """Return the last population of the second half."""
    meeting, _, crossover = case.partition(", ")
    toolbox.register("mate", CROSSOVERS[crossover or "uniform"], indpb=0.5)
    toolbox.register("migrate", tools.migRing, k=2, selection=tools.selBest)
    loop: Any
    if meeting == "joined":
        together = list(itertools.chain(*islands))
        loop = dn.eaGenerational(together, toolbox, 1.0, 1.0, elites=ISLANDS * ELITES)
    else:
        every = 10 if meeting == "ring" else None
        loop = dn.eaIslands(islands, toolbox, 1.0, 1.0, every=every, elites=ELITES)
    loop.number, loop.ngen = 0, generations  # its generation 0 is the last of the first half
    follow(loop, toolbox, generations, generations)
    population: list[Any] = loop.population
    return population


def best_accuracy(task: Mnist, population: list[Any]) -> float:
    """Return the test accuracy of the network that is best on the validation split."""
    fitness = task.validate(task.networks(*population))["fitness"]
    return task.measure(population[int(fitness.argmax())])["test_accuracy"]


def losses_of_children(task: Mnist, islands: list[list[Any]]) -> dict[str, float]:
    """Return the validation loss of the islands' best, and of children of two of them."""
    best = [tools.selBest(island, 1)[0] for island in islands]
    pairs = list(itertools.combinations(best, 2))
    figures = {"parents": validation_loss(task, best)}
    for name, cross in CROSSOVERS.items():
        children = []
        for _ in range(5):
            for pair in pairs:
                clones = [pair[0].with_node(pair[0].node), pair[1].with_node(pair[1].node)]
                children += cross(*clones, indpb=0.5)
        figures[name] = validation_loss(task, children)
    return figures


def validation_loss(task: Mnist, individuals: list[Any]) -> float:
    """Return the mean validation loss of some individuals."""
    return float(task.validate(task.networks(*individuals))["validation_loss"].mean())


def run_seed(name: str, seed: int, generations: int) -> dict[str, Any]:
    """Return the figures of one seed: all cases from the same islands."""
    task = Mnist(**TASKS[name])
    islands, toolbox = evolve_apart(task, seed, generations)
    figures: dict[str, Any] = {"children": losses_of_children(task, islands)}
    memory, drawn, batches = toolbox.map.func.state_dict(), random.getstate(), task.state_dict()
    for case in CASES:
        random.setstate(drawn)
        again = toolbox_of(task, seed)
        again.map.func.load_state_dict(memory)
        task.load_state_dict(batches)
        copies = [[again.clone(one) for one in island] for island in islands]
        figures[case] = best_accuracy(task, meet(case, copies, again, generations))
    return figures


def markdown(results: Results) -> str:
    """Return the table: accuracies after both halves, and what children lose at the meeting."""
    lines = [
        "| task | second half | seeds | test accuracy, % | deviation | against uniform | "
        "p (Wilcoxon) | loss of children (of parents) |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in TASKS:
        runs = results.of(name)
        lines += [row(name, case, runs) for case in CASES if runs]
    return "\n".join(lines)


def row(name: str, case: str, runs: list[dict[str, Any]]) -> str:
    """Return a case's row of the table."""
    meeting, _, crossover = case.partition(", ")
    values = [100 * run[case] for run in runs]
    cells = [name, case, str(len(runs)), f"{statistics.mean(values):.2f}", "", "", "", ""]
    if len(values) > 1:
        cells[4] = f"{statistics.stdev(values):.2f}"
    if crossover in ("neuron", "aligned"):
        uniform = [100 * run[f"{meeting}, uniform"] for run in runs]
        gained = [value - other for value, other in zip(values, uniform, strict=True)]
        cells[5] = f"{statistics.mean(gained):+.2f}"
        cells[6] = f"{wilcoxon(gained).pvalue:.3f}" if len(runs) > 5 and any(gained) else ""
    if meeting == "joined":
        own, parents = (
            statistics.mean(run["children"][of] for run in runs) for of in (crossover, "parents")
        )
        cells[7] = f"{own:.2f} ({parents:.2f})"
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=list(TASKS), action="append")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--generations", type=int, default=150, help="of each half")
    arguments = parser.parse_args()
    results = Results(RESULT, ["deapnets", "deap", "torch", "scipy"])
    for seed in range(1, arguments.seeds + 1):
        for name in arguments.only or TASKS:
            call = functools.partial(run_seed, name, seed, arguments.generations)
            results.run(f"{name}/{arguments.generations}/{seed}", call)
    print(markdown(results))
    publish(markdown(results), BEGIN, PAGE)


if __name__ == "__main__":
    main()
