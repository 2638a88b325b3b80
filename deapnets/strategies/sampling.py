"""The recipes of a strategy's children, and weighted sums of their noise, made again in blocks.

A child is ``centre + noise`` or ``centre - noise``. What a strategy needs to know of all its
children is two sums over their noise ``z``, of deviation 1: ``sum w z`` and ``sum w z^2``. Both are
made from the seeds, a block at a time, so that a population is never held. Sums are taken in blocks
of one size: their bits depend on nothing but the seeds and the weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, final

import numpy as np
import torch

from deapnets.distributions.tables import named_noise
from deapnets.genomes.factors import Factors, draw_factors, factoring, factors_of
from deapnets.genomes.making import BLOCK
from deapnets.genomes.nodes import Node
from deapnets.operators.contract import Operator, deviation, operator
from deapnets.operators.lowrank import mutLowRank
from deapnets.randomness import Draw

Seeds = np.ndarray


@operator(parents=1, transient=True, sigma=deviation, distribution=named_noise)
def sampleIsotropic(
    rows: list[torch.Tensor],
    draw: Draw,
    *,
    sigma: float,
    distribution: str = "gaussian",
    mirrored: bool = False,
) -> torch.Tensor:
    """Return the centre plus noise of deviation ``sigma``; minus it, when mirrored."""
    noise = draw.noise(-sigma if mirrored else sigma, distribution=distribution)
    return noise.add_(rows[0])


@operator(parents=2, transient=True)
def sampleSeparable(
    rows: list[torch.Tensor], draw: Draw, *, mirrored: bool = False
) -> torch.Tensor:
    """Return the centre plus noise whose deviations are the second parent; minus it, mirrored."""
    return draw.noise(-1.0 if mirrored else 1.0).mul_(rows[1]).add_(rows[0])


class Sampler(ABC):
    """The distribution that a strategy draws its children from, round a centre."""

    operator: Operator

    @abstractmethod
    def child(self, seed: int, mirrored: bool) -> Node:
        """Return the recipe of a child."""

    @abstractmethod
    def sums(
        self, seeds: Seeds, first: torch.Tensor, second: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ``sum first[k] z_k`` and ``sum second[k] z_k^2`` over the seeds: ``[P]`` each.

        ``z_k`` is the noise of seed ``k`` with deviation 1; the weights are ``[k]``, float32.
        Without ``second`` the second one is empty.
        """


@final
class Isotropic(Sampler):
    """One deviation for all weights.

    Parameters
    ----------
    centre
        A leaf.
    sigma
        The deviation.
    distribution
        The name of the noise, which is centred.
    """

    operator = sampleIsotropic

    def __init__(self, centre: Node, sigma: float, distribution: str = "gaussian") -> None:
        self._centre, self._distribution = centre, distribution
        self._settings = {
            mirrored: sampleIsotropic.parameters(
                sigma=sigma, distribution=distribution, mirrored=mirrored
            )
            for mirrored in (False, True)
        }

    def child(self, seed: int, mirrored: bool) -> Node:
        """Return the recipe of a child."""
        return self.operator.child((self._centre,), seed, self._settings[mirrored])

    def sums(
        self, seeds: Seeds, first: torch.Tensor, second: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the two sums."""
        return _full_sums(self._centre, seeds, first, second, self._distribution)


@final
class Separable(Sampler):
    """A deviation for each weight.

    Parameters
    ----------
    centre, deviations
        Leaves of one layout.
    """

    operator = sampleSeparable

    def __init__(self, centre: Node, deviations: Node) -> None:
        self._parents = (centre, deviations)
        self._settings = {
            mirrored: sampleSeparable.parameters(mirrored=mirrored) for mirrored in (False, True)
        }

    def child(self, seed: int, mirrored: bool) -> Node:
        """Return the recipe of a child."""
        return self.operator.child(self._parents, seed, self._settings[mirrored])

    def sums(
        self, seeds: Seeds, first: torch.Tensor, second: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the two sums, of noise before the deviations."""
        return _full_sums(self._parents[0], seeds, first, second)


@final
class LowRank(Sampler):
    """One deviation for all weights, whose noise is a product of thin matrices in each layer.

    Parameters
    ----------
    centre
        A leaf.
    sigma
        The deviation.
    rank
        Of the noise of every matrix.
    """

    operator = mutLowRank

    def __init__(self, centre: Node, sigma: float, rank: int) -> None:
        self._centre, self._rank = centre, rank
        self._settings = {
            mirrored: mutLowRank.parameters(sigma=sigma, rank=rank, mirrored=mirrored)
            for mirrored in (False, True)
        }

    def child(self, seed: int, mirrored: bool) -> Node:
        """Return the recipe of a child."""
        return self.operator.child((self._centre,), seed, self._settings[mirrored])

    def sums(
        self, seeds: Seeds, first: torch.Tensor, second: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the first sum: a product of matrices over the population in each layer."""
        if second is not None:
            raise AssertionError("squares of low-rank noise are no product of its factors")
        device = _device_of(self._centre)
        total = torch.zeros(self._centre.layout.width, device=device)
        plan = factoring(self._centre.layout, self._rank)
        height = max(2, BLOCK // sum(plan.counts))
        for start in range(0, len(seeds), height):
            block = slice(start, start + height)
            draw = Draw(seeds[block], len(total), device, self._centre.layout)
            weights = first[block, None].to(device)
            drawn = draw_factors(draw, plan, 1.0)
            factors = Factors(drawn.left * weights, drawn.right, drawn.rest)
            for matrix in plan.matrices:
                left, right = factors_of(factors, matrix, self._rank)
                total[matrix.columns] += _outer(left, right).reshape(-1)
            for part in plan.rest:
                total[part.columns] += first[block].to(device) @ drawn.rest[:, part.at]
        return total, torch.zeros(0)


def _outer(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the sum of the ``n`` products of ``left [n, h, r]`` and ``right [n, r, w]``: [h, w].

    As one product of two batches: alone, it could be split between threads and round otherwise.
    """
    height, width = left.shape[1], right.shape[2]
    tall = left.transpose(0, 1).reshape(height, -1)
    wide = right.reshape(-1, width)
    odd = wide.shape[0] % 2
    if odd:
        tall = torch.nn.functional.pad(tall, (0, 1))
        wide = torch.nn.functional.pad(wide, (0, 0, 0, 1))
    halves = tall.view(height, 2, -1).transpose(0, 1), wide.view(2, -1, width)
    return torch.bmm(*halves).sum(0)


def _full_sums(
    centre: Node,
    seeds: Seeds,
    first: torch.Tensor,
    second: torch.Tensor | None,
    distribution: str = "gaussian",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both sums over noise with a number for each weight."""
    width, device = centre.layout.width, _device_of(centre)
    linear = torch.zeros(width, device=device)
    squares = torch.zeros(0 if second is None else width, device=device)
    height = max(1, BLOCK // width)
    for start in range(0, len(seeds), height):
        block = slice(start, start + height)
        noise = Draw(seeds[block], width, device).noise(distribution=distribution)
        linear += first[block].to(device) @ noise
        if second is not None:
            squares += second[block].to(device) @ noise.square_()
    return linear, squares


def _device_of(leaf: Node) -> Any:
    weights = leaf.weights
    if weights is None:
        raise AssertionError("a strategy's centre is a leaf")
    return weights.device
