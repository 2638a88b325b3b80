"""Seconds for one generation: deapnets, its peers, and the two floors, in one process.

    python benchmarks/generation.py                        # all sizes: some ten minutes
    python benchmarks/generation.py --size xor --size mlp-25

Peers that are not installed are left out and named (``pip install deapnets[benchmarks]``). All
functions of a size are timed in turns of three generations in a row, after some that are not
counted; the medians and what other processes did meanwhile go to
``benchmarks/results/generation.json``, and the table into the README. Sizes and the job: `peers`.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deap import base, creator, tools
from peers import (
    MUTATION_PROBABILITY,
    PEERS,
    SIGMA,
    SIZES,
    SWAP_PROBABILITY,
    TOURNAMENT,
    Generation,
    Peer,
    Size,
    bookkeeping_floor,
    forward_floor,
)
from timing import Neighbours, Timing, measure, record, write

import deapnets as dn

HERE = Path(__file__).parent
RESULT = HERE / "results" / "generation.json"
README = HERE.parent / "README.md"
BEGIN, END = "<!-- speed table: written by benchmarks/generation.py -->", "<!-- end -->"
BUSY = 0.1  # cores that others may keep busy before a measurement is repeated


class Deapnets(Peer):
    """The job by deapnets: DEAP's selection and ``varAnd``, `PopulationMap` as the map."""

    name = "deapnets"
    packages = ("deapnets",)

    def prepare(self, size: Size) -> Generation:
        """Return one step of `deapnets.eaGenerational`."""
        toolbox = self.toolbox(size)
        generations = dn.eaGenerational(toolbox.population(n=size.population), toolbox, 1.0, 1.0)

        return lambda: next(generations)

    def toolbox(self, size: Size) -> base.Toolbox:
        """Return a toolbox as the README has it."""
        net = size.module()
        toolbox = base.Toolbox()
        toolbox.register("individual", dn.initWeights, _individual_class(), net, sigma=SIGMA)
        toolbox.register("population", tools.initRepeat, list, toolbox.individual)
        toolbox.register("mate", dn.cxUniform, indpb=SWAP_PROBABILITY)
        toolbox.register("mutate", dn.mutGaussian, sigma=SIGMA, indpb=MUTATION_PROBABILITY)
        toolbox.register("select", tools.selTournament, tournsize=TOURNAMENT)
        toolbox.register("evaluate", dn.Supervised(net, size.inputs, size.targets))
        toolbox.register("map", dn.PopulationMap())
        return toolbox


def _individual_class() -> Any:
    if "NetFitness" not in vars(creator):
        creator.create("NetFitness", base.Fitness, weights=(1.0,))
        creator.create("NetIndividual", dn.WeightGenome, fitness=creator.NetFitness)
    return creator.NetIndividual


def evaluated_population(size: Size) -> list[Any]:
    """Return deapnets' own individuals with fitness set: the lightest that DEAP could clone."""
    net = size.module()
    population = [dn.initWeights(_individual_class(), net, SIGMA) for _ in range(size.population)]
    for individual in population:
        individual.fitness.values = (random.random(),)
    return population


def run_size(size: Size, repeats: int, budget: float) -> dict[str, Any]:
    """Return the record of one size; measured again, twice at most, while neighbours are busy."""
    functions: dict[str, Any] = {
        "forward floor": forward_floor(size),
        "bookkeeping floor": bookkeeping_floor(size, evaluated_population),
    }
    left_out, limits = {}, {}
    for peer in (Deapnets(), *PEERS):
        reason = peer.available(size)
        if reason is not None:
            left_out[peer.name] = reason
            continue
        limits[peer.name] = peer.limit(size)
        functions[peer.name] = peer.prepare(size.limited(limits[peer.name]))
    for _ in range(3):
        with Neighbours() as neighbours:
            timings = measure(functions, repeats=repeats, warmup=1, settle=6, row=3, budget=budget)
        if neighbours.cores <= BUSY:
            break
    full = [t.extrapolated(limits.get(t.name, size.population), size.population) for t in timings]
    packages = ["deapnets", *(name for peer in PEERS for name in peer.packages), "torch", "numpy"]
    return record(
        f"generation {size.name}",
        full,
        packages=dict.fromkeys(packages),
        population=size.population,
        weights=size.weights,
        batch=size.batch,
        neighbours_cores=neighbours.cores,
        floors_s=_floors(full),
        left_out=left_out,
        plans={name: functions[name].plan for name in ("forward floor", "bookkeeping floor")},
    )


def _floors(timings: Sequence[Timing]) -> float:
    return sum(timing.median for timing in timings if timing.name.endswith("floor"))


def markdown(records: Sequence[dict[str, Any]]) -> str:
    """Return the table of all sizes: seconds, and in brackets how many times deapnets' time."""
    names = ["deapnets", *(peer.name for peer in PEERS), "forward floor", "bookkeeping floor"]
    head = ["seconds a generation", *(f"{r['population']:,} x {r['weights']:,}" for r in records)]
    lines = [_row(head), _row(["---", *("---:" for _ in records)])]
    lines += [_row([name, *(_cell(name, r) for r in records)]) for name in names]
    ratios = [f"{_median('deapnets', r) / r['floors_s']:.2f}" for r in records]
    lines.append(_row(["deapnets / both floors", *ratios]))
    return "\n".join(lines)


def _cell(name: str, measured: dict[str, Any]) -> str:
    seconds = _median(name, measured)
    if seconds is None:
        return "-"
    if name == "deapnets" or name.endswith("floor"):
        return f"{seconds:.3g}"
    return f"{seconds:.3g} ({seconds / _median('deapnets', measured):.1f}x)"


def _median(name: str, measured: dict[str, Any]) -> Any:
    found = [t["median_s"] for t in measured["timings"] if t["name"] == name]
    return found[0] if found else None


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def publish(text: str, readme: Path = README) -> None:
    """Put the table between the README's two marks."""
    page = readme.read_text(encoding="utf-8")
    before, found, rest = page.partition(BEGIN)
    if not found:
        return
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", action="append", choices=[size.name for size in SIZES])
    parser.add_argument("--repeats", type=int, default=3, help="turns of three calls")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds a function and size")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    random.seed(0)
    records = []
    for size in SIZES:
        if arguments.size is None or size.name in arguments.size:
            records.append(run_size(size, arguments.repeats, arguments.budget))
            print(markdown(records[-1:]), flush=True)
            print(f"neighbours kept {records[-1]['neighbours_cores']:.2f} cores busy", flush=True)
    write(arguments.out, {"sizes": records})
    if arguments.size is None:
        publish(markdown(records))


if __name__ == "__main__":
    main()
