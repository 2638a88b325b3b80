"""`SepCMA`: covariance matrix adaptation with a diagonal matrix."""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np
import torch
from torch import nn

from deapnets.genomes.weights import WeightGenome
from deapnets.strategies.base import Told
from deapnets.strategies.optimisers import norm_of
from deapnets.strategies.sampling import Sampler
from deapnets.strategies.separable import SeparableStrategy


@final
class SepCMA(SeparableStrategy):
    """CMA-ES whose covariance matrix is diagonal: time and memory in proportion to the weights.

    Parameters
    ----------
    centroid
        Where to begin: a module, whose present parameters are the first centre, or an individual.
    sigma
        Step size at the start.
    lambda_
        Children of a generation; the better half of them moves the centre.

    Notes
    -----
    Source: Ros & Hansen 2008, "A simple modification in CMA-ES achieving linear time and space
    complexity", doi:10.1007/978-3-540-87700-4_30. Equation numbers are those of Hansen 2016, "The
    CMA evolution strategy: a tutorial", arXiv:1604.00772, for a diagonal matrix and positive
    weights.
    """

    def __init__(
        self, centroid: nn.Module | WeightGenome, sigma: float, lambda_: int = 256
    ) -> None:
        super().__init__(centroid, sigma, lambda_, False, None)
        count, width = lambda_ // 2, self.node.layout.width
        weights = math.log((lambda_ + 1) / 2) - np.log(np.arange(1, count + 1))  # (49)
        self._recombination = weights / weights.sum()
        mueff = 1.0 / float(np.square(self._recombination).sum())  # (8)
        self._mueff = mueff
        self._cs = (mueff + 2) / (width + mueff + 5)  # (55)
        self._ds = 1 + 2 * max(0.0, math.sqrt((mueff - 1) / (width + 1)) - 1) + self._cs  # (55)
        self._cc = (4 + mueff / width) / (width + 4 + 2 * mueff / width)  # (56)
        faster = (width + 2) / 3  # Ros & Hansen 2008, section 3: fewer numbers are learned faster
        rank_one = 2 / ((width + 1.3) ** 2 + mueff)  # (57)
        rank_mu = 2 * (0.25 + mueff + 1 / mueff - 2) / ((width + 2) ** 2 + mueff)  # (58)
        self._c1 = min(1.0, rank_one * faster)
        self._cmu = min(1.0 - self._c1, rank_mu * faster)
        self._size = sigma
        self._variances = torch.ones_like(self.weights)
        self._path_s = torch.zeros_like(self.weights)
        self._path_c = torch.zeros_like(self.weights)

    def _moved(self, told: Told, sampler: Sampler) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the next centre and deviations; step size, paths and variances change."""
        self._to(self.weights.device)
        weights = np.zeros(len(told.seeds))
        best = np.argsort(-told.plus, kind="stable")[: len(self._recombination)]
        weights[best] = self._recombination
        chosen = torch.from_numpy(weights).float()
        mean, squares = sampler.sums(told.seeds, chosen, chosen)  # of z, before the deviations
        scale = self._variances.sqrt()
        centre = self.weights + self._size * scale * mean  # (41), (42)
        self._adapt(mean, squares)
        return centre, self._size * self._variances.sqrt()

    def _adapt(self, mean: torch.Tensor, squares: torch.Tensor) -> None:
        """Update paths, variances and step size from the best children's mean and squares of z."""
        width, spent = len(mean), self.generation + 1
        long_s = math.sqrt(self._cs * (2 - self._cs) * self._mueff)
        self._path_s = (1 - self._cs) * self._path_s + long_s * mean  # (43)
        expected = math.sqrt(width) * (1 - 1 / (4 * width) + 1 / (21 * width**2))
        length = norm_of(self._path_s)
        settled = math.sqrt(1 - (1 - self._cs) ** (2 * spent))
        steady = length / settled < (1.4 + 2 / (width + 1)) * expected  # below (45)
        long_c = steady * math.sqrt(self._cc * (2 - self._cc) * self._mueff)
        step = self._variances.sqrt() * mean
        self._path_c = (1 - self._cc) * self._path_c + long_c * step  # (45)
        lost = (1 - steady) * self._cc * (2 - self._cc)
        kept = 1 - self._c1 * (1 - lost) - self._cmu
        self._variances = (  # (47), its diagonal
            kept * self._variances
            + self._c1 * self._path_c.square()
            + self._cmu * self._variances * squares
        )
        self._size *= math.exp(self._cs / self._ds * (length / expected - 1))  # (44)

    def _to(self, device: torch.device) -> None:
        self._variances = self._variances.to(device)
        self._path_s, self._path_c = self._path_s.to(device), self._path_c.to(device)

    def state_dict(self) -> dict[str, Any]:
        """Return centre, variances, paths and step size."""
        return {
            **super().state_dict(),
            "size": self._size,
            "variances": self._variances.cpu(),
            "path_s": self._path_s.cpu(),
            "path_c": self._path_c.cpu(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        super().load_state_dict(state)
        self._size, self._variances = state["size"], state["variances"]
        self._path_s, self._path_c = state["path_s"], state["path_c"]
