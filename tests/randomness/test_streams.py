"""The numbers of a generation: fixed for ever, and none of them twice."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from deapnets.randomness import Stream


def test_numbers_of_a_stream_are_the_test_vectors():
    stream = Stream(5)
    assert stream.integer() == 0xA4C22755E4F0606B
    assert stream.permutation(8).tolist() == [5, 7, 4, 0, 2, 3, 6, 1]


def test_stream_goes_on_from_its_seed_and_position():
    stream = Stream(3)
    stream.permutation(10)
    again = Stream(stream.seed, stream.position)
    assert np.array_equal(stream.words(5), again.words(5))
    assert stream.position == again.position == 2


def test_stream_never_repeats_itself():
    stream = Stream(1 << 64 | 3)  # the seed is taken modulo 2**64
    integers = [stream.integer() for _ in range(1000)]
    assert len(set(integers)) == 1000
    assert integers[0] == Stream(3).integer()


@given(seed=st.integers(0, (1 << 64) - 1), count=st.integers(0, 50))
def test_permutation_holds_every_number_once(seed, count):
    assert sorted(Stream(seed).permutation(count).tolist()) == list(range(count))


def test_permutations_are_equally_likely():
    stream = Stream(8)
    seen: dict[tuple, int] = {}
    for _ in range(3000):
        order = tuple(stream.permutation(3).tolist())
        seen[order] = seen.get(order, 0) + 1
    assert len(seen) == 6
    assert stats.chisquare(list(seen.values())).pvalue > 1e-4
