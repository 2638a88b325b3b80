"""`Draw`: the random numbers of several children at once, a stream of numbers a child."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deapnets.distributions.base import LEVELS
from deapnets.distributions.tables import noise_table
from deapnets.errors import OptionError
from deapnets.randomness.distances import LONGEST_STEP, Steps, distance_of, steps_of
from deapnets.randomness.hashing import Words, hash_words, hash_words_torch, stream_keys

RECIPE_VERSION = 1
"""Version of the mechanism: the same number means the same weights for the same recipe."""

SPARSE_BELOW = 0.25
"""Operators draw positions below this probability and a mask from it on (part of the version)."""

TIE = 1 << 48
"""Counters from here on decide the ties of the counters below."""

Index = NDArray[np.int64]


@functools.lru_cache(maxsize=64)
def _scaled_table(
    scale: float, distribution: str, centred: bool, device: torch.device
) -> torch.Tensor:
    table = noise_table(distribution, centred) * np.float32(scale)
    return torch.from_numpy(table).to(device)


class Positions:
    """Elements of an ``[n, P]`` tensor, in ascending order, none twice: see `Draw.positions`.

    Attributes
    ----------
    flat
        ``row * P + column`` of each: int64 ``[k]``.
    """

    def __init__(self, flat: torch.Tensor, width: int, taken: torch.Tensor) -> None:
        self.flat = flat
        self.taken = taken  # [n, draws]: which draws of a row became elements
        self._width = width

    def __len__(self) -> int:
        return len(self.flat)

    @property
    def rows(self) -> torch.Tensor:
        """Row of each element, int64 ``[k]``."""
        return self.flat // self._width

    @property
    def columns(self) -> torch.Tensor:
        """Column of each element, int64 ``[k]``."""
        return self.flat % self._width


def _require_probability(method: str, p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise OptionError(f"draw.{method} needs a probability in [0, 1], got {p!r}.")


def _index(values: torch.Tensor) -> Index:
    return values.cpu().numpy()


class Draw:
    """The random numbers of ``n`` children of ``width`` elements, one stream of numbers a child.

    Every call of a method takes the next stream, so an operator that calls its methods in the same
    order gets the same numbers for the same seeds, whatever stands beside a child in its chunk.

    Parameters
    ----------
    seeds
        The children's 64-bit seeds, ``[n]``.
    width
        Elements of a child.
    device
        Where the numbers are wanted.
    layout
        The children's `deapnets.genomes.layout.Layout`, for operators that tell one parameter of a
        network from another; None where nobody knows.
    stream
        The stream that the first call takes.
    """

    def __init__(
        self,
        seeds: Words,
        width: int,
        device: torch.device | str = "cpu",
        layout: Any = None,  # genomes are above this module
        stream: int = 0,
    ) -> None:
        self.layout = layout
        self._seeds = seeds
        self._width = width
        self._device = torch.device(device)
        self._in_numpy = self._device.type == "cpu"  # elsewhere torch makes the same bits
        self._stream = stream

    def __len__(self) -> int:
        return len(self._seeds)

    def _next_stream(self) -> tuple[Words, Words]:
        """Return the keys ``[n], [n]`` of the next stream."""
        self._stream += 1
        return stream_keys(self._seeds, self._stream - 1)

    def _words(self, keys: tuple[Words, Words], count: int) -> torch.Tensor:
        """Return words ``0 .. count`` of every child, int64 ``[n, count]``."""
        start, key = keys
        if self._in_numpy:
            counters = np.arange(count, dtype=np.uint64)
            words = hash_words(start[:, None], key[:, None], counters)
            return torch.from_numpy(words.view(np.int64))
        counters_there = torch.arange(count, device=self._device)
        return hash_words_torch(self._to(start)[:, None], self._to(key)[:, None], counters_there)

    def _tie_words(self, keys: tuple[Words, Words], rows: Index, counters: Index) -> Words:
        """Return the word that decides the tie of word ``counters[j]`` of child ``rows[j]``."""
        start, key = keys
        return hash_words(start[rows], key[rows], counters.astype(np.uint64) + np.uint64(TIE))

    def _to(self, words: Words) -> torch.Tensor:
        return torch.from_numpy(words.view(np.int64)).to(self._device)

    def _values(self, keys: tuple[Words, Words], count: int) -> torch.Tensor:
        """Return 16-bit values ``0 .. count`` of every child: int32 ``[n, count]``, from 0 up."""
        words = self._words(keys, -(-count // 4))
        if self._in_numpy:
            return torch.from_numpy(words.numpy().view(np.uint16)[:, :count].astype(np.int32))
        return words.view(torch.int16)[:, :count].to(torch.int32).bitwise_and_(LEVELS - 1)

    def values(self) -> torch.Tensor:
        """Return 16 random bits for every element: int32 ``[n, P]`` in ``[0, 65536)``."""
        return self._values(self._next_stream(), self._width)

    def mask(self, p: float) -> torch.Tensor:
        """Return a bool tensor ``[n, P]`` whose elements are true with probability ``p``, exactly.

        One bit decides at ``p = 0.5``; otherwise 16 bits do, and 64 more where those 16 tie.
        """
        _require_probability("mask", p)
        keys = self._next_stream()
        if p in (0.0, 1.0):
            return torch.full((len(self), self._width), bool(p), device=self._device)
        if p == 0.5:
            return self._bits(keys)
        threshold = int(p * LEVELS)
        values = self._values(keys, self._width)
        hits = values < threshold
        remainder = p * LEVELS - threshold
        if remainder:
            rows, columns = self._nonzero(values == threshold)
            words = self._tie_words(keys, _index(rows), _index(columns))
            hit = words < np.uint64(int(remainder * (1 << 64)))
            hits[rows, columns] = torch.from_numpy(hit).to(self._device)
        return hits

    def _nonzero(self, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return rows and columns of the true elements of ``[n, width]``, in order; int64 ``[k]``.

        numpy's search is several times faster than torch's on a CPU.
        """
        if not self._in_numpy:
            rows, columns = torch.nonzero(mask, as_tuple=True)
            return rows, columns
        flat = np.flatnonzero(mask.numpy())
        rows_of, columns_of = np.divmod(flat, mask.shape[1])
        return torch.from_numpy(rows_of), torch.from_numpy(columns_of)

    def _bits(self, keys: tuple[Words, Words]) -> torch.Tensor:
        words = self._words(keys, -(-self._width // 64))
        if self._in_numpy:
            bits = np.unpackbits(words.numpy().view(np.uint8), axis=1, bitorder="little")
            return torch.from_numpy(bits.view(np.bool_))[:, : self._width]
        shifts = torch.arange(64, device=self._device)
        bits_of_words = (words[:, :, None] >> shifts) & 1
        return bits_of_words.to(torch.bool).flatten(1)[:, : self._width]

    def positions(self, p: float) -> Positions:
        """Return the elements that are hit when each one is with probability ``p``, exactly.

        The distances between hits are geometric, so the work is in proportion to the hits: for
        small ``p`` far cheaper than a mask. The elements are not those of ``mask(p)``.
        """
        _require_probability("positions", p)
        keys = self._next_stream()
        if p == 0.0:
            nothing = torch.zeros(0, dtype=torch.int64, device=self._device)
            never = torch.zeros(len(self), 0, dtype=torch.bool, device=self._device)
            return Positions(nothing, self._width, never)
        steps = steps_of(p)
        count = self._expected_draws(p, steps)
        ends, hit = self._ends(keys, steps, count)
        while int(ends[:, -1].min()) < self._width - 1:
            count *= 2
            ends, hit = self._ends(keys, steps, count)
        inside = ends < self._width
        if hit is not None:
            inside &= hit
        ends += torch.arange(len(self), device=self._device)[:, None] * self._width
        return Positions(self._taken(ends, inside), self._width, inside)

    def _taken(self, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the values ``[k]`` where ``mask`` is true, in order; both ``[n, draws]``.

        numpy's boolean indexing is several times faster than torch's on a CPU.
        """
        if not self._in_numpy:
            return values[mask]
        return torch.from_numpy(values.numpy()[mask.numpy()])

    def _expected_draws(self, p: float, steps: Steps) -> int:
        """Return a number of draws that nearly always passes the last element."""
        mean = self._width * p + self._width / steps.longest
        return int(mean + 6 * mean**0.5) + 8

    def _ends(
        self, keys: tuple[Words, Words], steps: Steps, count: int
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return where each of ``count`` steps ends, int64 ``[n, count]``, and which are hits."""
        values = self._values(keys, count)
        table = torch.from_numpy(steps.table).to(self._device)
        distances = table.index_select(0, values.reshape(-1)).view(values.shape)
        rows, draws = self._nonzero(distances == 0)
        words = self._tie_words(keys, _index(rows), _index(draws))
        high = _index(values[rows, draws]).astype(np.uint64) << np.uint64(48)
        exact = distance_of(steps.bounds, high | (words >> np.uint64(16))).astype(np.int32)
        distances[rows, draws] = torch.from_numpy(exact).to(self._device)
        hit = None
        if steps.longest == LONGEST_STEP:
            hit = distances > 0
            distances = distances.abs_()
        return torch.cumsum(distances, 1, dtype=torch.int64).sub_(1), hit

    def noise(
        self,
        scale: float = 1.0,
        at: Positions | None = None,
        *,
        distribution: str = "gaussian",
        centred: bool = True,
    ) -> torch.Tensor:
        """Return noise of mean 0 and deviation ``scale``, gaussian or of another distribution.

        Float32 ``[n, P]``, or with ``at`` one value for each of those positions, float32 ``[k]``.
        ``distribution`` is a name of `deapnets.distributions.tables.noise_table`; with
        ``centred=False`` it is ``scale`` times the distribution as it is. Whatever the
        distribution, the same random bits are read.
        """
        keys = self._next_stream()
        table = _scaled_table(float(scale), distribution, bool(centred), self._device)
        values = self._values(keys, self._width if at is None else at.taken.shape[1])
        chosen = values if at is None else self._taken(values, at.taken)
        return table.index_select(0, chosen.reshape(-1)).view(chosen.shape)

    def numbers(self, count: int, scale: float = 1.0) -> torch.Tensor:
        """Return ``count`` gaussian numbers a child of deviation ``scale``: float32 ``[n, count]``.

        For noise that is built from fewer numbers, or from more, than a child has weights.
        """
        keys = self._next_stream()
        values = self._values(keys, count)
        table = _scaled_table(float(scale), "gaussian", True, self._device)
        return table.index_select(0, values.reshape(-1)).view(values.shape)

    def integers(self, high: int) -> torch.Tensor:
        """Return one integer in ``[0, high)`` a child, int64 ``[n]``; ``high`` at most 2**31."""
        if not 0 < high <= 1 << 31:
            raise OptionError(f"draw.integers needs 1 <= high <= 2**31, got {high}.")
        words = self._words(self._next_stream(), 1)[:, 0]
        return (((words >> 33) & ((1 << 31) - 1)) * high) >> 31

    def uniform(self) -> torch.Tensor:
        """Return one number in ``[0, 1)`` a child, float64 ``[n]``, a multiple of 2**-53."""
        words = self._words(self._next_stream(), 1)[:, 0]
        return ((words >> 11) & ((1 << 53) - 1)).to(torch.float64) * 2.0**-53
