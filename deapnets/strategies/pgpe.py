"""`PGPE`: policy gradients with parameter-based exploration, symmetric, with ClipUp."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import torch
from torch import nn

from deapnets.errors import OptionError
from deapnets.genomes.weights import WeightGenome
from deapnets.strategies.base import Told, require_positive
from deapnets.strategies.optimisers import ClipUp, require_momentum
from deapnets.strategies.sampling import Sampler
from deapnets.strategies.schedules import between, require_schedule
from deapnets.strategies.separable import SeparableStrategy
from deapnets.strategies.shaping import require_shaping, shaped


@final
class PGPE(SeparableStrategy):
    """Parameter-exploring policy gradients: mirrored pairs, a deviation for each weight, ClipUp.

    ::

        z[k] ~ N(0, I)                                       for lambda_ / 2 pairs
        evaluate(centre + sigmas * z[k]), evaluate(centre - sigmas * z[k])
        gradient = mean of (u_plus[k] - u_minus[k]) / 2 * sigmas * z[k]
        change = mean of ((u_plus[k] + u_minus[k]) / 2 - mean of u) * (z[k]^2 - 1)
        centre = clipup(centre, gradient, step)
        sigmas = sigmas * (1 + clip(sigma_step * change, -most, most))

    Parameters
    ----------
    centroid
        Where to begin: a module, whose present parameters are the first centre, or an individual.
    sigma
        Deviation of every weight at the start.
    step
        ClipUp's step size at the start: the length of a step from rest.
    lambda_
        Children of a generation: an even number.
    momentum
        Of ClipUp, in [0, 1).
    fastest
        Largest speed of ClipUp, in steps: its authors advise 2.
    sigma_step
        Step size of the deviations; 0 leaves them as they are.
    most
        Largest relative change of a deviation in a generation, in (0, 1).
    shaping, winsorise
        As in `OpenES`.
    step_end
        What the step size has fallen to at the end, exponentially; None: it stays.
    ngen
        Generations until the end; None where whoever knows the budget sets ``spent``.

    Notes
    -----
    Source: Sehnke et al. 2010, "Parameter-exploring policy gradients",
    doi:10.1016/j.neunet.2009.12.004, symmetric sampling; Toklu, Liskowski & Srivastava 2020,
    "ClipUp", arXiv:2008.02387, which also limits the change of a deviation.
    """

    def __init__(
        self,
        centroid: nn.Module | WeightGenome,
        sigma: float,
        step: float = 0.1,
        lambda_: int = 256,
        *,
        momentum: float = 0.9,
        fastest: float = 2.0,
        sigma_step: float = 0.1,
        most: float = 0.2,
        shaping: str = "rank",
        winsorise: float = 0.0,
        step_end: float | None = None,
        ngen: int | None = None,
    ) -> None:
        require_schedule("step", step, step_end)
        require_momentum(momentum)
        require_positive("fastest", fastest)
        require_shaping(shaping, winsorise)
        if not 0.0 <= sigma_step < float("inf"):
            raise OptionError(f"sigma_step is finite and at least 0, got {sigma_step}.")
        if not 0.0 < most < 1.0:
            raise OptionError(f"most is a number in (0, 1), got {most}.")
        self._steps = (step, step_end)
        self.sigma_step, self.most = sigma_step, most
        self.shaping, self.winsorise = shaping, winsorise
        super().__init__(centroid, sigma, lambda_, True, ngen)
        self._optimiser = ClipUp(momentum, fastest)

    @property
    def step(self) -> float:
        """Step size at this part of the budget."""
        return between(*self._steps, self.spent)

    def _moved(self, told: Told, sampler: Sampler) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the next centre and deviations."""
        utilities = shaped(told.fitness, self.shaping, self.winsorise)
        plus, minus = np.split(utilities, 2)
        pairs = len(plus)
        first = torch.from_numpy((plus - minus) / (2 * pairs)).float()
        second = torch.from_numpy(((plus + minus) / 2 - utilities.mean()) / pairs).float()
        slope, curvature = sampler.sums(told.seeds, first, second)
        # Sehnke 2010, section 2.3: the gradients of a gaussian's log-likelihood, z / sigma and
        # (z^2 - 1) / sigma, times the variance as he advises.
        centre = self._optimiser.step(self.weights, self.deviations * slope, self.step)
        change = self.sigma_step * (curvature - float(second.double().sum()))
        return centre, self.deviations * (1.0 + change.clamp(-self.most, self.most))

    def figures(self) -> dict[str, float]:
        """Return ``sigma``, the mean deviation, and ``step``."""
        return {**super().figures(), "step": self.step}

    def state_dict(self) -> dict[str, Any]:
        """Return centre, deviations and velocity."""
        return {**super().state_dict(), "optimiser": self._optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        super().load_state_dict(state)
        self._optimiser.load_state_dict(state["optimiser"])
