"""What random draws find, exactly: against a simulation, and against hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest

from deapnets.errors import OptionError
from deapnets.evaluators.census import Census


def made(scores, chances, test, seconds=None):
    seconds = np.ones(len(scores)) if seconds is None else np.array(seconds, float)
    figures = {"test": np.array(test, float)}
    return Census(np.array(scores, float), np.array(chances, float), figures, seconds)


@pytest.mark.parametrize("draws", [1, 2, 7, 60])
def test_the_exact_expectation_is_that_of_a_simulation(draws):
    rng = np.random.default_rng(1)
    scores = rng.normal(size=40).round(1)  # with ties
    chances = rng.dirichlet(np.ones(40))
    test = scores + rng.normal(size=40)
    expected = made(scores, chances, test).best_of(draws)["test"]
    drawn = rng.choice(40, p=chances, size=(20_000, draws))
    chosen = drawn[np.arange(20_000), scores[drawn].argmax(1)]  # the first of the best
    found = test[chosen]
    assert expected == pytest.approx(found.mean(), abs=5 * found.std() / 20_000**0.5)


def test_one_draw_is_the_mean_and_many_are_the_best():
    census = made([3.0, 1.0, 2.0], [0.5, 0.25, 0.25], [10.0, 20.0, 40.0])
    assert census.best_of(1)["test"] == pytest.approx(0.5 * 10 + 0.25 * 20 + 0.25 * 40)
    assert census.best_of(10_000)["test"] == pytest.approx(10.0)


def test_the_best_of_two_draws_by_hand():
    census = made([1.0, 2.0], [0.75, 0.25], [0.0, 1.0])
    assert census.best_of(2)["test"] == pytest.approx(1 - 0.75**2)


def test_of_equal_scores_each_may_be_the_one():
    census = made([1.0, 1.0], [0.75, 0.25], [0.0, 1.0])
    assert census.best_of(9)["test"] == pytest.approx(0.25)


def test_draws_are_those_that_the_seconds_pay_for_on_average():
    census = made([1.0, 2.0], [0.75, 0.25], [0.0, 1.0], seconds=[2.0, 6.0])
    assert [census.draws_for(seconds) for seconds in (1.0, 30.0, 32.9)] == [1, 10, 10]


def test_there_is_at_least_one_draw():
    with pytest.raises(OptionError, match="The best of 0 draws: there is at least one"):
        made([1.0], [1.0], [0.0]).best_of(0)
