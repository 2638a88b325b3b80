"""Geometric distances from random bits, exact to 2**-64: how far it is to the next position.

`docs/recipes.md`, section 4, writes it down.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deapnets.distributions.base import LEVELS
from deapnets.randomness.hashing import WORD, Words

LONGEST_STEP = 1024
"""The longest distance that one draw covers."""


class Steps(NamedTuple):
    """How 16 random bits become the distance to the next position: see `docs/recipes.md`."""

    table: NDArray[
        np.int32
    ]  # [65536]; > 0 distance, < 0 minus a distance without a hit, 0 undecided
    bounds: Words  # [k]; distance d + 1 ends below bounds[d], as 64-bit fractions
    longest: int


@functools.lru_cache(maxsize=64)
def steps_of(p: float) -> Steps:
    """Return the table of geometric distances of success probability ``p``, exact to 2**-64."""
    miss = min(round((1 - Fraction(p)) * (1 << 128)), (1 << 128) - 1)  # p > 0, however small
    bounds: list[int] = []
    survival = 1 << 128
    while len(bounds) < LONGEST_STEP and survival >> 64:
        survival = (survival * miss) >> 128
        bounds.append(WORD - (survival >> 64))
    edges = np.array(bounds, dtype=np.uint64)
    low = np.arange(LEVELS, dtype=np.uint64) << np.uint64(48)
    first = distance_of(edges, low)
    last = distance_of(edges, low | np.uint64((1 << 48) - 1))
    return Steps(np.where(first == last, first, 0).astype(np.int32), edges, len(bounds))


def distance_of(bounds: Words, fractions: Words) -> NDArray[np.int64]:
    """Return the distance for each 64-bit fraction; minus the longest where it holds no hit."""
    index = np.searchsorted(bounds, fractions, side="left")
    return np.where(index < len(bounds), index + 1, -len(bounds))
