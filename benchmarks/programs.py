"""DEAP's symbolic regression on many points: DEAP with numpy beside deapnets, seed by seed.

    python benchmarks/programs.py                      # what is missing, then the table
    python benchmarks/programs.py --points 100000 --most 2

The same population of 300, 40 generations and operators; in each seed both run one after the other
in this process. Results are written to ``benchmarks/results/programs.json`` seed by seed.
"""

import argparse
import functools
import importlib.util
import random
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from deap import algorithms, base, creator, gp, tools
from publishing import publish
from resumable import Results

RESULT = Path(__file__).parent / "results" / "programs.json"
EXAMPLE = Path(__file__).parents[1] / "examples" / "symbolic_regression.py"
PAGE = Path(__file__).parents[1] / "docs" / "programs.md"
BEGIN = "<!-- programs table: written by benchmarks/programs.py -->"
SEEDS = {100_000: 10, 1_000_000: 2}
SOLVED = 1e-20
"""Mean squared error below which a run counts as solved: what is left is rounding."""


def protected_division(left: Any, right: Any) -> Any:
    """Return what DEAP's example divides by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = np.divide(left, right)
        if isinstance(quotient, np.ndarray):
            quotient[~np.isfinite(quotient)] = 1
        elif not np.isfinite(quotient):
            quotient = 1
    return quotient


def numpy_toolbox(points: int) -> base.Toolbox:
    """Return the toolbox of DEAP's examples/gp/symbreg_numpy.py."""
    pset = gp.PrimitiveSet("MAIN", 1)
    pset.addPrimitive(np.add, 2, name="vadd")
    pset.addPrimitive(np.subtract, 2, name="vsub")
    pset.addPrimitive(np.multiply, 2, name="vmul")
    pset.addPrimitive(protected_division, 2)
    pset.addPrimitive(np.negative, 1, name="vneg")
    pset.addPrimitive(np.cos, 1, name="vcos")
    pset.addPrimitive(np.sin, 1, name="vsin")
    pset.addEphemeralConstant("rand101n", functools.partial(random.randint, -1, 1))
    pset.renameArguments(ARG0="x")
    if not hasattr(creator, "IndividualNumpy"):
        creator.create("FitnessMinNumpy", base.Fitness, weights=(-1.0,))
        creator.create("IndividualNumpy", gp.PrimitiveTree, fitness=creator.FitnessMinNumpy)
    x = np.linspace(-1, 1, points)
    values = x**4 + x**3 + x**2 + x

    def error(individual: gp.PrimitiveTree) -> tuple[float]:
        function = gp.compile(individual, pset)
        return (float(np.mean((function(x) - values) ** 2)),)

    toolbox = base.Toolbox()
    toolbox.register("expr", gp.genHalfAndHalf, pset=pset, min_=1, max_=2)
    toolbox.register("individual", tools.initIterate, creator.IndividualNumpy, toolbox.expr)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("evaluate", error)
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("mate", gp.cxOnePoint)
    toolbox.register("expr_mut", gp.genFull, min_=0, max_=2)
    toolbox.register("mutate", gp.mutUniform, expr=toolbox.expr_mut, pset=pset)
    for name in ("mate", "mutate"):
        toolbox.decorate(name, gp.staticLimit(lambda one: one.height, max_value=17))
    return toolbox


def plain(points: int, seed: int, generations: int, population: int) -> dict[str, Any]:
    """Run DEAP's example; return seconds, error and size of the best."""
    toolbox = numpy_toolbox(points)
    random.seed(seed)
    hall = tools.HallOfFame(1)
    began = time.perf_counter()
    with np.errstate(all="ignore"):
        algorithms.eaSimple(
            toolbox.population(n=population),
            toolbox,
            0.5,
            0.1,
            generations,
            halloffame=hall,
            verbose=False,
        )
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "error": hall[0].fitness.values[0], "size": len(hall[0])}


def ours(points: int, seed: int, generations: int, population: int) -> dict[str, Any]:
    """Run examples/symbolic_regression.py; return the same."""
    example = load_example()
    began = time.perf_counter()
    best = example.main(points, population, generations, seed, verbose=False)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "error": best.fitness.values[0], "size": len(best)}


@functools.cache
def load_example() -> Any:
    """Return the example as a module."""
    spec = importlib.util.spec_from_file_location("symbolic_regression", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_missing(results: Results, points: list[int], most: int) -> None:
    """Run at most so many of the seeds that have no result yet; write each at once."""
    ours(1000, 1, 2, 50)  # a warm-up
    for count in points:
        for seed in range(1, SEEDS.get(count, 1) + 1):
            if most != 0:
                most -= results.run(f"{count}/{seed}", functools.partial(both, count, seed))


def both(points: int, seed: int) -> dict[str, Any]:
    """Return what numpy and deapnets made of one seed."""
    return {"numpy": plain(points, seed, 40, 300), "deapnets": ours(points, seed, 40, 300)}


def markdown(results: Results) -> str:
    """Return the table: seconds, their ratio and how many seeds were solved, by points."""
    lines = [
        "| points | seeds | DEAP with numpy, s | deapnets, s | ratio | solved with numpy |"
        " solved by deapnets |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    counts = sorted({int(name.partition("/")[0]) for name in results.runs})
    for count in counts:
        runs = results.of(str(count))
        seconds = {way: [r[way]["seconds"] for r in runs] for way in ("numpy", "deapnets")}
        ratios = [a / b for a, b in zip(seconds["numpy"], seconds["deapnets"], strict=True)]
        solved = {w: sum(r[w]["error"] < SOLVED for r in runs) for w in seconds}
        lines.append(
            f"| {count:,} | {len(runs)} | {_moments(seconds['numpy'])} | "
            f"{_moments(seconds['deapnets'])} | {_moments(ratios)} | {solved['numpy']} | "
            f"{solved['deapnets']} |"
        )
    return "\n".join(lines)


def _moments(values: list[float]) -> str:
    deviation = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{deviation}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, action="append", help="100000 and 1000000 by default")
    parser.add_argument("--most", type=int, default=-1, help="seeds of this call; all by default")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--tiny", action="store_true", help="one seed of 100 points: a test")
    arguments = parser.parse_args()
    results = Results(arguments.out, ["deap", "torch", "numpy"])
    points = [100] if arguments.tiny else arguments.points or list(SEEDS)
    run_missing(results, points, arguments.most)
    print(markdown(results))
    if arguments.out == RESULT:
        publish(markdown(results), BEGIN, PAGE)


if __name__ == "__main__":
    main()
