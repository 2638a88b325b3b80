"""Which columns of a row belong together: a parameter, a layer, a unit."""

from __future__ import annotations

import functools
from itertools import accumulate
from math import prod
from typing import NamedTuple

import torch

from deapnets.genomes.layout import Layout
from deapnets.randomness import Draw


class Part(NamedTuple):
    """Where a parameter stands in a row."""

    name: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def height(self) -> int:
        """Rows of the parameter: units of a weight or bias, filters of a convolution."""
        return self.shape[0] if self.shape else 1

    def rows(self) -> torch.Tensor:
        """Return the columns of the row's elements, int64 ``[height, size of a row]``."""
        return torch.arange(self.start, self.end).view(self.height, prod(self.shape[1:]))


Layers = tuple[tuple[Part, ...], ...]


def layout_of(draw: Draw, width: int) -> Layout:
    """Return the layout of the children; where nobody knows it, a row is one parameter."""
    return draw.layout or Layout(("weights",), ((width,),))


@functools.lru_cache(maxsize=256)
def layers_of(layout: Layout) -> Layers:
    """Return the parameters in their order, each with its bias behind it.

    A bias is what is called like the parameter but for ``bias`` in place of ``weight``, with one
    element for each of its rows: ``0.weight`` and ``0.bias``, ``weight_ih_l0`` and ``bias_ih_l0``.
    """
    ends = list(accumulate(layout.sizes))
    starts = [0, *ends[:-1]]
    parts = [Part(*of) for of in zip(layout.names, layout.shapes, starts, ends, strict=True)]
    by_name = {part.name: part for part in parts}
    biases = {part.name: _bias(part, by_name) for part in parts}
    taken = {bias.name for bias in biases.values() if bias is not None}
    found = []
    for part in parts:
        bias = biases[part.name]
        if part.name not in taken:
            found.append((part,) if bias is None else (part, bias))
    return tuple(found)


def _bias(part: Part, by_name: dict[str, Part]) -> Part | None:
    """Return the bias of a weight, if it has one."""
    module, dot, own = part.name.rpartition(".")
    bias = by_name.get(f"{module}{dot}{own.replace('weight', 'bias')}")
    if bias is None or bias is part or bias.shape != (part.height,):
        return None
    return bias


@functools.lru_cache(maxsize=256)
def unit_leaders(layout: Layout) -> torch.Tensor:
    """Return the first column of the unit that each column belongs to, int64 ``[P]``.

    A unit is a row of a weight, a filter of a convolution, with its element of the bias.
    """
    leaders = torch.empty(layout.width, dtype=torch.int64)
    for layer in layers_of(layout):
        with_elements = [part.rows() for part in layer if part.end > part.start]
        for columns in with_elements:
            leaders[columns] = with_elements[0][:, :1].expand_as(columns)
    return leaders


@functools.lru_cache(maxsize=256)
def layer_leaders(layout: Layout) -> torch.Tensor:
    """Return the first column of the layer that each column belongs to, int64 ``[P]``."""
    leaders = torch.empty(layout.width, dtype=torch.int64)
    for layer in layers_of(layout):
        for part in layer:
            leaders[part.start : part.end] = layer[0].start
    return leaders


@functools.lru_cache(maxsize=256)
def parameter_numbers(layout: Layout) -> torch.Tensor:
    """Return the number of the parameter that each column belongs to, int64 ``[P]``."""
    return torch.repeat_interleave(torch.tensor(layout.sizes))
