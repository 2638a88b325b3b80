"""`mutLowRank`: noise of low rank for every weight matrix."""

from __future__ import annotations

from typing import Any

import torch

from deapnets.errors import OperatorError, OptionError
from deapnets.genomes.factors import add_noise, draw_factors, factoring
from deapnets.operators.contract import deviation, operator
from deapnets.randomness import Draw


def positive(name: str, value: Any) -> None:
    """Raise an `OptionError` unless ``value`` is a whole number of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise OptionError(f"{name} is a whole number of at least 1, got {value!r}.")


@operator(parents=1, transient=True, sigma=deviation, rank=positive)
def mutLowRank(
    rows: list[torch.Tensor], draw: Draw, *, sigma: float, rank: int = 1, mirrored: bool = False
) -> torch.Tensor:
    """Low-rank mutation: every weight matrix gets gaussian noise of a rank, of deviation ``sigma``.

    Where a chain of linear layers or convolutions allows it, many children of one parent are
    evaluated without making their weights. With ``mirrored`` the noise is subtracted.
    """
    if draw.layout is None:
        raise OperatorError("mutLowRank needs to know the network's layout: make it from a node.")
    plan = factoring(draw.layout, rank)
    child = rows[0].clone(memory_format=torch.contiguous_format)
    add_noise(child, draw_factors(draw, plan, -sigma if mirrored else sigma), plan)
    return child
