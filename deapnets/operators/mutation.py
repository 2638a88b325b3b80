"""``mut...``: one parent."""

from __future__ import annotations

import torch

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
    if indpb == 1.0:
        return draw.noise(sigma).add_(rows[0])
    if indpb >= SPARSE_BELOW:
        mask = draw.mask(indpb)
        return draw.noise(sigma).mul_(mask).add_(rows[0])
    child = rows[0].clone(memory_format=torch.contiguous_format)
    at = draw.positions(indpb)
    child.view(-1).scatter_add_(0, at.flat, draw.noise(sigma, at))
    return child


@operator(parents=1, sigma=deviation, indpb=probability)
def mutReset(rows: list[torch.Tensor], draw: Draw, *, sigma: float, indpb: float) -> torch.Tensor:
    """Reset mutation: every weight is drawn from N(0, sigma) anew with probability ``indpb``."""
    child = rows[0].clone(memory_format=torch.contiguous_format)
    at = draw.positions(indpb)
    child.view(-1).scatter_(0, at.flat, draw.noise(sigma, at))
    return child
