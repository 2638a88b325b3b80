"""How noise and costs change weights: noise in place of gradients, and what gives it credit.

A step of every rule has three parts, on the weights ``rows [n, P]`` of ``n`` networks at once:

1. `Rule.proposals`: the networks whose cost is asked for, ``[k, n, P]``;
2. the caller scores them on one mini-batch: ``costs [k, n]``, to be minimised;
3. `Rule.update`: the next weights ``[n, P]``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch

from deapnets.errors import OptionError, unknown
from deapnets.genomes.layout import Layout

SCALES = (1.0, 0.1, 0.01)
"""Factor of the noise on the first, the second, and every later layer, from input to output."""


@dataclass(frozen=True)
class Step:
    """What is random and what is scheduled in one step.

    Attributes
    ----------
    noise
        ``[directions, n, P]``: of mean 0 and deviation 1, or as its distribution is.
    scales
        ``[P]``: factor of the layer that each weight belongs to.
    rate
        Step size.
    progress
        Part of the budget that is spent, 0 to 1.
    chance
        ``[n]``, from U(0, 1).
    """

    noise: torch.Tensor
    scales: torch.Tensor
    rate: float
    progress: float
    chance: torch.Tensor


class Rule(ABC):
    """How noise and costs change weights.

    Attributes
    ----------
    directions
        Noise vectors that a step takes.
    evaluations
        Networks whose cost a step asks for: its price in forward passes.
    rate
        A step size that suits it.
    """

    directions: int = 1
    evaluations: int
    rate: float

    @abstractmethod
    def proposals(self, rows: torch.Tensor, step: Step) -> torch.Tensor:
        """Return the networks to score, ``[evaluations, n, P]``."""

    @abstractmethod
    def update(
        self, rows: torch.Tensor, proposed: torch.Tensor, costs: torch.Tensor, step: Step
    ) -> torch.Tensor:
        """Return the next weights ``[n, P]``; ``costs [evaluations, n]`` are minimised."""


@final
class CostTimesNoise(Rule):
    """Noise stands in place of the gradient, times the cost: there is no credit assignment.

    ``w <- w - rate * cost * scale of the layer * noise``. Where the cost is high, weights move far;
    nothing says whether a move helped. With ``cost_of_one`` the cost is taken to be 1: a control.
    """

    evaluations = 1
    rate = 0.01

    def __init__(self, cost_of_one: bool = False) -> None:
        self._blind = cost_of_one

    def proposals(self, rows: torch.Tensor, step: Step) -> torch.Tensor:
        """Return the networks as they are."""
        return rows[None]

    def update(
        self, rows: torch.Tensor, proposed: torch.Tensor, costs: torch.Tensor, step: Step
    ) -> torch.Tensor:
        """Return the weights after a step along the noise."""
        factors = step.rate * (torch.ones_like(costs[0]) if self._blind else costs[0])
        return rows - factors[:, None] * (step.noise[0] * step.scales)


@final
class AcceptIfBetter(Rule):
    """A step along the noise is taken only where it lowers the cost on the same mini-batch."""

    evaluations = 2
    rate = 0.1

    def proposals(self, rows: torch.Tensor, step: Step) -> torch.Tensor:
        """Return the networks as they are, and after a step."""
        return torch.stack([rows, rows + step.rate * (step.noise[0] * step.scales)])

    def update(
        self, rows: torch.Tensor, proposed: torch.Tensor, costs: torch.Tensor, step: Step
    ) -> torch.Tensor:
        """Return the better of the two."""
        return torch.where((costs[1] < costs[0])[:, None], proposed[1], proposed[0])


@final
class Annealing(Rule):
    """As `AcceptIfBetter`, but a step that raises the cost by ``d`` is taken with ``exp(-d / T)``.

    The temperature ``T`` falls from 0.01 to nothing. Source: Kirkpatrick, Gelatt & Vecchi 1983,
    doi:10.1126/science.220.4598.671.
    """

    evaluations = 2
    rate = 0.1
    HOTTEST = 0.01

    def proposals(self, rows: torch.Tensor, step: Step) -> torch.Tensor:
        """Return the networks as they are, and after a step."""
        return AcceptIfBetter().proposals(rows, step)

    def update(
        self, rows: torch.Tensor, proposed: torch.Tensor, costs: torch.Tensor, step: Step
    ) -> torch.Tensor:
        """Return the step where it is accepted, the networks as they were elsewhere."""
        temperature = self.HOTTEST * max(1e-9, 1.0 - step.progress)
        taken = step.chance < torch.exp((costs[0] - costs[1]) / temperature)
        return torch.where(taken[:, None], proposed[1], proposed[0])


@final
class Spsa(Rule):
    """Simultaneous perturbation: two costs along one direction give a slope to step down.

    ``w <- w - rate * (cost(w + c z) - cost(w - c z)) / 2c * z``. Source: Spall 1992,
    doi:10.1109/9.119632.
    """

    evaluations = 2
    rate = 0.01
    WIDTH = 0.01

    def proposals(self, rows: torch.Tensor, step: Step) -> torch.Tensor:
        """Return the networks to either side."""
        return torch.stack([rows + self.WIDTH * step.noise[0], rows - self.WIDTH * step.noise[0]])

    def update(
        self, rows: torch.Tensor, proposed: torch.Tensor, costs: torch.Tensor, step: Step
    ) -> torch.Tensor:
        """Return the weights after a step down the slope."""
        slope = (costs[0] - costs[1]) / (2 * self.WIDTH)
        return rows - step.rate * slope[:, None] * step.noise[0]


@final
class AntitheticES(Rule):
    """An evolution strategy with eight antithetic pairs: the mean of eight slopes.

    Source: Salimans et al. 2017, arXiv:1703.03864.
    """

    directions = 8
    evaluations = 16
    rate = 0.1
    WIDTH = 0.01

    def proposals(self, rows: torch.Tensor, step: Step) -> torch.Tensor:
        """Return the networks to either side of every direction."""
        moves = self.WIDTH * step.noise
        return torch.cat([rows + moves, rows - moves])

    def update(
        self, rows: torch.Tensor, proposed: torch.Tensor, costs: torch.Tensor, step: Step
    ) -> torch.Tensor:
        """Return the weights after a step down the mean slope."""
        slopes = (costs[: self.directions] - costs[self.directions :]) / (2 * self.WIDTH)
        return rows - step.rate * (slopes[:, :, None] * step.noise).mean(0)


def rule_of(name: str) -> Rule:
    """Return the rule ``cost, blind, accept, annealing, spsa`` or ``es``.

    Raises
    ------
    OptionError
        When there is no such rule.
    """
    made = {
        "cost": CostTimesNoise,
        "blind": lambda: CostTimesNoise(cost_of_one=True),
        "accept": AcceptIfBetter,
        "annealing": Annealing,
        "spsa": Spsa,
        "es": AntitheticES,
    }
    if name not in made:
        raise OptionError(unknown("rule", name, made))
    return made[name]()


def layer_scales(layout: Layout) -> torch.Tensor:
    """Return the factor of each weight, ``[P]``: 1, 0.1, 0.01 by layer, from input to output.

    A layer is a module that holds parameters: its weight and its bias have one factor.
    """
    layers: dict[str, int] = {}
    parts = []
    for name, size in zip(layout.names, layout.sizes, strict=True):
        layer = layers.setdefault(name.rpartition(".")[0], len(layers))
        parts.append(torch.full((size,), SCALES[min(layer, len(SCALES) - 1)]))
    return torch.cat(parts)


def rate_at(start: float, progress: float) -> float:
    """Return the step size: halved after each quarter of the budget."""
    return start * 0.5 ** math.floor(4 * min(max(progress, 0.0), 0.999))
