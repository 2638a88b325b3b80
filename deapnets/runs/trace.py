"""`Trace`: what a report tells of a run beside its log: ``trace.jsonl`` and ``lineage.json``."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, final

import numpy as np
import torch

from deapnets.algorithms.base import Generation
from deapnets.genomes.making import make
from deapnets.genomes.weights import WeightGenome
from deapnets.mapping import PopulationMap
from deapnets.runs.ancestry import NOBODY, Ancestry, looked_at
from deapnets.runs.directory import TRACE, RunDirectory
from deapnets.runs.progeny import Elders, Progeny

LINEAGE = "lineage.json"

WEIGHTS = 100
"""Weights of the best network that are followed, evenly picked from all of them."""

PHASES = ("making", "evaluating", "waiting", "selecting", "validating", "saving")


@final
class Trace:
    """Follows a run from one generation to the next, and writes a line of some of them.

    Where time went, how far the population is spread, whether children are better than their
    parents, the weights of the best; of a search of architectures every network that was scored.
    Nothing of it has a say in the run, nothing is drawn at random, and one that is stopped and goes
    on has the same lines but for seconds.

    Parameters
    ----------
    directory
        Where the files are.
    mapping
        Who makes and scores the networks.
    """

    def __init__(self, directory: RunDirectory, mapping: PopulationMap) -> None:
        self._directory, self._mapping = directory, mapping
        self._phases = dict.fromkeys(PHASES, 0.0)
        self._ancestry, self._progeny = Ancestry(), Progeny()
        self._line: dict[str, Any] = {}
        self._written: dict[str, Any] = {}
        self._trials = 0  # number of the last network of a search
        self._last: tuple[int, int] | None = None  # generation and place of the best

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the seconds of the block as ``"validating"`` or ``"saving"``."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._phases[name] += time.perf_counter() - began

    @contextmanager
    def step(self, generation: int) -> Iterator[None]:
        """Count the seconds of a step, and watch who is bred, if the generation is looked at."""
        watches = self._progeny.elders is not None and looked_at(generation)
        self._mapping.on_population = self._progeny.watch if watches else None
        before, began = dict(self._mapping.seconds), time.perf_counter()
        yield
        took = time.perf_counter() - began
        spent = {name: self._mapping.seconds[name] - before[name] for name in before}
        for name in ("making", "evaluating"):  # of all workers together
            spent[name] /= self._mapping.workers
        if not any(spent.values()):  # a search, that has networks trained one by one
            spent["evaluating"] = took
        for name, seconds in {**spent, "selecting": took - sum(spent.values())}.items():
            self._phases[name] += max(0.0, seconds)

    def note(self, generation: Generation) -> None:
        """Write the line of a generation that was scored, if it is one to be looked at."""
        number, population = generation.number, generation.population
        if not all(isinstance(one, WeightGenome) for one in population):
            leader = generation.record.get("leader")
            told = {} if leader is None else {"leader": leader}
            self._append(number, {**told, "networks": self._networks(population)})
            return
        worth = [one.fitness.wvalues for one in population]
        place = max(range(len(worth)), key=worth.__getitem__)
        if number == 0 or generation.parents:
            self._follow(generation, [values[0] for values in worth])
            self._last = (number, place)
        else:
            self._forget()
        if looked_at(number):
            weights = self._weights(population, population[place])
            figures = {"operators": self._progeny.tell(), **weights}
            self._append(number, figures)

    def keep_line(self) -> None:
        """Keep the line of the generation's best: the run saves a network of this generation."""
        if self._last is not None:
            generation, place = self._last
            line = [[at, _short(value), born] for at, value, born in self._ancestry.line(place)]
            self._line = {"generation": generation, "line": line} if len(line) > 1 else {}

    def save_line(self) -> None:
        """Write the line that was kept, unless it stands there already."""
        if self._line and self._line is not self._written:
            self._directory.write(LINEAGE, self._line)
            self._written = self._line

    def _append(self, number: int, figures: Mapping[str, Any]) -> None:
        phases = {name: round(seconds, 4) for name, seconds in self._phases.items()}
        self._directory.append({"generation": number, "phases": phases, **figures}, TRACE)

    def _follow(self, generation: Generation, worth: Sequence[float]) -> None:
        """Add the generation to the ancestry; its networks are the elders of the next one."""
        population: Sequence[Any] = generation.population
        elders = self._progeny.elders
        survivors = len(population) - len(generation.parents)
        before = np.full(len(population), NOBODY, dtype=np.int64)
        if elders is not None and generation.parents:
            sources = [*population[:survivors], *generation.parents]
            places = elders.places(one.node for one in sources)
            if NOBODY not in places[:survivors]:  # the order that eaGenerational has
                before[:] = places
        born = np.arange(len(population)) >= survivors
        values = np.array(worth) / population[0].fitness.weights[0]
        self._ancestry.add(generation.number, before, values, born)
        self._progeny.elders = Elders([one.node for one in population], worth)

    def _forget(self) -> None:
        """Follow nobody: this algorithm breeds no children from parents."""
        self._progeny.elders, self._last = None, None

    def _weights(self, population: Sequence[Any], best: WeightGenome) -> dict[str, Any]:
        """Return some weights of the best, and how far those of the population are apart."""
        at = _places(best.layout.width)
        count = min(len(population), max(2, min(8, len(population) // 50)))
        chosen = [population[i * len(population) // count] for i in range(count)]
        rows = torch.stack([self._some(one, at) for one in (best, *chosen)])
        apart = rows[1:].var(0).mean().sqrt().item() if count > 1 else 0.0
        return {"diversity": _short(apart), "weights": list(map(_short, rows[0].tolist()))}

    def _some(self, individual: WeightGenome, at: torch.Tensor) -> torch.Tensor:
        """Return the weights at some places, ``[k]`` on the CPU, made if nobody holds them."""
        node = individual.node
        held = node.weights
        if held is None:
            row = torch.empty(1, node.layout.width, device=self._mapping.device)
            make([node], row)
            held = row[0]
        return held[at.to(held.device)].float().cpu()

    def _networks(self, individuals: Sequence[Any]) -> list[list[Any]]:
        """Return the networks that a search has scored: see ``docs/run-directory.md``."""
        rows = []
        for one in individuals:
            place = getattr(one, "place", None)
            if place is None or place.number <= self._trials:  # a leader that is scored again
                continue
            self._trials = place.number
            fitness, level = one.fitness.values[0], getattr(one, "level", 0)
            size = one.records.get("parameters")
            rows.append([*place, fitness, level, size, str(one), one.records.get("infeasible")])
        return rows

    def state_dict(self) -> dict[str, Any]:
        """Return what the next lines follow from."""
        elders = self._progeny.elders
        return {
            "phases": dict(self._phases),
            "ancestry": self._ancestry.state_dict(),
            "line": self._line,
            "last": self._last,
            "trials": self._trials,
            "elders": None if elders is None else elders.state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken; from the beginning where nothing was traced."""
        if not state:
            return
        self._phases.update(state["phases"])
        self._ancestry.load_state_dict(state["ancestry"])
        self._line, self._trials = state["line"], state["trials"]
        self._last = None if state["last"] is None else tuple(state["last"])
        elders = state["elders"]
        self._progeny.elders = None if elders is None else Elders(*elders)


@functools.lru_cache(maxsize=8)
def _places(width: int) -> torch.Tensor:
    """Return where the weights stand that are followed, evenly over all of them."""
    at = torch.linspace(0, width - 1, min(WEIGHTS, width), dtype=torch.float64)
    return at.round().long()


def _short(value: float) -> float:
    """Return four digits of a number: what a picture shows."""
    return float(f"{value:.4g}")
