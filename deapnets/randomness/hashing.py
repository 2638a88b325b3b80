"""Random words that are a pure function of seed, stream and counter: no state, no order.

The hash is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom
number generators", doi:10.1145/2660193.2660195) on a Weyl sequence, with a second key between its
two multiplications so that the sequences of two seeds do not meet. `docs/recipes.md`, sections 1
and 2, writes it down.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

GOLDEN = 0x9E3779B97F4A7C15
MIX1 = 0xBF58476D1CE4E5B9
MIX2 = 0x94D049BB133111EB
WORD = (1 << 64) - 1
_FEW = 8  # so many seeds are keyed faster in Python than in numpy

Words = NDArray[np.uint64]


def _mix(value: int) -> int:
    """Return SplitMix64's finaliser of a 64-bit integer."""
    value = ((value ^ (value >> 30)) * MIX1) & WORD
    value = ((value ^ (value >> 27)) * MIX2) & WORD
    return value ^ (value >> 31)


def _mix_words(words: Words, key: Words | None = None) -> Words:
    """Mix ``words`` in place, with ``key`` between the multiplications, and return them."""
    words ^= words >> np.uint64(30)
    words *= np.uint64(MIX1)
    if key is not None:
        words ^= key
    words ^= words >> np.uint64(27)
    words *= np.uint64(MIX2)
    words ^= words >> np.uint64(31)
    return words


def stream_keys(seeds: Words, stream: int) -> tuple[Words, Words]:
    """Return the two 64-bit keys ``[n], [n]`` of one stream of each of the ``[n]`` seeds."""
    offset = _mix((2 * stream + 1) * GOLDEN & WORD)
    if len(seeds) > _FEW:
        start = _mix_words(seeds + np.uint64(offset))
        return start, _mix_words(start + np.uint64(GOLDEN))
    starts = [_mix((seed + offset) & WORD) for seed in seeds.tolist()]
    keys = [_mix((start + GOLDEN) & WORD) for start in starts]
    return np.array(starts, dtype=np.uint64), np.array(keys, dtype=np.uint64)


def hash_words(start: Words, key: Words, counters: Words) -> Words:
    """Return word ``counters`` of the streams with these keys, which have one shape.

    Keys and counters broadcast together.
    """
    words = counters * np.uint64(GOLDEN) + start
    return _mix_words(words, key)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def hash_words_torch(
    start: torch.Tensor, key: torch.Tensor, counters: torch.Tensor
) -> torch.Tensor:
    """Return `hash_words` in torch's signed integers, for devices that numpy cannot reach.

    Arguments and result are int64 with the bits of the unsigned words; they broadcast together.
    """

    def fold(words: torch.Tensor, shift: int) -> torch.Tensor:
        high = (words >> shift) & ((1 << (64 - shift)) - 1)
        return words ^ high

    words = fold(counters * _signed(GOLDEN) + start, 30) * _signed(MIX1)
    words = fold(words ^ key, 27) * _signed(MIX2)
    return fold(words, 31)
