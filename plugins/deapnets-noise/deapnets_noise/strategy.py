"""The algorithm ``noise`` of ``deapnets run``: noise in place of gradients, and its relatives."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any, Literal, final, get_args

import numpy as np
import torch

from deapnets.algorithms.base import Algorithm, Generation, Settings
from deapnets.algorithms.ga import individual_class
from deapnets.distributions.tables import noise_table
from deapnets.errors import OptionError, unknown
from deapnets.evaluators.base import Evaluator
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.mapping import PopulationMap
from deapnets.randomness import Draw
from deapnets_noise.rules import Step, layer_scales, rate_at, rule_of

RuleName = Literal["cost", "blind", "accept", "annealing", "spsa", "es"]


@final
@dataclass(frozen=True)
class NoiseSettings(Settings):
    """Noise in place of gradients: times the cost, or with credit for what helped.

    Parameters
    ----------
    population
        1: there is one network, and what its rule proposes.
    rule
        "cost" (noise times the cost, scaled by 1, 0.1, 0.01 from input to output), "blind" (a cost
        of 1), "accept" (a step that helps is kept), "annealing", "spsa", "es" (eight pairs).
    distribution
        Name of the noise, of the section "Distributions" of `deapnets plugins list`.
    centred
        Whether the noise has mean 0 and deviation 1; otherwise it is as its distribution is.
    rate
        Step size at the start, halved after each quarter of the budget; none for the rule's own.
    """

    population: int = 1
    rule: RuleName = "cost"
    distribution: str = "gaussian"
    centred: bool = True
    rate: float | None = None

    def __post_init__(self) -> None:
        if self.population != 1:
            raise OptionError(f"noise moves one network: population is 1, got {self.population}.")
        if self.rule not in get_args(RuleName):
            raise OptionError(unknown("rule", str(self.rule), get_args(RuleName)))
        if self.rate is not None and not 0.0 < self.rate < math.inf:
            raise OptionError(f"rate is finite and above 0, or none; got {self.rate}.")
        noise_table(self.distribution, self.centred)  # what cannot be drawn is said here

    def begin(self, evaluator: Evaluator, mapping: PopulationMap) -> NoiseTraining:
        """Return the algorithm, at the network's own initial weights."""
        return NoiseTraining(self, evaluator, mapping)


@final
class NoiseTraining(Algorithm):
    """One network, moved by noise.

    ::

        for g in 0, 1, 2, ...:
            evaluate(what the rule proposes)       all on the mini-batch of generation g
            move the network as the rule says

    Costs are minus the fitness, or the fitness where that is minimised. Noise comes from seeds of
    Python's `random`.
    """

    def __init__(
        self, settings: NoiseSettings, evaluator: Evaluator, mapping: PopulationMap
    ) -> None:
        self.settings = settings
        self._rule = rule_of(settings.rule)
        self._start = self._rule.rate if settings.rate is None else settings.rate
        self._evaluator, self._mapping = evaluator, mapping
        self._kind = individual_class(evaluator)
        self._layout = evaluator.layout()
        self._scales = layer_scales(self._layout)
        self._rows = self._layout.flatten(evaluator.genome())[None]
        self._number = -1
        self._rate = self._start
        self._best: Any = None

    def step(self, spent: float) -> Generation:
        """Score what the rule proposes, and move the network."""
        self._rate = rate_at(self._start, spent)
        step = self._step(spent)
        proposed = self._rule.proposals(self._rows, step)
        population = [self._kind(Node(self._layout, row[0].clone())) for row in proposed]
        with self._mapping.generation() as mapping:
            scores = mapping(self._evaluator, population)
        for individual, values in zip(population, scores, strict=True):
            individual.fitness.values = values
        sign = -1.0 if self._evaluator.weights[0] > 0 else 1.0
        costs = torch.tensor([[sign * values[0]] for values in scores])
        self._rows = self._rule.update(self._rows, proposed, costs, step)
        self._best = max(population, key=lambda one: one.fitness)
        self._number += 1
        return Generation(self._number, population, [], len(population), {})

    def _step(self, spent: float) -> Step:
        draw = Draw(np.array([random.getrandbits(64)], dtype=np.uint64), self._rows.shape[1])
        settings = self.settings
        noise = [
            draw.noise(distribution=settings.distribution, centred=settings.centred)
            for _ in range(self._rule.directions)
        ]
        chance = draw.uniform().float()
        return Step(torch.stack(noise), self._scales, self._rate, spent, chance)

    def candidates(self) -> dict[str, WeightGenome]:
        """Return the best that was proposed last, and the network after its move."""
        moved = self._best.with_node(Node(self._layout, self._rows[0].clone()))
        return {"champion": self._best, "moved": moved}

    def figures(self) -> dict[str, float]:
        """Return ``rate``: the size of the last step."""
        return {"rate": self._rate}

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, the best of the last step, and its number."""
        return {"number": self._number, "rows": self._rows.clone(), "best": self._best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._number, self._best = state["number"], state["best"]
        self._rows = state["rows"].clone()
