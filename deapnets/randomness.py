"""Random numbers that are the same everywhere: pure functions of seed, stream and element index.

A recipe must give the same weights in any chunk, order, process and device, so its numbers do not
come from a generator with a state. Word ``i`` of stream ``s`` of seed ``k`` is a hash of
``(k, s, i)`` in 64-bit integers; noise is a constant table read with 16 of its bits; masks and
positions are made from the bits alone. Nothing here rounds, so nothing here can differ.

`docs/recipes.md` writes the mechanism down with test vectors; `RECIPE_VERSION` names that page's
version. The hash is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable
pseudorandom number generators", doi:10.1145/2660193.2660195) on a Weyl sequence, with a second key
between its two multiplications so that the sequences of two seeds do not meet.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special

from deapnets.errors import OptionError

RECIPE_VERSION = 1
"""Version of the mechanism: the same number means the same weights for the same recipe."""

LEVELS = 1 << 16
"""Entries of a noise table: one for each value of 16 random bits."""

SPARSE_BELOW = 0.25
"""Operators draw positions below this probability and a mask from it on (part of the version)."""

_GOLDEN = 0x9E3779B97F4A7C15
_MIX1 = 0xBF58476D1CE4E5B9
_MIX2 = 0x94D049BB133111EB
_WORD = (1 << 64) - 1
_LONGEST_STEP = 1024
_TIE = 1 << 48  # counters from here on decide the ties of the counters below
_FEW = 8  # so many seeds are keyed faster in Python than in numpy

Words = NDArray[np.uint64]
Index = NDArray[np.int64]


def _mix(value: int) -> int:
    """Return SplitMix64's finaliser of a 64-bit integer."""
    value = ((value ^ (value >> 30)) * _MIX1) & _WORD
    value = ((value ^ (value >> 27)) * _MIX2) & _WORD
    return value ^ (value >> 31)


def _mix_words(words: Words, key: Words | None = None) -> Words:
    """Mix ``words`` in place, with ``key`` between the multiplications, and return them."""
    words ^= words >> np.uint64(30)
    words *= np.uint64(_MIX1)
    if key is not None:
        words ^= key
    words ^= words >> np.uint64(27)
    words *= np.uint64(_MIX2)
    words ^= words >> np.uint64(31)
    return words


def stream_keys(seeds: Words, stream: int) -> tuple[Words, Words]:
    """Return the two 64-bit keys ``[n], [n]`` of one stream of each of the ``[n]`` seeds."""
    offset = _mix((2 * stream + 1) * _GOLDEN & _WORD)
    if len(seeds) > _FEW:
        start = _mix_words(seeds + np.uint64(offset))
        return start, _mix_words(start + np.uint64(_GOLDEN))
    starts = [_mix((seed + offset) & _WORD) for seed in seeds.tolist()]
    keys = [_mix((start + _GOLDEN) & _WORD) for start in starts]
    return np.array(starts, dtype=np.uint64), np.array(keys, dtype=np.uint64)


def hash_words(start: Words, key: Words, counters: Words) -> Words:
    """Return word ``counters`` of the streams with these keys, which have one shape.

    Keys and counters broadcast together.
    """
    words = counters * np.uint64(_GOLDEN) + start
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

    words = fold(counters * _signed(_GOLDEN) + start, 30) * _signed(_MIX1)
    words = fold(words ^ key, 27) * _signed(_MIX2)
    return fold(words, 31)


@functools.lru_cache(maxsize=8)
def gaussian_table() -> NDArray[np.float32]:
    """Return the 65,536 mid-point quantiles of N(0, 1), ascending, scaled to unit variance.

    Kurtosis is 2.9992 and the tails end at 4.3 sigma: the noise has no value beyond.
    """
    half = -special.ndtri((np.arange(LEVELS // 2) + 0.5) / LEVELS)
    half /= np.sqrt(np.mean(half**2))
    return np.concatenate([-half, half[::-1]]).astype(np.float32)


@functools.lru_cache(maxsize=64)
def _scaled_table(scale: float, device: torch.device) -> torch.Tensor:
    table = gaussian_table() * np.float32(scale)
    return torch.from_numpy(table).to(device)


class _Steps(NamedTuple):
    """How 16 random bits become the distance to the next position: see `docs/recipes.md`."""

    table: NDArray[
        np.int32
    ]  # [65536]; > 0 distance, < 0 minus a distance without a hit, 0 undecided
    bounds: Words  # [k]; distance d + 1 ends below bounds[d], as 64-bit fractions
    longest: int


@functools.lru_cache(maxsize=64)
def _steps(p: float) -> _Steps:
    """Return the table of geometric distances of success probability ``p``, exact to 2**-64."""
    miss = min(round((1 - Fraction(p)) * (1 << 128)), (1 << 128) - 1)  # p > 0, however small
    bounds: list[int] = []
    survival = 1 << 128
    while len(bounds) < _LONGEST_STEP and survival >> 64:
        survival = (survival * miss) >> 128
        bounds.append(_WORD - (survival >> 64))
    edges = np.array(bounds, dtype=np.uint64)
    low = np.arange(LEVELS, dtype=np.uint64) << np.uint64(48)
    first = _distance(edges, low)
    last = _distance(edges, low | np.uint64((1 << 48) - 1))
    return _Steps(np.where(first == last, first, 0).astype(np.int32), edges, len(bounds))


def _distance(bounds: Words, fractions: Words) -> NDArray[np.int64]:
    """Return the distance for each 64-bit fraction; minus the longest where it holds no hit."""
    index = np.searchsorted(bounds, fractions, side="left")
    return np.where(index < len(bounds), index + 1, -len(bounds))


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
    """

    def __init__(
        self,
        seeds: Words,
        width: int,
        device: torch.device | str = "cpu",
        layout: Any = None,  # genomes are above this module
    ) -> None:
        self.layout = layout
        self._seeds = seeds
        self._width = width
        self._device = torch.device(device)
        self._in_numpy = self._device.type == "cpu"  # elsewhere torch makes the same bits
        self._stream = 0

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
        return hash_words(start[rows], key[rows], counters.astype(np.uint64) + np.uint64(_TIE))

    def _to(self, words: Words) -> torch.Tensor:
        return torch.from_numpy(words.view(np.int64)).to(self._device)

    def _values(self, keys: tuple[Words, Words], count: int) -> torch.Tensor:
        """Return 16-bit values ``0 .. count`` of every child: int32 ``[n, count]``, from 0 up."""
        words = self._words(keys, -(-count // 4))
        if self._in_numpy:
            return torch.from_numpy(words.numpy().view(np.uint16)[:, :count].astype(np.int32))
        return words.view(torch.int16)[:, :count].to(torch.int32).bitwise_and_(LEVELS - 1)

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
        steps = _steps(p)
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

    def _expected_draws(self, p: float, steps: _Steps) -> int:
        """Return a number of draws that nearly always passes the last element."""
        mean = self._width * p + self._width / steps.longest
        return int(mean + 6 * mean**0.5) + 8

    def _ends(
        self, keys: tuple[Words, Words], steps: _Steps, count: int
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return where each of ``count`` steps ends, int64 ``[n, count]``, and which are hits."""
        values = self._values(keys, count)
        table = torch.from_numpy(steps.table).to(self._device)
        distances = table.index_select(0, values.reshape(-1)).view(values.shape)
        rows, draws = self._nonzero(distances == 0)
        words = self._tie_words(keys, _index(rows), _index(draws))
        high = _index(values[rows, draws]).astype(np.uint64) << np.uint64(48)
        exact = _distance(steps.bounds, high | (words >> np.uint64(16))).astype(np.int32)
        distances[rows, draws] = torch.from_numpy(exact).to(self._device)
        hit = None
        if steps.longest == _LONGEST_STEP:
            hit = distances > 0
            distances = distances.abs_()
        return torch.cumsum(distances, 1, dtype=torch.int64).sub_(1), hit

    def noise(self, scale: float = 1.0, at: Positions | None = None) -> torch.Tensor:
        """Return gaussian noise of mean 0 and deviation ``scale``.

        Float32 ``[n, P]``, or with ``at`` one value for each of those positions, float32 ``[k]``.
        """
        keys = self._next_stream()
        table = _scaled_table(float(scale), self._device)
        values = self._values(keys, self._width if at is None else at.taken.shape[1])
        chosen = values if at is None else self._taken(values, at.taken)
        return table.index_select(0, chosen.reshape(-1)).view(chosen.shape)

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


class Stream:
    """A sequence of random numbers for what happens once a generation; its state is two integers.

    Parameters
    ----------
    seed
        64-bit seed.
    position
        Streams already taken from it: `state_dict` carries it on.
    """

    def __init__(self, seed: int, position: int = 0) -> None:
        self.seed = seed & _WORD
        self.position = position

    def words(self, count: int) -> Words:
        """Return the next ``[count]`` 64-bit words, uint64."""
        start, key = stream_keys(np.array([self.seed], dtype=np.uint64), self.position)
        self.position += 1
        return hash_words(start, key, np.arange(count, dtype=np.uint64))

    def integer(self) -> int:
        """Return the next 64-bit integer: a seed for something else, say."""
        return int(self.words(1)[0])

    def permutation(self, count: int) -> torch.Tensor:
        """Return a random order of ``0 .. count``, int64 ``[count]``."""
        return torch.from_numpy(np.argsort(self.words(count), kind="stable"))
