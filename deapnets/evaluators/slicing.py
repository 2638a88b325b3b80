"""Which rows go through networks at once: slices, unless a module couples the rows.

A large split goes through in slices, which bounds the activations. That is right only where no
row's output hangs on the rows beside it: a normalisation by the batch's own statistics, a recurrent
layer whose first dimension is time, or a graph whose nodes are the rows need all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from deapnets.evaluators import splits
from deapnets.evaluators.splits import Split

if TYPE_CHECKING:  # a plugin's class needs this: importing it loads nothing heavy
    import torch
    from torch import nn

    from deapnets.networks.chunk import Networks

_TRIED = 16
"""Rows on which a module is tried: in one call, and in two of half as many."""
_ROUNDING = 1e-4
"""What rounding changes at most, as a part of the largest output."""
_NOISE = 0.1
"""Deviation of the noise on the weights that are tried: weights of zero would couple nothing."""
_TOGETHER = 256
"""Networks of which a slice is held at once: as many fewer as more rows stay together."""


def are_apart(module: nn.Module, rows: Split, device: torch.device) -> bool:
    """Return whether no row's output hangs on the rows beside it, tried on a few of the rows.

    The module is called with them in one lot and in two halves, on weights near its own. Outputs
    that differ by more than rounding are coupled; so are rows that it does not take by halves,
    outputs whose first dimension is not that of the rows, and a single row, which shows nothing.
    """
    import torch

    from deapnets.networks.drawing import Draws
    from deapnets.networks.trees import join_trees, near, tensors_of

    count = min(_TRIED, len(rows))
    if count < 2:
        return False
    tried = rows.take(torch.linspace(0, len(rows) - 1, count).long()).to(device)
    tried = Split(_distinct(tried.inputs), tried.targets, tuple(map(_distinct, tried.more)))

    def called(one: nn.Module, part: Split) -> Any:  # a module may change its inputs in place
        with Draws(one, device).looking(), torch.no_grad():
            return one(*(argument.clone() for argument in part.arguments))

    try:
        one = _noisy(module, device)
        whole = called(one, tried)
        halves = join_trees([called(one, half) for half in tried.slices(-(-count // 2))])
        pairs = list(zip(tensors_of(whole), tensors_of(halves), strict=True))
        return all(near(*pair, _ROUNDING) for pair in pairs)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # whatever a module does with rows that it does not take
        return False


def networks_at_once(rows: int) -> int:
    """Return how many networks ``rows`` rows go through at once, where the rows are not cut."""
    return max(1, _TOGETHER * splits.SLICE // rows)


def outputs_of(
    networks: Networks, split: Split, parts: list[Split], joined: bool
) -> Iterator[tuple[Any, Split]]:
    """Yield the networks' outputs ``[n, rows, ...]`` with their rows.

    Those of one of the ``parts`` of ``split`` after the other, or ``joined``: those of all rows.
    """
    from deapnets.networks.trees import join_trees

    lots = (networks(*part.arguments) for part in parts)
    if joined:
        yield join_trees(list(lots), 1), split
    else:
        yield from zip(lots, parts, strict=True)


def _distinct(rows: torch.Tensor) -> torch.Tensor:
    """Return rows of numbers with a little noise: rows that are alike would show nothing."""
    import torch

    if not rows.is_floating_point():
        return rows
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(rows.shape, generator=generator).to(rows)
    return rows + _NOISE * float(rows.std().nan_to_num(0.0).clamp(min=0.1)) * noise


def _noisy(module: nn.Module, device: torch.device) -> nn.Module:
    """Return a copy as networks are, with a little noise on its weights."""
    import torch

    from deapnets.networks.templates import template_of

    one = template_of(module, device)
    generator = torch.Generator().manual_seed(0)
    for parameter in one.parameters():
        if parameter.is_floating_point():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(_NOISE * noise.to(parameter.device))
    return one
