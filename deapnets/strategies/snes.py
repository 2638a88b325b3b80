"""`SNES`: separable natural evolution strategies."""

from __future__ import annotations

import math
from typing import final

import numpy as np
import torch
from scipy import stats
from torch import nn

from deapnets.genomes.weights import WeightGenome
from deapnets.strategies.base import Told, require_positive
from deapnets.strategies.sampling import Sampler
from deapnets.strategies.schedules import between, require_schedule
from deapnets.strategies.separable import SeparableStrategy
from deapnets.strategies.shaping import Values


@final
class SNES(SeparableStrategy):
    """Separable natural evolution strategies: a deviation for each weight, natural gradients.

    ::

        z[k] ~ N(0, I)                                       for lambda_ children
        evaluate(centre + sigmas * z[k])
        centre = centre + step * sigmas * sum of u[k] z[k]
        sigmas = sigmas * exp(sigma_step / 2 * sum of u[k] (z[k]^2 - 1))

    The utilities ``u`` follow from ranks alone; they are positive in the better half and sum to 0.

    Parameters
    ----------
    centroid
        Where to begin: a module, whose present parameters are the first centre, or an individual.
    sigma
        Deviation of every weight at the start.
    lambda_
        Children of a generation; the authors' 4 + 3 log(P) is too few for a mini-batch.
    step
        Step size of the centre: 1 is the authors'.
    sigma_step
        Step size of the deviations; None for the authors' (3 + log(P)) / (5 sqrt(P)).
    mirrored
        Children come in pairs, mirrored at the centre; then ``lambda_`` is even.
    step_end
        What the step size has fallen to at the end, exponentially; None: it stays.
    ngen
        Generations until the end; None where whoever knows the budget sets ``spent``.

    Notes
    -----
    Source: Schaul, Glasmachers & Schmidhuber 2011, "High dimensions and heavy tails for natural
    evolution strategies", doi:10.1145/2001576.2001692; the utilities are those of Wierstra et al.
    2014, "Natural evolution strategies", JMLR 15.
    """

    def __init__(
        self,
        centroid: nn.Module | WeightGenome,
        sigma: float,
        lambda_: int = 256,
        step: float = 1.0,
        sigma_step: float | None = None,
        *,
        mirrored: bool = True,
        step_end: float | None = None,
        ngen: int | None = None,
    ) -> None:
        require_schedule("step", step, step_end)
        if sigma_step is not None:
            require_positive("sigma_step", sigma_step)
        self._steps = (step, step_end)
        super().__init__(centroid, sigma, lambda_, mirrored, ngen)
        width = self.node.layout.width
        default = (3.0 + math.log(width)) / (5.0 * width**0.5)
        self.sigma_step = default if sigma_step is None else sigma_step

    @property
    def step(self) -> float:
        """Step size of the centre at this part of the budget."""
        return between(*self._steps, self.spent)

    def _moved(self, told: Told, sampler: Sampler) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the next centre and deviations (Schaul 2011, algorithm 1)."""
        utilities = natural_utilities(told.fitness)
        plus, minus = utilities[: len(told.seeds)], utilities[len(told.seeds) :]
        first = torch.from_numpy(plus - minus if len(minus) else plus).float()
        second = torch.from_numpy(plus + minus if len(minus) else plus).float()
        slope, curvature = sampler.sums(told.seeds, first, second)
        centre = self.weights + self.step * self.deviations * slope
        change = curvature - float(second.double().sum())
        return centre, self.deviations * torch.exp(0.5 * self.sigma_step * change)

    def figures(self) -> dict[str, float]:
        """Return ``sigma``, the mean deviation, and ``step``."""
        return {**super().figures(), "step": self.step}


def natural_utilities(fitness: Values) -> Values:
    """Return ``max(0, log(n / 2 + 1) - log(rank))``, scaled to sum 1, less ``1 / n``: ``[n]``.

    The best has rank 1; equals share the mean of theirs. Source: Wierstra et al. 2014, section 3.1.
    """
    count = len(fitness)
    ranks = stats.rankdata(-fitness)
    worth = np.maximum(0.0, math.log(count / 2 + 1) - np.log(ranks))
    return worth / worth.sum() - 1.0 / count
