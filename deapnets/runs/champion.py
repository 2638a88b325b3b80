"""The network a run saves: the better, on the validation split, of champion and mean."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import torch
from deap import tools

from deapnets.evaluators.base import Evaluator
from deapnets.genomes.making import make
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome

SHARE = 0.5
"""Part of the population whose mean is a candidate: what truncation would breed from."""


def mean_of(individuals: Sequence[WeightGenome]) -> WeightGenome:
    """Return an individual with the mean of the others' weights, on the CPU.

    Siblings of one ancestor scatter round a centre that is better than each of them: the mean takes
    the mutation's noise out.
    """
    layout = individuals[0].layout
    total = torch.zeros(layout.width, dtype=torch.float64)
    row = torch.empty(1, layout.width)
    for individual in individuals:
        held = individual.node.weights
        if held is None:
            make([individual.node], row)
        total += row[0] if held is None else held.cpu()
    mean = copy.copy(individuals[0])
    mean.node = Node(layout, (total / len(individuals)).float())
    mean.records = {}
    return mean


@final
@dataclass
class Champion:
    """The best network seen so far.

    Attributes
    ----------
    individual
        The network; None before the first look.
    fitness
        Its fitness on the validation split, or its training fitness where there is none.
    source
        ``"champion"`` (one of the population) or ``"mean"`` (of the best half).
    generation
        When it was found.
    figures
        Its figures on the validation split; empty where there is none.
    """

    individual: WeightGenome | None = None
    fitness: float = float("-inf")
    source: str = ""
    generation: int = -1
    figures: dict[str, float] = field(default_factory=dict)

    def consider(
        self, evaluator: Evaluator, population: Sequence[Any], generation: int
    ) -> dict[str, float]:
        """Look at a generation; return the validation figures of its better candidate."""
        ranked = tools.selBest(population, max(1, round(SHARE * len(population))))
        candidates = {"champion": ranked[0], "mean": mean_of(ranked)}
        figures = evaluator.validate(evaluator.networks(*candidates.values()))
        direction = 1.0 if evaluator.weights[0] > 0 else -1.0
        if "fitness" not in figures:
            fitness = float(ranked[0].fitness.values[0])
            self._take(ranked[0], fitness, direction, "champion", generation, {})
            return {}
        scores = [float(value) for value in figures["fitness"]]
        best = max(range(len(scores)), key=lambda index: _worth(scores[index], direction))
        found = {n: float(v[best]) for n, v in figures.items() if n != "fitness"}
        source = list(candidates)[best]
        self._take(candidates[source], scores[best], direction, source, generation, found)
        return found

    def _take(
        self,
        individual: WeightGenome,
        fitness: float,
        direction: float,
        source: str,
        generation: int,
        figures: dict[str, float],
    ) -> None:
        better = _worth(fitness, direction) > _worth(self.fitness, direction)
        if self.individual is not None and not better:
            return
        self.individual = copy.deepcopy(individual)
        self.fitness, self.source = fitness, source
        self.generation, self.figures = generation, figures


def _worth(fitness: float, direction: float) -> float:
    """Return fitness to be maximised; NaN, which compares with nothing, is worth least."""
    return -math.inf if math.isnan(fitness) else direction * fitness
