"""The algorithm ``egan``: children are copies trained for a few steps under one of three losses."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch.func import functional_call
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from deapnets.algorithms.base import Algorithm, Generation, Settings
from deapnets.algorithms.descent import BACKWARD
from deapnets.algorithms.ga import individual_class
from deapnets.errors import OptionError
from deapnets.evaluators.base import Evaluator
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.mapping import PopulationMap
from deapnets_gan.discriminator import DiscriminatorJudge
from deapnets_gan.task import GenerativeTask

LOSSES: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "minimax": lambda logits: -F.softplus(logits).mean(),
    "heuristic": lambda logits: F.softplus(-logits).mean(),
    "least_squares": lambda logits: (torch.sigmoid(logits) - 1).square().mean(),
}
"""Mutations: what a child minimises of the discriminator's logits on its images (eqs. 2 to 4)."""


@final
@dataclass(frozen=True)
class EganSettings(Settings):
    """Evolutionary GAN: a child is its parent trained under one of three losses; the best stay.

    Parameters
    ----------
    population
        Children of a generation, a multiple of 3: each parent has one by each loss.
    rate
        Step size of Adam.
    steps
        Steps in which a child is trained.
    """

    population: int = 3
    rate: float = 1e-3
    steps: int = 1

    def __post_init__(self) -> None:
        if self.population < 3 or self.population % len(LOSSES):
            raise OptionError(
                f"population is a multiple of {len(LOSSES)}: a parent has a child by each of the "
                f"losses {', '.join(LOSSES)}; got {self.population}."
            )
        if not 0.0 < self.rate < math.inf or self.steps < 1:
            raise OptionError(
                "rate is finite and above 0, steps at least 1; got "
                f"rate={self.rate}, steps={self.steps}."
            )

    def begin(self, evaluator: Evaluator, mapping: PopulationMap) -> Egan:
        """Return the algorithm, at the generator's initial weights.

        Raises
        ------
        OptionError
            When the evaluator has no discriminator to train against.
        """
        if not isinstance(evaluator, GenerativeTask) or not isinstance(
            evaluator.judge, DiscriminatorJudge
        ):
            raise OptionError(
                "egan trains generators against a discriminator. "
                "Try: deapnets run gan --algorithm egan -o judge=discriminator"
            )
        return Egan(self, evaluator, mapping)


@final
class Egan(Algorithm):
    """Children by gradient, selection by quality and diversity.

    ::

        for g in 0, 1, 2, ...:
            the discriminator is trained on images of the parents
            for each parent and each loss: a copy, trained for ``steps`` steps of Adam
            evaluate(children)            quality plus weighted diversity, by that discriminator
            parents = the best third of the children

    In generation 0 the parents themselves are scored. A child begins with its parent's moments of
    Adam. Source: Wang et al. 2018, "Evolutionary generative adversarial networks",
    arXiv:1803.00657, algorithm 1; its diversity is the discriminator's gradient, here it is that of
    the judge.
    """

    def __init__(
        self, settings: EganSettings, evaluator: GenerativeTask, mapping: PopulationMap
    ) -> None:
        self.settings = settings
        self._evaluator, self._mapping = evaluator, mapping
        self._kind = individual_class(evaluator)
        self._layout = evaluator.layout()
        module = evaluator.genome()
        self._template = copy.deepcopy(module).to(mapping.device)
        start = self._kind(Node(self._layout, self._layout.flatten(module)))
        self._parents = [start] * (settings.population // len(LOSSES))
        self._moments: list[dict[str, torch.Tensor]] = [{} for _ in self._parents]
        self._losses: dict[str, int] = dict.fromkeys(LOSSES, 0)  # how often each was selected
        self._number = -1

    def step(self, spent: float) -> Generation:
        """Train and score children, and select the best of them."""
        self._number += 1
        with self._mapping.generation() as mapping:
            scores = mapping(self._evaluator, self._parents)  # for it the judge gets ready
            if self._number == 0:
                _give(self._parents, scores)
                return Generation(0, self._parents, [], len(self._parents), {})
            parents = self._parents
            children = [
                (name, *self._trained(parent, moments, loss))
                for parent, moments in zip(parents, self._moments, strict=True)
                for name, loss in LOSSES.items()
            ]
            population = [child for _, child, _ in children]
            _give(population, mapping(self._evaluator, population))
        ranked = sorted(children, key=lambda one: one[1].fitness, reverse=True)[: len(parents)]
        for name, _, _ in ranked:
            self._losses[name] += 1
        self._parents = [child for _, child, _ in ranked]
        self._moments = [moments for _, _, moments in ranked]
        spent_on = BACKWARD * self.settings.steps * len(population)
        self._mapping.evaluations += spent_on
        return Generation(
            self._number, population, parents, len(parents) + len(population) + spent_on, {}
        )

    def _trained(
        self,
        parent: WeightGenome,
        moments: Mapping[str, torch.Tensor],
        loss: Callable[[torch.Tensor], torch.Tensor],
    ) -> tuple[Any, dict[str, torch.Tensor]]:
        """Return a child, and its moments of Adam."""
        weights = torch.nn.Parameter(parent.weights.to(self._mapping.device))
        optimiser = torch.optim.Adam([weights], lr=self.settings.rate, betas=(0.5, 0.999))
        if moments:
            optimiser.state[weights] = {name: value.clone() for name, value in moments.items()}
        for _ in range(self.settings.steps):
            optimiser.zero_grad()
            logits = self._evaluator.logits_of(
                lambda latents: functional_call(
                    self._template, self._layout.split(weights), (latents,)
                ),
                weights.device,
            )
            loss(logits).backward()
            optimiser.step()
        child = self._kind(Node(self._layout, weights.detach().cpu().clone()))
        return child, {n: v.detach().clone() for n, v in optimiser.state[weights].items()}

    def candidates(self) -> dict[str, WeightGenome]:
        """Return the best of the last generation."""
        return {"champion": self._parents[0]}

    def figures(self) -> dict[str, float]:
        """Return how often each loss was selected, as a part of all selections."""
        total = max(1, sum(self._losses.values()))
        return {f"{name}_share": count / total for name, count in self._losses.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return parents, their moments, how often losses were selected, and the number."""
        return {
            "number": self._number,
            "parents": list(self._parents),
            "moments": [dict(moments) for moments in self._moments],
            "losses": dict(self._losses),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._number, self._parents = state["number"], list(state["parents"])
        self._moments = [dict(moments) for moments in state["moments"]]
        self._losses = dict(state["losses"])


def _give(population: list[Any], scores: list[tuple[float, ...]]) -> None:
    for individual, values in zip(population, scores, strict=True):
        individual.fitness.values = values
