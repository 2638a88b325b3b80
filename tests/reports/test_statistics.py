"""The statistics, beside scipy's own and by counting."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from deapnets.reports.statistics import (
    FEWEST,
    LEVEL,
    compare_pairs,
    friedman,
    holm,
    least_p,
    median_interval,
    seeds_needed,
    signed_rank,
    verdict,
)

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_signed_rank_is_the_share_of_all_signs_that_are_as_extreme():
    a, b = [3.1, 2.0, 5.5, 4.2, 9.0], [1.0, 2.5, 1.1, 3.0, 2.2]
    differences = np.subtract(a, b)
    ranks = stats.rankdata(np.abs(differences))
    observed = abs((ranks * np.sign(differences)).sum())
    sums = [abs(np.dot(ranks, signs)) for signs in itertools.product((-1, 1), repeat=5)]
    p, effect = signed_rank(a, b)
    assert p == pytest.approx(np.mean(np.array(sums) >= observed - 1e-9))
    assert effect == pytest.approx(13 / 15)


def test_equal_columns_differ_in_nothing():
    assert signed_rank([1.0, 2.0], [1.0, 2.0]) == (1.0, 0.0)
    assert friedman([[1.0, 2.0]] * 3) == 1.0


def test_effect_is_one_where_every_pair_goes_one_way():
    assert signed_rank([2, 3, 4], [1, 1, 1])[1] == 1.0
    assert signed_rank([1, 1, 1], [2, 3, 4])[1] == -1.0


@given(p_lists)
def test_holm_rejects_what_its_step_down_rejects(p_values):
    corrected = holm(p_values)
    rejected = set()
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] * (len(p_values) - rank) > LEVEL:
            break
        rejected.add(int(index))
    assert {i for i, p in enumerate(corrected) if p <= LEVEL} == rejected


@given(p_lists)
def test_holm_keeps_the_order_and_never_lowers_a_p(p_values):
    corrected = holm(p_values)
    assert all(new >= old for new, old in zip(corrected, p_values, strict=True))
    assert max(corrected) <= 1.0
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


def test_friedman_finds_a_column_that_is_always_largest():
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(3, 12))
    assert friedman(noise) > 0.05
    assert friedman(noise + np.array([[0], [0], [9]])) < 0.001


@pytest.mark.parametrize("n", [10, 15, 30])
def test_interval_of_the_median_holds_as_often_as_it_promises(n):
    rng = np.random.default_rng(n)
    samples = rng.exponential(size=(2000, n))
    held = [low <= np.log(2) <= high for low, high in map(median_interval, samples)]
    assert np.mean(held) >= 0.94


def test_interval_of_few_values_is_their_range():
    assert median_interval([3.0, 1.0, 2.0]) == (1.0, 3.0)


def columns(n, shift):
    rng = np.random.default_rng(3)
    base = rng.normal(0.9, 0.01, size=n)
    return {"a": list(base + shift), "b": list(base + rng.normal(0, 0.001, size=n))}


def test_large_difference_over_ten_seeds_is_a_finding_in_words():
    (test,) = compare_pairs(columns(10, 0.05), [("a", "b")], unit="points", scale=100)
    assert test.verdict.startswith("a is better than b by 5")
    assert test.verdict.endswith("points (p = 0.002)")
    assert (test.n, test.effect, test.p) == (10, 1.0, pytest.approx(2 / 1024))


def test_where_less_is_better_the_lower_column_wins():
    (test,) = compare_pairs(columns(10, 0.05), [("a", "b")], minimised=True)
    assert test.verdict.startswith("b is better than a by")


def test_a_median_of_nothing_gives_way_to_the_mean_in_words():
    a = [1.0] * 13 + [2.0] * 12
    (test,) = compare_pairs({"a": a, "b": [1.0] * 25}, [("a", "b")], unit="points")
    assert (test.difference, test.p_holm < 0.05) == (0.0, True)
    assert test.verdict.startswith("a is better than b by 0.48 points on average (p = ")


def test_same_distribution_is_within_noise():
    (test,) = compare_pairs(columns(12, 0.0), [("a", "b")])
    assert test.verdict.startswith("within noise (p = ")


def test_nine_seeds_are_too_few_for_any_verdict():
    (test,) = compare_pairs(columns(9, 0.5), [("a", "b")])
    assert test.p < 0.01
    assert test.verdict == "too few seeds to tell: 9, and it takes 10"


def test_many_tests_of_few_seeds_say_how_many_seeds_it_takes():
    values = {f"c{i}": columns(10, 0.0)["b"] for i in range(3)} | columns(10, 0.5)
    pairs = [("a", f"c{i % 3}") for i in range(40)]
    assert compare_pairs(values, pairs)[0].verdict == (
        "too few seeds to tell among 40 tests: it takes 11"
    )


@pytest.mark.parametrize("tests", [1, 3, 28, 200])
def test_seeds_needed_are_just_enough(tests):
    n = seeds_needed(tests)
    assert least_p(n) * tests <= LEVEL
    assert n == FEWEST or least_p(n - 1) * tests > LEVEL
    assert "better" in verdict(n, least_p(n) * tests, tests, "x is better")


def test_correction_counts_every_test_of_the_report():
    values = columns(10, 0.05) | {"c": [0.1 * i for i in range(10)]}
    alone = compare_pairs(values, [("a", "b")])[0]
    among = compare_pairs(values, [("a", "b"), ("a", "c"), ("b", "c")])[0]
    assert among.p == alone.p
    assert among.p_holm == pytest.approx(3 * alone.p)
