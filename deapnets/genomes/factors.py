"""Noise of low rank: a product of two thin matrices in each layer, and full noise elsewhere.

A matrix ``[out, in]`` of a network gets ``U V' / sqrt(rank)`` with gaussian ``U [out, rank]`` and
``V [in, rank]``: ``rank * (out + in)`` random numbers in place of ``out * in``. A kernel of a
convolution is the matrix ``[out, in * height * width]``; parameters of one dimension, the biases,
get full noise. Every weight's noise has mean 0 and variance 1, and two weights are uncorrelated.

Source: Sarkar et al. 2025, "Evolution strategies at the hyperscale", arXiv:2511.16652 (EGGROLL).
"""

from __future__ import annotations

import functools
from itertools import pairwise
from math import prod
from typing import NamedTuple

import torch

from deapnets.errors import LayoutError, OptionError
from deapnets.genomes.layout import Layout
from deapnets.randomness import Draw


class Matrix(NamedTuple):
    """A parameter of two dimensions or more, as the matrix that factors make."""

    name: str
    columns: slice  # where it stands in a row of weights
    height: int
    width: int
    left: slice  # where its factors stand among all left ones [height * rank], and all right ones
    right: slice


class Rest(NamedTuple):
    """A parameter of one dimension, or none; a matrix without elements."""

    name: str
    columns: slice
    at: slice  # where it stands among the full noise


class Factoring(NamedTuple):
    """How the parameters of a layout divide into matrices and the rest."""

    rank: int
    matrices: tuple[Matrix, ...]
    rest: tuple[Rest, ...]

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many numbers a child takes: left factors, right factors, full noise."""
        ends = self.matrices[-1].left.stop, self.matrices[-1].right.stop
        return (*ends, self.rest[-1].at.stop if self.rest else 0)


class Factors(NamedTuple):
    """The random numbers of ``n`` children, each already scaled."""

    left: torch.Tensor  # [n, sum of height * rank]
    right: torch.Tensor  # [n, sum of width * rank]
    rest: torch.Tensor  # [n, elements of the other parameters]


@functools.lru_cache(maxsize=64)
def factoring(layout: Layout, rank: int) -> Factoring:
    """Return how noise of a rank is put together for a layout.

    Raises
    ------
    OptionError
        When the rank is above a matrix's smaller side, where full noise is as cheap.
    LayoutError
        When the network has no matrix.
    """
    edges = [0]
    for size in layout.sizes:
        edges.append(edges[-1] + size)
    left = right = at = 0
    matrices, rest = [], []
    parts = zip(layout.names, layout.shapes, pairwise(edges), strict=True)
    for name, shape, (start, end) in parts:
        if len(shape) < 2 or start == end:
            rest.append(Rest(name, slice(start, end), slice(at, at + end - start)))
            at += end - start
            continue
        height, width = shape[0], prod(shape[1:])
        _require_rank(rank, name, height, width)
        ends = left + height * rank, right + width * rank
        matrices.append(
            Matrix(
                name, slice(start, end), height, width, slice(left, ends[0]), slice(right, ends[1])
            )
        )
        left, right = ends
    if not matrices:
        raise LayoutError(
            f"Low-rank noise needs a network with a matrix: {layout.describe()}. "
            "Full noise serves every network: mutGaussian, or a strategy without rank=."
        )
    return Factoring(rank, tuple(matrices), tuple(rest))


def _require_rank(rank: int, name: str, height: int, width: int) -> None:
    if rank > min(height, width):
        raise OptionError(
            f'rank {rank} is above what parameter "{name}" of {height} x {width} has: noise of '
            f"rank {min(height, width)} is full. Give a smaller rank, or leave it out."
        )


def draw_factors(draw: Draw, plan: Factoring, scale: float) -> Factors:
    """Return the random numbers of the children of ``draw``, of deviation ``scale`` a weight."""
    left, right, rest = plan.counts
    return Factors(
        draw.numbers(left, scale / plan.rank**0.5),
        draw.numbers(right),
        draw.numbers(rest, scale),
    )


def add_noise(rows: torch.Tensor, factors: Factors, plan: Factoring) -> None:
    """Add the noise of ``n`` children to their ``rows`` ``[n, P]``, in place.

    One product, then one sum, for each rank in turn: nothing that could round otherwise in other
    company.
    """
    for matrix in plan.matrices:
        place = rows[:, matrix.columns].view(len(rows), matrix.height, matrix.width)
        left, right = factors_of(factors, matrix, plan.rank)
        for column in range(plan.rank):
            place.add_(left[:, :, column, None] * right[:, None, column])
    for part in plan.rest:
        rows[:, part.columns] += factors.rest[:, part.at]


def factors_of(factors: Factors, matrix: Matrix, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a matrix's factors of ``n`` children: ``[n, height, rank]``, ``[n, rank, width]``."""
    left = factors.left[:, matrix.left].unflatten(1, (matrix.height, rank))
    right = factors.right[:, matrix.right].unflatten(1, (rank, matrix.width))
    return left, right
