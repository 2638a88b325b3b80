"""`Stream`: random numbers for what happens once a generation."""

from __future__ import annotations

import numpy as np
import torch

from deapnets.distributions.tables import noise_table
from deapnets.randomness.hashing import WORD, Words, hash_words, stream_keys


class Stream:
    """A sequence of random numbers for what happens once a generation; its state is two integers.

    Parameters
    ----------
    seed
        64-bit seed.
    position
        Streams already taken from it: `state_dict` carries it on.

    Examples
    --------
    >>> stream = Stream(5)
    >>> stream.permutation(4).tolist()
    [3, 0, 1, 2]
    >>> first = stream.integer()
    >>> again = Stream(5)
    >>> _ = again.permutation(4)
    >>> again.integer() == first
    True
    """

    def __init__(self, seed: int, position: int = 0) -> None:
        self.seed = seed & WORD
        self.position = position

    def words(self, count: int) -> Words:
        """Return the next ``[count]`` 64-bit words, uint64."""
        start, key = stream_keys(np.array([self.seed], dtype=np.uint64), self.position)
        self.position += 1
        return hash_words(start, key, np.arange(count, dtype=np.uint64))

    def integer(self) -> int:
        """Return the next 64-bit integer: a seed for something else, say."""
        return int(self.words(1)[0])

    def below(self, high: int) -> int:
        """Return one of ``0 .. high - 1``, each with equal probability to within 2**-64."""
        return (self.integer() * high) >> 64

    def gaussian(self) -> float:
        """Return a number drawn from N(0, 1), as `Draw.noise` draws them."""
        return float(noise_table("gaussian", True)[self.integer() >> 48])

    def permutation(self, count: int) -> torch.Tensor:
        """Return a random order of ``0 .. count``, int64 ``[count]``."""
        return torch.from_numpy(np.argsort(self.words(count), kind="stable"))
