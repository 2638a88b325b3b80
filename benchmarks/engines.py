"""What engines cost and give: speed-up, bytes a child, the driver's time, busy workers.

    python benchmarks/engines.py                # some five minutes on two cores
    python benchmarks/engines.py --part steady

Five parts. ``speedup``: evaluations that are 20 ms of Python each, serial and with two workers, in
turns; it needs a machine that does nothing else. ``waiting``: the same with evaluations that sleep.
``steady``: a steady state of four workers whose evaluations sleep between 0.05 and 0.5 s.
``driver``: what 10,000 children of 22 weights cost the driver. ``wide``: the same for 64 children
of 3 million weights, which take no time to score. Medians and what other processes did meanwhile
go to ``benchmarks/results/engines.json``: docs/scaling.md quotes it.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import torch
from deap import algorithms, base, creator, tools
from timing import Neighbours, Timing, hardware, measure, table, versions, write
from torch import nn

import deapnets as dn

RESULT = Path(__file__).parent / "results" / "engines.json"
EVALUATIONS = 200  # of a steady state
PACKAGES = ("deapnets", "torch", "ray", "cloudpickle")


class PythonBound(dn.Evaluator):
    """Evaluations in Python: as many additions as take 20 ms when nothing else runs."""

    def __init__(self, turns: int) -> None:
        self.turns = turns
        self.net = nn.Linear(10, 1)

    def genome(self) -> nn.Module:
        """Return a network of 11 weights."""
        return self.net

    def evaluate(self, networks: dn.Networks) -> torch.Tensor:
        """Return the sum of the weights, after a while."""
        for _ in range(len(networks)):
            spin(self.turns)
        return networks.weights().sum(1)


class Waiting(PythonBound):
    """Evaluations that sleep 20 ms: a speed-up that other processes cannot spoil."""

    def evaluate(self, networks: dn.Networks) -> torch.Tensor:
        """Return the sum of the weights, after a while."""
        for _ in range(len(networks)):
            time.sleep(0.02)
        return networks.weights().sum(1)


class Sleeping(PythonBound):
    """Evaluations that sleep: between 0.05 and 0.5 s, as a weight says."""

    def evaluate(self, networks: dn.Networks) -> torch.Tensor:
        """Return how long each one slept, in seconds."""
        share = networks.weights()[:, 0].frac().abs()
        seconds = 0.05 * 10.0**share
        time.sleep(float(seconds.sum()))
        networks.record("ended", [time.monotonic()] * len(networks))
        return seconds


class Nothing(dn.Evaluator):
    """Evaluations that take no time: what is left is the engine."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    def genome(self) -> nn.Module:
        """Return the network."""
        return self.net

    def evaluate(self, networks: dn.Networks) -> torch.Tensor:
        """Return the first weight."""
        return networks.weights()[:, 0]


def spin(turns: int) -> int:
    """Return a sum, after as many turns of a loop."""
    total = 0
    for number in range(turns):
        total += number
    return total


def turns_of(seconds: float) -> int:
    """Return the turns that `spin` does in that time, by the fastest of a few tries."""
    tries = []
    for _ in range(9):
        began = time.perf_counter()
        spin(200_000)
        tries.append(time.perf_counter() - began)
    return int(200_000 * seconds / min(tries))


def toolbox_of(task: dn.Evaluator) -> base.Toolbox:
    """Return a toolbox that breeds networks of a task."""
    if "EngineIndividual" not in vars(creator):
        creator.create("EngineFitness", base.Fitness, weights=(1.0,))
        creator.create("EngineIndividual", dn.WeightGenome, fitness=creator.EngineFitness)
    toolbox = base.Toolbox()
    kind = creator.EngineIndividual
    toolbox.register("individual", dn.initWeights, kind, task.genome(), sigma=0.3)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", dn.cxUniform, indpb=0.5)
    toolbox.register("mutate", dn.mutGaussian, sigma=0.1, indpb=0.2)
    toolbox.register("select", tools.selTournament, tournsize=3)
    return toolbox


def engines(*names: str, workers: int) -> dict[str, dn.PopulationMap]:
    """Return maps by engine; Ray where it is installed."""
    maps = {}
    for name in names:
        try:
            count = None if name == "serial" else workers
            maps[name] = dn.PopulationMap(engine=name, workers=count, device="cpu")
        except dn.errors.EngineError as error:
            print(f"{name} is left out: {error}")
    return maps


def speedup(repeats: int, task: dn.Evaluator) -> dict[str, Any]:
    """Return the timings of 100 evaluations of 20 ms on each engine, in turns."""
    toolbox = toolbox_of(task)
    maps = engines("serial", "processes", "ray", workers=2)

    def generation(mapping: dn.PopulationMap) -> Callable[[], object]:
        return lambda: mapping(task, toolbox.population(n=100))

    with Neighbours() as neighbours:
        functions = {name: generation(mapping) for name, mapping in maps.items()}
        timings = measure(functions, repeats=repeats, warmup=1)
    for mapping in maps.values():
        mapping.close()
    print(table(timings, reference="serial"))
    serial = timings[0]
    return {
        "neighbours_cores": neighbours.cores,
        "evaluations": 100,
        "timings": [timing.as_dict() for timing in timings],
        "times_serial": {t.name: serial.median / t.median for t in timings},
        "times_serial_fastest": {t.name: _fastest(serial) / _fastest(t) for t in timings},
    }


def _fastest(timing: Timing) -> float:
    return min(timing.seconds)


def steady(repeats: int) -> dict[str, Any]:
    """Return the share of time that four workers are busy, by window."""
    task = Sleeping(0)
    toolbox = toolbox_of(task)
    mapping = engines("processes", workers=4)["processes"]
    mapping(task, toolbox.population(n=8))  # workers begin
    shares = {}
    for window in (8, 12):
        tries = [_busy_share(mapping, task, toolbox, window) for _ in range(repeats)]
        shares[str(window)] = {"median": median(tries), "raw": tries}
        print(f"window {window}: {median(tries):.1%} busy")
    mapping.close()
    return {"workers": 4, "evaluations": EVALUATIONS, "busy": shares}


def _busy_share(
    mapping: dn.PopulationMap, task: Sleeping, toolbox: base.Toolbox, window: int
) -> float:
    """Return the share of time that four workers slept, until the last evaluation was asked for.

    From there on workers idle whatever the engine.
    """
    asked = []

    def children() -> Iterator[Any]:
        for _ in range(EVALUATIONS):
            child = toolbox.individual()
            toolbox.mutate(child)
            asked.append(time.monotonic())
            yield child

    given = [
        (one.records["ended"], fitness[0])
        for one, fitness in mapping.steady(task, children(), window)
    ]
    busy = sum(
        max(0.0, min(ended, asked[-1]) - max(ended - seconds, asked[0])) for ended, seconds in given
    )
    return busy / (4 * (asked[-1] - asked[0]))


def driver(width: int, count: int, repeats: int) -> dict[str, Any]:
    """Return what a generation costs the driver: microseconds and bytes a child, by engine."""
    task = Nothing(nn.Linear(width - 1, 1))
    found = {}
    for name, mapping in engines("serial", "processes", "ray", workers=2).items():
        toolbox = toolbox_of(task)
        population = toolbox.population(n=count)
        tries = []
        for _ in range(repeats + 1):
            tries.append(_cost(mapping, task, population))
            population = algorithms.varAnd(toolbox.select(population, count), toolbox, 0.5, 1.0)
        mapping.close()
        found[name] = {key: median(t[key] for t in tries[1:]) for key in tries[0]}
        shown = ", ".join(f"{key} {value:.3g}" for key, value in found[name].items())
        print(f"{name}, {count:,} x {width:,}: {shown}")
    return {"children": count, "weights": width, "engines": found}


def _cost(mapping: dn.PopulationMap, task: Nothing, population: list[Any]) -> dict[str, float]:
    traffic = _traffic(mapping)
    processor, wall = time.process_time(), time.perf_counter()
    scores = mapping(task, population)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    sent = [after - before for after, before in zip(_traffic(mapping), traffic, strict=True)]
    for individual, values in zip(population, scores, strict=True):
        individual.fitness.values = values
    count = len(population)
    return {
        "processor_us_a_child": 1e6 * processor / count,
        "wall_us_a_child": 1e6 * wall / count,
        "task_bytes_a_child": sent[0] / count,
        "supply_bytes_a_child": sent[1] / count,
    }


def _traffic(mapping: dn.PopulationMap) -> tuple[int, int]:
    crew = getattr(mapping._engine, "crew", None)
    return (0, 0) if crew is None else (crew.traffic.tasks, crew.traffic.supplies)


PARTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "speedup": lambda repeats: speedup(repeats, PythonBound(turns_of(0.02))),
    "waiting": lambda repeats: speedup(repeats, Waiting(0)),
    "steady": steady,
    "driver": lambda repeats: driver(22, 10_000, repeats),
    "wide": lambda repeats: driver(3_000_000, 64, repeats),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    random.seed(0)
    kept = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    for name in arguments.part or PARTS:
        print(f"-- {name}", flush=True)
        with Neighbours() as neighbours:
            found = PARTS[name](arguments.repeats)
        about = {"hardware": hardware(), "versions": versions(PACKAGES)}
        kept[name] = {"neighbours_cores": neighbours.cores, **found, **about}
        write(arguments.out, kept)


if __name__ == "__main__":
    main()
