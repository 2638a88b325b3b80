"""Seconds for one generation: deapnets, its peers, and the two floors, in one run.

    python benchmarks/generation.py                        # all sizes: some ten minutes
    python benchmarks/generation.py --size xor --size mlp-25

Peers that are not installed are left out and named (``pip install deapnets[benchmarks]``). Each
peer has a process of its own, so that no library disturbs another; deapnets and the two floors
share one, in turns of three generations in a row, after some that are not counted. The medians and
what other processes did meanwhile go to
``benchmarks/results/generation.json``, and the table into the README. Sizes and the job: `jobs`.
"""

import argparse
import dataclasses
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deap import base, creator, tools
from floors import bookkeeping_floor, forward_floor
from jobs import (
    MUTATION_PROBABILITY,
    SIGMA,
    SIZES,
    SWAP_PROBABILITY,
    TOURNAMENT,
    Generation,
    Peer,
    Size,
)
from peers import PEERS
from publishing import publish
from timing import Neighbours, Timing, measure, record, write

import deapnets as dn

HERE = Path(__file__).parent
RESULT = HERE / "results" / "generation.json"
README = HERE.parent / "README.md"
BEGIN = "<!-- speed table: written by benchmarks/generation.py -->"
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
    timings, left_out, busy = [], {}, {}
    for job in ("deapnets", *(peer.name for peer in PEERS)):
        reason = None if job == "deapnets" else _peer(job).available(size)
        if reason is not None:
            left_out[job] = reason
            continue
        for _ in range(3):
            found = _in_process(job, size, repeats, budget)
            if found["cores"] <= BUSY:
                break
        timings += [Timing(**timing) for timing in found["timings"]]
        busy[job] = found["cores"]
    packages = ["deapnets", *(name for peer in PEERS for name in peer.packages), "torch", "numpy"]
    return record(
        f"generation {size.name}",
        timings,
        packages=dict.fromkeys(packages),
        population=size.population,
        weights=size.weights,
        batch=size.batch,
        neighbours_cores=busy,
        floors_s=_floors(timings),
        left_out=left_out,
    )


def _peer(name: str) -> Peer:
    return next(peer for peer in (Deapnets(), *PEERS) if peer.name == name)


def _in_process(job: str, size: Size, repeats: int, budget: float) -> dict[str, Any]:
    """Return what `measure_job` found in a process of its own."""
    words = ["--job", job, "--size", size.name, "--repeats", str(repeats), "--budget", str(budget)]
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_job(job: str, size: Size, repeats: int, budget: float) -> dict[str, Any]:
    """Return the timings of a job, with the floors beside deapnets, and the neighbours' cores."""
    peer = _peer(job)
    limit = peer.limit(size)
    functions: dict[str, Any] = {job: peer.prepare(size.limited(limit))}
    if job == "deapnets":
        functions["forward floor"] = forward_floor(size)
        functions["bookkeeping floor"] = bookkeeping_floor(size, evaluated_population)
    with Neighbours() as neighbours:
        timings = measure(functions, repeats=repeats, warmup=1, settle=6, row=3, budget=budget)
    full = [t.extrapolated(limit, size.population) if t.name == job else t for t in timings]
    return {"cores": neighbours.cores, "timings": [dataclasses.asdict(t) for t in full]}


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", action="append", choices=[size.name for size in SIZES])
    parser.add_argument("--repeats", type=int, default=3, help="turns of three calls")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds a function and size")
    parser.add_argument("--job", help="measure this alone and print JSON: what the script calls")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    random.seed(0)
    sizes = [s for s in SIZES if arguments.size is None or s.name in arguments.size]
    if arguments.job is not None:
        print(json.dumps(measure_job(arguments.job, sizes[0], arguments.repeats, arguments.budget)))
        return
    records = []
    for size in sizes:
        records.append(run_size(size, arguments.repeats, arguments.budget))
        print(markdown(records[-1:]), flush=True)
        print(f"cores that neighbours kept busy: {records[-1]['neighbours_cores']}", flush=True)
    write(arguments.out, {"sizes": records})
    if arguments.size is None:
        publish(markdown(records), BEGIN, README)


if __name__ == "__main__":
    main()
