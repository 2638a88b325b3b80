"""``mut...``: one parent."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch

from deapnets.distributions.tables import named_noise
from deapnets.genomes.layout import Layout
from deapnets.operators.contract import deviation, operator, probability
from deapnets.operators.crossover import choose
from deapnets.operators.exact import deviations
from deapnets.operators.parts import layout_of, parameter_numbers
from deapnets.randomness import SPARSE_BELOW, Draw, Positions


@operator(parents=1, sigma=deviation, indpb=probability)
def mutGaussian(
    rows: list[torch.Tensor], draw: Draw, *, sigma: float, indpb: float
) -> torch.Tensor:
    """Gaussian mutation: N(0, sigma) is added to every weight with probability ``indpb``.

    The probability is exact; below `deapnets.randomness.SPARSE_BELOW` only the weights that change
    are visited. The noise ends at 4.3 sigma: `docs/recipes.md`.

    Parameters
    ----------
    sigma
        Deviation of the noise.
    indpb
        Probability of each weight, in [0, 1].

    Examples
    --------
    >>> import random
    >>> import torch
    >>> import deapnets as dn
    >>> random.seed(1)
    >>> individual = dn.initWeights(dn.WeightGenome, torch.nn.Linear(100, 10), sigma=0.1)
    >>> before = individual.weights
    >>> (child,) = dn.mutGaussian(individual, sigma=0.5, indpb=0.1)
    >>> child is individual
    True
    >>> int((individual.weights != before).sum())  # of 1,010 weights
    98
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
    """Reset mutation: every weight is drawn from N(0, sigma) anew with probability ``indpb``.

    Parameters
    ----------
    sigma
        Deviation of the weights that are drawn.
    indpb
        Probability of each weight, in [0, 1].
    """
    child = rows[0].clone(memory_format=torch.contiguous_format)
    at = draw.positions(indpb)
    child.view(-1).scatter_(0, at.flat, draw.noise(sigma, at))
    return child


@operator(parents=1, sigma=deviation, indpb=probability, floor=deviation)
def mutGaussianRelative(
    rows: list[torch.Tensor], draw: Draw, *, sigma: float, indpb: float, floor: float = 0.01
) -> torch.Tensor:
    """Gaussian mutation relative to each parameter's spread.

    As `mutGaussian`, but ``sigma`` is in units of the standard deviation that the parameter (a
    layer's weight, or its bias) has in the parent: a first layer of a thousand small weights and a
    last one of a few large ones get steps that suit them. The unit is at least ``floor``: a
    parameter whose values are all alike, such as a bias of zeros, would never move.

    Parameters
    ----------
    sigma
        Deviation of the noise, in units of the parameter's own.
    indpb
        Probability of each weight, in [0, 1].
    floor
        The least unit there is.
    """
    layout = layout_of(draw, rows[0].shape[1])
    unit = _spreads(rows[0], layout).clamp_(min=floor)  # [n, parameters]
    number = parameter_numbers(layout).to(unit.device)

    def noise(at: Positions | None = None) -> torch.Tensor:
        step = draw.noise(sigma, at)
        if at is not None:
            return step.mul_(unit[at.rows, number[at.columns]])
        for index, part in enumerate(torch.split(step, list(layout.sizes), dim=1)):
            part.mul_(unit[:, index : index + 1])
        return step

    return _with_noise(rows[0], draw, indpb, noise)


def _spreads(rows: torch.Tensor, layout: Layout) -> torch.Tensor:
    """Return the deviation of each parameter of each row, float32 ``[n, parameters]``."""
    alike = rows.stride(0) == 0  # one parent's weights, seen n times
    parts = torch.split(rows[:1] if alike else rows, list(layout.sizes), dim=1)
    spreads = torch.stack([deviations(part) for part in parts], 1).float()
    return spreads.expand(len(rows), -1).clone() if alike else spreads


@operator(parents=1, sigma=deviation, indpb=probability)
def mutNonzero(rows: list[torch.Tensor], draw: Draw, *, sigma: float, indpb: float) -> torch.Tensor:
    """Gaussian mutation of the weights that are not zero: what was pruned stays pruned.

    Parameters
    ----------
    sigma, indpb
        As of `mutGaussian`.
    """
    moved = mutGaussian.core(rows, draw, sigma=sigma, indpb=indpb)
    return choose(rows[0] == 0, rows[0], moved)


@operator(parents=1, share=probability)
def mutPrune(rows: list[torch.Tensor], draw: Draw, *, share: float) -> torch.Tensor:
    """Set the smallest weights to zero: a part of those that are left, drawn from U(0, share).

    The part is rounded down to whole weights. For weights that are zeroed at random instead, there
    is `mutReset` with ``sigma=0``. Source: Han et al. 2015, "Learning both weights and connections
    for efficient neural networks", arXiv:1506.02626.
    """
    sizes = rows[0].abs()
    left = sizes.count_nonzero(1)
    lost = (share * draw.uniform() * left).long()
    last = (sizes.shape[1] - left + lost - 1).clamp_(min=0)  # the zeros come first
    bound = sizes.sort(1).values.gather(1, last[:, None])
    pruned = (sizes <= bound) & (lost > 0)[:, None]
    return choose(pruned, torch.zeros_like(rows[0]), rows[0])
