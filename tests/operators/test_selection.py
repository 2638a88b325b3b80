"""``sel...``: who becomes a parent, and how often."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from deap import base

import deapnets as dn
from deapnets.errors import OptionError


class Scored:
    def __init__(self, value: float, weights: tuple[float, ...]) -> None:
        kind = type("Fitness", (base.Fitness,), {"weights": weights})
        self.fitness = kind((value,))
        self.value = value


def scored(count: int, weight: float = 1.0) -> list[Scored]:
    individuals = [Scored(float(value), (weight,)) for value in range(count)]
    random.shuffle(individuals)
    return individuals


@pytest.mark.parametrize(
    ("share", "kept"), [(0.5, 5), (0.1, 1), (0.04, 1), (0.25, 2), (0.99, 10), (1.0, 10), (1, 10)]
)
def test_only_the_best_share_become_parents(share, kept):
    parents = dn.selTruncation(scored(10), 100, share=share)
    assert {parent.value for parent in parents} == set(range(10 - kept, 10))


@pytest.mark.parametrize("k", [0, 1, 3, 5, 7, 10, 23])
def test_every_one_of_the_best_is_taken_equally_often_to_within_one(k):
    parents = dn.selTruncation(scored(10), k, share=0.5)
    assert len(parents) == k
    counts = Counter(parent.value for parent in parents)
    times = [counts[value] for value in range(5, 10)]
    assert max(times) - min(times) <= 1


def test_remainder_falls_on_each_of_the_best_with_equal_probability():
    individuals = scored(10)
    counts = Counter(dn.selTruncation(individuals, 1)[0].value for _ in range(2000))
    assert all(abs(counts[value] - 400) < 5 * (2000 * 0.2 * 0.8) ** 0.5 for value in range(5, 10))


def test_best_of_a_minimised_fitness_are_the_smallest():
    parents = dn.selTruncation(scored(10, weight=-1.0), 20, share=0.2)
    assert {parent.value for parent in parents} == {0, 1}


def test_parents_are_the_individuals_themselves_in_random_order():
    individuals = scored(20)
    parents = dn.selTruncation(individuals, 10)
    assert all(any(parent is individual for individual in individuals) for parent in parents)
    values = [parent.value for parent in parents]
    assert values != sorted(values, reverse=True)


def test_selection_leaves_the_population_in_its_order():
    individuals = scored(10)
    before = list(individuals)
    dn.selTruncation(individuals, 5)
    assert individuals == before


def test_selection_reads_the_fitness_it_is_told():
    individuals = scored(10)
    for individual in individuals:
        individual.second = type(individual.fitness)((-individual.value,))
    parents = dn.selTruncation(individuals, 4, share=0.2, fit_attr="second")
    assert {parent.value for parent in parents} == {0, 1}


def test_python_random_governs_selection():
    individuals = scored(10)
    random.seed(7)
    first = dn.selTruncation(individuals, 8)
    random.seed(7)
    assert dn.selTruncation(individuals, 8) == first
    assert dn.selTruncation(individuals, 8) != first


def test_selection_from_nobody_is_nobody():
    assert dn.selTruncation([], 5) == []


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_share_out_of_range_is_refused(share):
    message = rf"^selTruncation: share is a part in \(0, 1\], got {share!r}\.$"
    with pytest.raises(OptionError, match=message):
        dn.selTruncation(scored(3), 2, share=share)


# Ranking


def taken(individuals: list[Scored], k: int, draws: int, **options: float) -> dict[float, float]:
    """Return how often each value is taken in a selection of ``k``, on average."""
    counts = Counter(
        parent.value for _ in range(draws) for parent in dn.selRank(individuals, k, **options)
    )
    return {one.value: counts[one.value] / draws for one in individuals}


@pytest.mark.parametrize("pressure", [1.0, 1.5, 2.0, 2])
def test_ranking_takes_each_rank_as_often_as_baker_says(pressure):
    often = taken(scored(5), 5, 2000, pressure=pressure)
    for value in range(5):
        expected = 2 - pressure + 2 * (pressure - 1) * value / 4
        assert often[value] == pytest.approx(expected, abs=5 * (0.25 / 2000) ** 0.5)


@pytest.mark.parametrize("k", [0, 1, 7, 10, 23])
@pytest.mark.parametrize("pressure", [1.0, 1.3, 2.0])
def test_ranking_takes_everybody_as_often_as_expected_to_within_one(k, pressure):
    individuals = scored(10)
    parents = dn.selRank(individuals, k, pressure=pressure)
    assert len(parents) == k
    counts = Counter(parent.value for parent in parents)
    for value in range(10):
        expected = k / 10 * (2 - pressure + 2 * (pressure - 1) * value / 9)
        assert abs(counts[value] - expected) < 1 + 1e-9


def test_ranking_does_not_see_how_large_the_differences_are():
    individuals = [Scored(value, (1.0,)) for value in (0.0, 1.0, 1e9)]
    often = taken(individuals, 3, 500, pressure=2.0)
    assert [often[value] for value in (0.0, 1.0, 1e9)] == [0.0, 1.0, 2.0]


def test_best_rank_of_a_minimised_fitness_is_the_smallest():
    often = taken(scored(3, weight=-1.0), 3, 500, pressure=2.0)
    assert [often[value] for value in range(3)] == [2.0, 1.0, 0.0]


def test_equals_are_ranked_at_random():
    individuals = [Scored(1.0, (1.0,)) for _ in range(4)]
    counts = Counter(id(one) for _ in range(1000) for one in dn.selRank(individuals, 4))
    assert all(abs(count - 1000) < 150 for count in counts.values())
    assert len(counts) == 4


def test_ranking_of_one_takes_it_and_of_nobody_nobody():
    (only,) = individuals = scored(1)
    assert dn.selRank(individuals, 3) == [only] * 3
    assert dn.selRank([], 3) == []


def test_ranking_leaves_the_population_and_follows_python_random():
    individuals = scored(10)
    before = list(individuals)
    random.seed(7)
    first = dn.selRank(individuals, 8)
    random.seed(7)
    assert dn.selRank(individuals, 8) == first
    assert dn.selRank(individuals, 8) != first
    assert individuals == before


def test_ranking_reads_the_fitness_it_is_told():
    individuals = scored(3)
    for individual in individuals:
        individual.second = type(individual.fitness)((-individual.value,))
    assert 2.0 not in {one.value for one in dn.selRank(individuals, 3, fit_attr="second")}


@pytest.mark.parametrize("pressure", [0.9, 2.1, -1.0, float("nan")])
def test_pressure_out_of_range_is_refused(pressure):
    message = rf"^selRank: pressure is from 1 to 2, got {pressure!r}\.$"
    with pytest.raises(OptionError, match=message):
        dn.selRank(scored(3), 2, pressure=pressure)
