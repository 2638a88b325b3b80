"""The numbers of a recipe: fixed for ever, the same everywhere, distributed as they say."""

from __future__ import annotations

import bisect
import hashlib
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from deapnets.distributions.base import LEVELS
from deapnets.distributions.tables import noise_table
from deapnets.errors import OptionError
from deapnets.randomness import RECIPE_VERSION, SPARSE_BELOW, Draw, Positions
from deapnets.randomness.distances import distance_of, steps_of
from deapnets.randomness.hashing import Words, hash_words, hash_words_torch, stream_keys

WORD = (1 << 64) - 1
LAST = WORD  # the largest seed
RATES = [1e-4, 0.0015, 0.01, 0.1, 0.25, 0.3, 1 / 3, 0.5, 0.7, 0.9, 0.99]

words_of_64_bits = st.integers(0, WORD)
seed_lists = st.lists(words_of_64_bits, min_size=1, max_size=12)
probabilities = st.sampled_from([0.0, 1e-4, 0.02, 0.1, 0.3, 0.5, 0.77, 1.0]) | st.floats(0.0, 1.0)


def seeds_of(values: Any) -> Words:
    return np.array(list(values), dtype=np.uint64)


def digest(values: torch.Tensor | np.ndarray) -> str:
    return hashlib.blake2b(np.asarray(values).tobytes(), digest_size=8).hexdigest()


def dense(at: Positions, shape: tuple[int, int]) -> torch.Tensor:
    hits = torch.zeros(shape, dtype=torch.bool)
    hits[at.rows, at.columns] = True
    return hits


def draws_of(at: Positions) -> torch.Tensor:
    """Return which draw of its row each element came from, int64 ``[k]``."""
    return torch.nonzero(at.taken)[:, 1]


def without_numpy(draw: Draw) -> Draw:
    """Return ``draw``, on the path of the devices that numpy cannot reach."""
    draw._in_numpy = False
    return draw


def near(rate: float, p: float, count: int) -> bool:
    """Return whether ``rate`` of ``count`` trials is within five standard errors of ``p``."""
    return abs(rate - p) <= 5 * (p * (1 - p) / count) ** 0.5


# The mechanism, written once more in Python's integers.


def mix(value: int, key: int = 0) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    value ^= key
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & WORD
    return value ^ (value >> 31)


def word_of(seed: int, stream: int, counter: int) -> int:
    golden = 0x9E3779B97F4A7C15
    start = mix((seed + mix((2 * stream + 1) * golden & WORD)) & WORD)
    key = mix((start + golden) & WORD)
    return mix((counter * golden + start) & WORD, key)


def value_of(seed: int, stream: int, index: int) -> int:
    return word_of(seed, stream, index // 4) >> 16 * (index % 4) & 0xFFFF


def tie_of(seed: int, stream: int, index: int) -> int:
    return word_of(seed, stream, index + (1 << 48))


def mask_of(seed: int, stream: int, width: int, p: float) -> list[bool]:
    if p == 0.5:
        return [bool(word_of(seed, stream, i // 64) >> i % 64 & 1) for i in range(width)]
    fractions = (
        Fraction((value_of(seed, stream, i) << 64) + tie_of(seed, stream, i), 1 << 80)
        for i in range(width)
    )
    return [fraction < Fraction(p) for fraction in fractions]


def positions_of(seed: int, stream: int, width: int, p: float) -> list[tuple[int, int]]:
    """Return the hits as pairs (column, draw)."""
    column, draw, hits = -1, 0, []
    while column < width:
        fraction = value_of(seed, stream, draw) << 48 | tie_of(seed, stream, draw) >> 16
        missed, distance = Fraction(1), 0
        while distance < 1024:
            distance += 1
            missed *= 1 - Fraction(p)
            if fraction < (1 - missed) * (1 << 64):
                hits.append((column + distance, draw))
                break
        column += distance
        draw += 1
    return [(column, draw) for column, draw in hits if column < width]


# The same for ever.


def test_recipe_version_is_the_one_that_these_vectors_belong_to():
    assert (RECIPE_VERSION, LEVELS, SPARSE_BELOW) == (1, 65536, 0.25)


def test_first_words_are_the_test_vectors():
    start, key = stream_keys(seeds_of([0, 1, LAST]), 0)
    words = hash_words(start[:, None], key[:, None], np.arange(3, dtype=np.uint64))
    assert words.tolist() == [
        [0xF7ECDEEC862C2081, 0x4E996E0D43A98271, 0x6B0399571947B7D2],
        [0xAC1372BA03595FD1, 0x23F1BAD3F97AA27A, 0x512E15A0DB7D8860],
        [0xC243874F0A2C98CE, 0x82F9071EEE980E9C, 0xBBCB7FC6FD87AC9B],
    ]


def test_words_of_another_stream_that_decide_ties_are_the_test_vectors():
    start, key = stream_keys(seeds_of([0, 1, LAST]), 7)
    words = hash_words(start, key, seeds_of([1 << 48] * 3))
    assert words.tolist() == [0xA7D37086F5958BCE, 0x052372DF14430F07, 0xADFA3C4E7BC53A72]


def test_gaussian_table_is_the_test_vector():
    table = noise_table()
    assert table.dtype == np.float32
    assert table.shape == (LEVELS,)
    assert digest(table) == "7013eb3e874e925f"


def test_numbers_of_a_draw_are_the_test_vectors():
    draw = Draw(seeds_of([0, 1, LAST]), 5000)
    assert digest(draw.mask(0.5)) == "3ec04a2e4c4c3e1d"
    assert digest(draw.mask(0.3)) == "2fdd69185227336b"
    assert digest(draw.noise()) == "e4c13be679762d16"
    assert digest(draw.noise(0.1)) == "dd4f36e30ec02d67"
    at = draw.positions(0.01)
    assert (digest(at.flat), digest(draws_of(at))) == ("2c4bf8c446276a71", "6f2d4a3413a3a54a")
    assert digest(draw.noise(1.0, at)) == "9909301b6990e7ca"
    at = draw.positions(0.1)
    assert (digest(at.flat), digest(draws_of(at))) == ("127e240cb0aecbed", "99159c8ab0cd9e92")
    assert digest(draw.noise(1.0, at)) == "3185a46eb9be2c62"
    at = draw.positions(1e-4)
    assert (digest(at.flat), digest(draws_of(at))) == ("8537e1b95eb96101", "3304bc7bb02905fd")
    assert digest(draw.noise(1.0, at)) == "3a3f48aa81e61d1e"
    assert draw.integers(1000).tolist() == [389, 217, 253]
    assert draw.uniform().tolist() == [0.4726441163953745, 0.28807546189398725, 0.23049937501195972]


@given(seeds=seed_lists, stream=st.integers(0, 50), counters=st.lists(words_of_64_bits))
def test_words_are_those_of_the_mechanism_in_python_integers(seeds, stream, counters):
    start, key = stream_keys(seeds_of(seeds), stream)
    words = hash_words(start[:, None], key[:, None], seeds_of(counters))
    assert words.tolist() == [[word_of(seed, stream, c) for c in counters] for seed in seeds]


@pytest.mark.parametrize("p", [1e-5, 0.001, 0.1, 1 / 3, 0.5, 0.75, 0.99])
def test_mask_is_that_of_the_mechanism_in_exact_fractions(p):
    mask = Draw(seeds_of([3, LAST]), 500).mask(p)
    assert mask.tolist() == [mask_of(seed, 0, 500, p) for seed in (3, LAST)]


def test_ties_of_a_mask_are_decided_as_in_exact_fractions():
    for part in (0.0, 0.25, 0.5, 0.75):
        p = (value_of(3, 0, 7) + part) / LEVELS  # sixteen bits of element 7 tie
        mask = Draw(seeds_of([3]), 500).mask(p)
        assert mask[0].tolist() == mask_of(3, 0, 500, p)
        assert bool(mask[0, 7]) == (tie_of(3, 0, 7) < part * (1 << 64))


@pytest.mark.parametrize("p", [0.0004, 0.002, 0.05, 0.3, 0.9])
def test_positions_are_those_of_the_mechanism_in_exact_fractions(p):
    width = 400 if p > 0.01 else 3000
    at = Draw(seeds_of([11, 12]), width).positions(p)
    expected = [
        (r, *hit) for r, seed in enumerate([11, 12]) for hit in positions_of(seed, 0, width, p)
    ]
    assert (
        list(zip(at.rows.tolist(), at.columns.tolist(), draws_of(at).tolist(), strict=True))
        == expected
    )


# The same everywhere.


@given(
    keys=st.lists(st.tuples(words_of_64_bits, words_of_64_bits), min_size=1),
    counters=st.lists(words_of_64_bits, min_size=1),
)
def test_numpy_hash_equals_torch_hash(keys, counters):
    start, key = (seeds_of(values)[:, None] for values in zip(*keys, strict=True))
    words = hash_words(start, key, seeds_of(counters))

    def signed(values: Words) -> torch.Tensor:
        return torch.from_numpy(values.view(np.int64))

    there = hash_words_torch(signed(start), signed(key), signed(seeds_of(counters)))
    assert np.array_equal(there.numpy().view(np.uint64), words)


@given(seeds=st.lists(words_of_64_bits, min_size=9, max_size=40), stream=st.integers(0, 99))
def test_keys_of_many_seeds_equal_keys_of_few(seeds, stream):
    many = np.stack(stream_keys(seeds_of(seeds), stream))
    few = [stream_keys(seeds_of([seed]), stream) for seed in seeds]
    assert np.array_equal(many, np.concatenate([np.stack(keys) for keys in few], axis=1))


@given(seeds=seed_lists, width=st.integers(1, 300), p=probabilities)
def test_row_alone_equals_row_in_company(seeds, width, p):
    together = everything(Draw(seeds_of(seeds), width), p)
    for row, seed in enumerate(seeds):
        alone = everything(Draw(seeds_of([seed]), width), p)
        assert of_row(together, row) == of_row(alone, 0)


@given(seeds=seed_lists, width=st.integers(1, 300), p=probabilities)
def test_path_without_numpy_gives_the_same_bits(seeds, width, p):
    here = everything(Draw(seeds_of(seeds), width), p)
    there = everything(without_numpy(Draw(seeds_of(seeds), width)), p)
    for a, b in zip(here, there, strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


@pytest.mark.parametrize("p", [1e-4, 0.02, 0.3])
def test_path_without_numpy_gives_the_same_bits_in_long_rows(p):
    seeds = seeds_of([0, 5, LAST])
    here = everything(Draw(seeds, 20_011), p)
    there = everything(without_numpy(Draw(seeds, 20_011)), p)
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


@pytest.mark.gpu
@pytest.mark.parametrize("p", [1e-4, 0.02, 0.3, 0.5])
def test_cuda_gives_the_same_bits(p):
    seeds = seeds_of([0, 5, LAST])
    here = everything(Draw(seeds, 20_011), p)
    there = everything(Draw(seeds, 20_011, "cuda"), p)
    assert all(values.device.type == "cuda" for values in there)
    assert all(torch.equal(a, b.cpu()) for a, b in zip(here, there, strict=True))


def everything(draw: Draw, p: float) -> list[torch.Tensor]:
    """Return one result of every method: of positions and noise there, then of the others."""
    at = draw.positions(p)
    rest = [draw.mask(p), draw.mask(0.5), draw.mask(0.3), draw.noise(0.7)]
    where = [at.rows, at.columns, at.flat, draws_of(at)]
    return [*where, draw.noise(0.3, at), *rest, draw.integers(7), draw.uniform()]


def of_row(results: list[torch.Tensor], row: int) -> list[list]:
    """Return what ``everything`` says of one row, in any company."""
    rows, columns, _, draws, noise, *rest = results
    own = rows == row
    return [columns[own].tolist(), draws[own].tolist(), noise[own].tolist()] + [
        values[row].tolist() for values in rest
    ]


def test_every_call_takes_the_next_stream():
    methods = {
        "mask": lambda draw: draw.mask(0.3),
        "certain mask": lambda draw: draw.mask(1.0),
        "positions": lambda draw: draw.positions(0.1),
        "no positions": lambda draw: draw.positions(0.0),
        "noise": lambda draw: draw.noise(),
        "integers": lambda draw: draw.integers(5),
        "uniform": lambda draw: draw.uniform(),
    }
    expected = Draw(seeds_of([9]), 100)
    expected.mask(0.5)
    after_one = expected.noise()
    for name, method in methods.items():
        draw = Draw(seeds_of([9]), 100)
        method(draw)
        assert torch.equal(draw.noise(), after_one), name


# Exactly the distribution.


@pytest.mark.parametrize("p", RATES)
def test_mask_hits_at_its_rate(p):
    mask = Draw(seeds_of(range(64)), 20_000).mask(p)
    assert mask.dtype == torch.bool
    assert near(float(mask.double().mean()), p, mask.numel())


def test_mask_hits_at_a_rate_that_ties_alone_decide():
    p = 0.4 / LEVELS
    masks = [Draw(seeds_of([seed]), 1 << 20).mask(p) for seed in range(12)]
    assert near(sum(int(mask.sum()) for mask in masks) / (12 << 20), p, 12 << 20)


@pytest.mark.parametrize("p", RATES)
def test_positions_hit_at_their_rate(p):
    at = Draw(seeds_of(range(64)), 20_000).positions(p)
    assert near(len(at.flat) / (64 * 20_000), p, 64 * 20_000)


@given(seeds=seed_lists, width=st.integers(1, 400), p=probabilities)
def test_positions_ascend_within_the_rows(seeds, width, p):
    at = Draw(seeds_of(seeds), width).positions(p)
    assert bool((at.flat[1:] > at.flat[:-1]).all())
    assert torch.equal(at.flat, at.rows * width + at.columns)
    assert bool(((at.columns >= 0) & (at.columns < width)).all())
    assert at.flat.dtype == torch.int64
    assert len(at) == len(at.flat) == int(at.taken.sum())


@pytest.mark.parametrize("certain", [0.0, 1.0])
def test_certain_probabilities_hit_nothing_or_everything(certain):
    draw = Draw(seeds_of([1, 2]), 50)
    assert draw.mask(certain).tolist() == [[bool(certain)] * 50] * 2
    assert len(draw.positions(certain).flat) == 100 * certain


@pytest.mark.parametrize("p", [1e-12, 1e-39, 5e-324])
def test_probability_may_be_as_small_as_a_float_can(p):
    draw = Draw(seeds_of([1, 2]), 1000)
    assert len(draw.positions(p).flat) == 0
    assert not draw.mask(p).any()


@pytest.mark.parametrize("p", [1e-4, 0.0015, 0.02, 0.1, 1 / 3, 0.5, 0.9, 0.999])
def test_distances_are_geometric_to_the_last_of_64_bits(p):
    numerator, denominator = p.as_integer_ratio()
    bits = denominator.bit_length() - 1
    bounds = steps_of(p).bounds.tolist()
    for distance, bound in enumerate(bounds, 1):
        survival = (denominator - numerator) ** distance << 64 >> bits * distance
        assert abs((1 << 64) - (bound + 1) - survival) <= 1
    assert bounds[-1] == WORD or len(bounds) == 1024
    assert distance_of(steps_of(p).bounds, seeds_of(bounds)).tolist() == [
        bisect.bisect_left(bounds, bound) + 1 for bound in bounds
    ]


@pytest.mark.parametrize("p", [1e-4, 0.0015, 0.02, 0.1, 1 / 3, 0.5, 0.9, 0.999, 1.0])
def test_sixteen_bits_decide_a_distance_only_where_all_64_agree(p):
    table, bounds, longest = steps_of(p)
    edges = np.concatenate([bounds, bounds + np.uint64(1), bounds - np.uint64(1)])
    rest = np.arange(LEVELS, dtype=np.uint64) << np.uint64(48)
    fractions = np.concatenate([edges, rest, rest | np.uint64((1 << 48) - 1)])
    said = table[fractions >> np.uint64(48)]
    exact = distance_of(bounds, fractions)
    assert ((said == exact) | (said == 0)).all()
    assert (table == 0).sum() <= longest
    assert longest == len(bounds)


def test_rare_positions_are_those_of_independent_elements():
    p, width, n = 1e-4, 20_000, 3000
    at = Draw(seeds_of(range(n)), width).positions(p)
    counts = torch.bincount(at.rows, minlength=n).double()
    expected = stats.binom.pmf(np.arange(7), width, p) * n
    seen = np.bincount(np.minimum(counts.numpy().astype(int), 7), minlength=8)
    assert stats.chisquare(seen, [*expected, n - expected.sum()]).pvalue > 1e-4
    bins = np.bincount(at.columns.numpy() * 20 // width, minlength=20)
    assert stats.chisquare(bins).pvalue > 1e-4
    longest = np.bincount(at.columns.numpy() % 1024 // 64, minlength=16)  # steps without a hit
    whole = np.bincount(np.arange(width) % 1024 // 64, minlength=16) / width
    assert stats.chisquare(longest, whole * longest.sum()).pvalue > 1e-4


def test_distances_between_rare_positions_are_geometric():
    p, width = 1e-3, 2_000_000
    at = Draw(seeds_of([77]), width).positions(p)
    gaps = np.diff(at.columns.numpy(), prepend=-1)
    edges = np.array([1, 100, 300, 600, 1000, 1025, 1500, 2049, 3000, 10**9])
    probability = np.diff(stats.geom.cdf(edges - 1, p))
    seen = np.histogram(gaps, edges)[0]
    assert stats.chisquare(seen, probability * len(gaps)).pvalue > 1e-4


@given(seeds=seed_lists, p=st.sampled_from([0.002, 0.1, 0.6, 1.0]))
def test_too_few_draws_are_continued_to_the_same_positions(seeds, p):
    class Hesitant(Draw):
        def _expected_draws(self, p: float, steps: object) -> int:
            return 1

    expected = Draw(seeds_of(seeds), 700).positions(p)
    at = Hesitant(seeds_of(seeds), 700).positions(p)
    assert torch.equal(at.flat, expected.flat)
    assert torch.equal(draws_of(at), draws_of(expected))


def hits(kind: str, draw: Draw) -> torch.Tensor:
    """Return numbers of one kind, ``[n, P]``, centred and scaled to unit variance."""
    shape = (len(draw), 10_000)
    if kind == "noise":
        return draw.noise().double()
    p = {"bits": 0.5, "mask": 0.3, "positions": 0.1}[kind]
    found = dense(draw.positions(p), shape) if kind == "positions" else draw.mask(p)
    return (found.double() - p) / (p * (1 - p)) ** 0.5


def uncorrelated(a: torch.Tensor, b: torch.Tensor) -> bool:
    return abs(float((a * b).mean())) < 5 / a.numel() ** 0.5


@pytest.mark.parametrize("kind", ["bits", "mask", "noise", "positions"])
@pytest.mark.parametrize("lag", [1, 2, 3, 4, 16, 64, 65, 1024])
def test_neighbouring_elements_are_independent(kind, lag):
    values = hits(kind, Draw(seeds_of(range(50)), 10_000))
    assert uncorrelated(values[:, :-lag], values[:, lag:])


@pytest.mark.parametrize("kind", ["bits", "mask", "noise", "positions"])
def test_neighbouring_streams_are_independent(kind):
    draw = Draw(seeds_of(range(50)), 10_000)
    first, second, third = (hits(kind, draw) for _ in range(3))
    assert uncorrelated(first, second)
    assert uncorrelated(first, third)


@pytest.mark.parametrize("kind", ["bits", "mask", "noise", "positions"])
@pytest.mark.parametrize("step", [1, 2, 1 << 32, 1 << 63, 0x9E3779B97F4A7C15])
def test_neighbouring_seeds_are_independent(kind, step):
    pairs = [(seed, (seed + step) & WORD) for seed in range(0, 100, 4)]
    values = hits(kind, Draw(seeds_of(np.ravel(np.array(pairs, dtype=np.uint64))), 10_000))
    assert uncorrelated(values[::2], values[1::2])


def test_numbers_of_different_methods_are_independent():
    draw = Draw(seeds_of(range(50)), 10_000)
    mask, noise, positions = (hits(kind, draw) for kind in ("mask", "noise", "positions"))
    assert uncorrelated(mask, noise)
    assert uncorrelated(noise, positions)
    assert uncorrelated(mask, positions)


def test_noise_at_positions_is_independent_of_the_positions():
    draw = Draw(seeds_of(range(200)), 10_000)
    at = draw.positions(0.1)
    noise = draw.noise(1.0, at).double()
    assert abs(float(noise.mean())) < 5 / len(noise) ** 0.5
    assert abs(float(noise.var()) - 1) < 5 * (2 / len(noise)) ** 0.5
    columns = (at.columns.double() - 5000) / 2887
    assert uncorrelated(noise, columns)
    assert uncorrelated(noise[1:], noise[:-1])


def test_words_of_neighbouring_seeds_and_streams_never_meet():
    counters = np.arange(64, dtype=np.uint64)
    lots = []
    for stream in range(16):
        start, key = stream_keys(seeds_of(range(64)), stream)
        lots.append(hash_words(start[:, None], key[:, None], counters))
    assert len(np.unique(lots)) == 16 * 64 * 64


def test_gaussian_table_has_the_moments_it_promises():
    table = noise_table().astype(np.float64)
    assert np.array_equal(table, -table[::-1])
    assert (np.diff(table) > 0).all()
    assert table.var() == pytest.approx(1, abs=1e-8)
    assert (table**4).mean() == pytest.approx(2.9992, abs=1e-4)
    assert table.max() == pytest.approx(4.325, abs=1e-3)
    assert np.abs(stats.norm.cdf(table) - (np.arange(LEVELS) + 0.5) / LEVELS).max() < 1e-5


def test_noise_is_gaussian():
    noise = Draw(seeds_of(range(50)), 20_000).noise()
    assert noise.dtype == torch.float32
    values, n = noise.double().flatten(), noise.numel()
    assert abs(float(values.mean())) < 5 / n**0.5
    assert abs(float(values.var()) - 1) < 5 * (2 / n) ** 0.5
    assert abs(float((values**4).mean()) - 3) < 5 * (96 / n) ** 0.5
    assert 4.2 < float(values.abs().max()) < 4.33
    assert stats.kstest(values[:50_000].numpy(), "norm").pvalue > 1e-4


def test_noise_scales_with_its_deviation():
    seeds = seeds_of([1, 2, 3])
    unit, scaled = Draw(seeds, 1000).noise(), Draw(seeds, 1000).noise(0.25)
    assert torch.equal(scaled, unit * 0.25)
    assert not Draw(seeds, 1000).noise(0.0).any()


@pytest.mark.parametrize("n", [1, 2])
def test_noise_at_no_positions_is_empty(n):
    draw = Draw(seeds_of(range(n)), 100)
    assert draw.noise(1.0, draw.positions(0.0)).shape == (0,)
    assert draw.noise(1.0, draw.positions(1e-30)).shape == (0,)


def test_noise_that_is_changed_in_place_does_not_change_the_next():
    Draw(seeds_of([1]), 10).noise().zero_()
    assert Draw(seeds_of([1]), 10).noise().all()


@pytest.mark.parametrize("high", [1, 2, 7, 1000])
def test_integers_are_uniform(high):
    values = Draw(seeds_of(range(20_000)), 1).integers(high)
    assert values.dtype == torch.int64
    seen = np.bincount(values.numpy(), minlength=high)
    assert len(seen) == high
    assert high == 1 or stats.chisquare(seen).pvalue > 1e-4


def test_integers_reach_up_to_the_highest_bound():
    values = Draw(seeds_of(range(20_000)), 1).integers(1 << 31)
    assert 0 <= int(values.min()) < 1 << 22
    assert (1 << 31) - (1 << 22) < int(values.max()) < 1 << 31


@pytest.mark.parametrize("high", [0, -3, (1 << 31) + 1])
def test_integers_refuse_bounds_they_cannot_draw(high):
    with pytest.raises(
        OptionError, match=rf"^draw.integers needs 1 <= high <= 2\*\*31, got {high}\.$"
    ):
        Draw(seeds_of([1]), 1).integers(high)


@pytest.mark.parametrize("method", ["mask", "positions"])
@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_probabilities_outside_zero_to_one_are_refused(method, p):
    message = rf"^draw\.{method} needs a probability in \[0, 1\], got {p}\.$"
    with pytest.raises(OptionError, match=message):
        getattr(Draw(seeds_of([1]), 10), method)(p)


def test_uniform_is_uniform_below_one():
    values = Draw(seeds_of(range(20_000)), 1).uniform()
    assert values.dtype == torch.float64
    assert 0 <= float(values.min()) < float(values.max()) < 1
    assert stats.kstest(values.numpy(), "uniform").pvalue > 1e-4
    assert torch.equal(values * 2.0**53, (values * 2.0**53).floor())
