"""``mut...``: one parent."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch

from deapnets.distributions.tables import named_noise
from deapnets.operators.contract import deviation, operator, probability
from deapnets.randomness import SPARSE_BELOW, Draw


@operator(parents=1, sigma=deviation, indpb=probability)
def mutGaussian(
    rows: list[torch.Tensor], draw: Draw, *, sigma: float, indpb: float
) -> torch.Tensor:
    """Gaussian mutation: N(0, sigma) is added to every weight with probability ``indpb``.

    The probability is exact; below `deapnets.randomness.SPARSE_BELOW` only the weights that change
    are visited. The noise ends at 4.3 sigma: `docs/recipes.md`.
    """
    return _with_noise(rows[0], draw, indpb, functools.partial(draw.noise, sigma))


@operator(parents=1, sigma=deviation, indpb=probability, distribution=named_noise)
def mutNoise(
    rows: list[torch.Tensor],
    draw: Draw,
    *,
    sigma: float,
    indpb: float,
    distribution: str = "gaussian",
    centred: bool = True,
) -> torch.Tensor:
    """Mutation by a named noise: `mutGaussian` with another distribution.

    Noise of mean 0 and deviation ``sigma`` is added to every weight with probability ``indpb``;
    with ``centred=False``, ``sigma`` times the distribution as it is. The names are those of
    ``deapnets plugins list``; `docs/recipes.md` has their parameters.
    """
    noise = functools.partial(draw.noise, sigma, distribution=distribution, centred=centred)
    return _with_noise(rows[0], draw, indpb, noise)


def _with_noise(
    own: torch.Tensor, draw: Draw, indpb: float, noise: Callable[..., torch.Tensor]
) -> torch.Tensor:
    """Return ``own`` with noise added to every weight with probability ``indpb``."""
    if indpb == 1.0:
        return noise().add_(own)
    if indpb >= SPARSE_BELOW:
        mask = draw.mask(indpb)
        return noise().mul_(mask).add_(own)
    child = own.clone(memory_format=torch.contiguous_format)
    at = draw.positions(indpb)
    child.view(-1).scatter_add_(0, at.flat, noise(at))
    return child


@operator(parents=1, sigma=deviation, indpb=probability)
def mutReset(rows: list[torch.Tensor], draw: Draw, *, sigma: float, indpb: float) -> torch.Tensor:
    """Reset mutation: every weight is drawn from N(0, sigma) anew with probability ``indpb``."""
    child = rows[0].clone(memory_format=torch.contiguous_format)
    at = draw.positions(indpb)
    child.view(-1).scatter_(0, at.flat, draw.noise(sigma, at))
    return child
