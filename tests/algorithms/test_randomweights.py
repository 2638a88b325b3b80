"""Random search: networks drawn anew, the best one kept and scored again."""

import re

import pytest
import torch

import deapnets as dn
from deapnets.algorithms.randomweights import RandomWeightsSettings
from deapnets.errors import OptionError
from deapnets.evaluators.xor import Xor


@pytest.fixture
def search():
    evaluator = Xor()
    settings = RandomWeightsSettings(population=30, sigma=2.0)
    return settings.begin(evaluator, dn.PopulationMap(device="cpu", seed=1))


def test_best_never_gets_worse_and_is_one_that_was_drawn(search):
    bests = []
    for _ in range(6):
        generation = search.step(0.0)
        bests.append(search.best.fitness.values[0])
        assert bests[-1] == max(one.fitness.values[0] for one in generation.population)
        assert generation.evaluations == len(generation.population) == 30
    assert bests == sorted(bests)
    assert search.candidates() == {"champion": search.best}


def test_every_lot_is_drawn_anew_but_for_the_best(search):
    first = search.step(0.0).population
    best = search.best
    second = search.step(0.5).population
    assert second[0] is best
    assert not {one.digest for one in first} & {one.digest for one in second[1:]}


def test_weights_have_the_deviation_that_was_asked_for(search):
    weights = torch.stack([one.weights for one in search.step(0.0).population])
    assert float(weights.std()) == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population": 1}, "population is at least 2, got 1."),
        ({"sigma": -1.0}, "sigma is a finite number of at least 0"),
        ({"spread": "wide"}, "spread is one of ancestor, independent; got 'wide'."),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(OptionError, match=f"^{re.escape(message)}"):
        RandomWeightsSettings(**options)
