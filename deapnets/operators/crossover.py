"""``cx...``: two parents. The second child swaps the parents' roles under the same numbers."""

from __future__ import annotations

from typing import Any

import torch

from deapnets.operators.contract import operator, probability
from deapnets.operators.parts import layer_leaders, layout_of, unit_leaders
from deapnets.randomness import Draw


def choose(mask: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return ``first`` where ``mask`` is true and ``second`` elsewhere; all ``[n, P]``, float32.

    `torch.where` with the same bits. On a CPU it is done on the bits: a random mask costs
    `torch.where` a mispredicted branch an element, three times the time.
    """
    if mask.device.type != "cpu" or first.dtype != torch.float32:
        return torch.where(mask, first, second)
    other = second.view(torch.int32)
    bits = mask.view(torch.int8).to(torch.int32).neg_()
    return bits.bitwise_and_(first.view(torch.int32) ^ other).bitwise_xor_(other).view(first.dtype)


@operator(parents=2, indpb=probability)
def cxUniform(rows: list[torch.Tensor], draw: Draw, *, indpb: float) -> torch.Tensor:
    """Uniform crossover: every weight is swapped between the two with probability ``indpb``.

    Source: Syswerda 1989, "Uniform crossover in genetic algorithms", ICGA 3.

    Parameters
    ----------
    indpb
        Probability of each weight, in [0, 1].

    Examples
    --------
    >>> import random
    >>> import torch
    >>> import deapnets as dn
    >>> random.seed(1)
    >>> net = torch.nn.Linear(2, 2)
    >>> first, second = (dn.initWeights(dn.WeightGenome, net, sigma=0.1) for _ in "12")
    >>> first.weights, second.weights = torch.zeros(6), torch.ones(6)
    >>> first, second = dn.cxUniform(first, second, indpb=0.5)
    >>> torch.equal(first.weights + second.weights, torch.ones(6))
    True
    """
    return choose(draw.mask(indpb), rows[1], rows[0])


def _probability_or_none(name: str, value: Any) -> None:
    if value is not None:
        probability(name, value)


@operator(parents=2, alpha=_probability_or_none)
def cxArithmetic(
    rows: list[torch.Tensor], draw: Draw, *, alpha: float | None = None
) -> torch.Tensor:
    """Arithmetic crossover: ``(1 - alpha) * own + alpha * other``, one ``alpha`` a pair.

    Without ``alpha``, it is drawn from U(0, 1) for each pair. Source: Michalewicz 1992, "Genetic
    algorithms + data structures = evolution programs".
    """
    where = rows[0].device
    drawn = draw.uniform() if alpha is None else torch.full((len(draw),), alpha, device=where)
    other = drawn.to(where, rows[0].dtype)[:, None]
    return (rows[0] * (1 - other)).add_(rows[1] * other)


@operator(parents=2)
def cxOnePoint(rows: list[torch.Tensor], draw: Draw) -> torch.Tensor:
    """One-point crossover: the weights from one point on are swapped.

    The point lies between two weights of the vector, so each child has some of both; with a single
    weight there is no such point and the parents are returned.
    """
    width = rows[0].shape[1]
    point = 1 + draw.integers(max(1, width - 1))
    before = torch.arange(width, device=rows[0].device) < point[:, None]
    return choose(before, rows[0], rows[1])


@operator(parents=2, indpb=probability)
def cxNeuron(rows: list[torch.Tensor], draw: Draw, *, indpb: float) -> torch.Tensor:
    """Swap whole units, each with probability ``indpb``: incoming weights and bias together.

    A unit is a row of a weight (a filter of a convolution) with its element of the bias. What one
    unit has learned stays together; where a network keeps its weights otherwise (a transposed
    convolution, say), it is still the parameter's rows that are swapped. Source: Montana & Davis
    1989, "Training feedforward neural networks using genetic algorithms", IJCAI 11.
    """
    return _together(rows, draw.mask(indpb), unit_leaders(layout_of(draw, rows[0].shape[1])))


@operator(parents=2, indpb=probability)
def cxLayer(rows: list[torch.Tensor], draw: Draw, *, indpb: float) -> torch.Tensor:
    """Swap whole layers, each with probability ``indpb``: a parameter and its bias together."""
    return _together(rows, draw.mask(indpb), layer_leaders(layout_of(draw, rows[0].shape[1])))


def _together(rows: list[torch.Tensor], mask: torch.Tensor, leaders: torch.Tensor) -> torch.Tensor:
    """Return children that have what the mask says at each element's leader: ``[n, P]``."""
    return choose(mask.index_select(1, leaders.to(mask.device)), rows[1], rows[0])
