"""PGPE, SNES and SepCMA: what they do to the deviations, and what they refuse."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from torch import nn

import deapnets as dn
from deapnets.errors import DivergenceError, OptionError
from deapnets.strategies.snes import natural_utilities

MAKERS = {
    "pgpe": lambda net, **more: dn.PGPE(net, 0.3, 0.05, 200, **more),
    "snes": lambda net, **more: dn.SNES(net, 0.3, 200, **more),
    "sepcma": lambda net: dn.SepCMA(net, 0.3, 200),
}


class Valley(dn.Evaluator):
    """A quadratic whose first weights matter a hundred times as much as its last."""

    def __init__(self, net):
        self.net = net

    def genome(self):
        return self.net

    def evaluate(self, networks):
        rows = networks.weights()
        return -(torch.logspace(2, 0, rows.shape[1]) * rows.square()).sum(1)


def go(strategy, evaluator, individual_class, ngen):
    mapping = dn.PopulationMap(device="cpu", seed=1)
    for _ in range(ngen):
        population = strategy.generate(individual_class)
        for one, values in zip(population, mapping(evaluator, population), strict=True):
            one.fitness.values = values
        strategy.update(population)


@pytest.mark.parametrize("name", MAKERS)
def test_deviations_get_smaller_where_fitness_is_steeper(name, net, individual_class):
    strategy = MAKERS[name](net)
    go(strategy, Valley(net), individual_class, 60)
    assert strategy.deviations[:5].mean() < 0.8 * strategy.deviations[-5:].mean()


@pytest.mark.parametrize("name", MAKERS)
def test_the_mean_deviation_is_what_a_log_says(name, net, individual_class):
    strategy = MAKERS[name](net)
    assert strategy.figures()["sigma"] == pytest.approx(0.3)
    go(strategy, Valley(net), individual_class, 5)
    assert strategy.figures()["sigma"] == pytest.approx(float(strategy.deviations.mean()))


def test_pgpe_changes_a_deviation_by_no_more_than_its_limit(net, individual_class):
    strategy = dn.PGPE(net, 0.3, 0.05, 10, sigma_step=1e4, most=0.1)
    go(strategy, Valley(net), individual_class, 1)
    assert strategy.deviations.min() >= 0.3 * 0.9 - 1e-6
    assert strategy.deviations.max() <= 0.3 * 1.1 + 1e-6
    assert strategy.deviations.std() > 0.01


def test_pgpe_with_a_sigma_step_of_zero_keeps_its_deviations(net, individual_class):
    strategy = dn.PGPE(net, 0.3, 0.05, 10, sigma_step=0.0)
    go(strategy, Valley(net), individual_class, 3)
    assert torch.equal(strategy.deviations, torch.full((26,), 0.3))


def test_pgpe_goes_a_step_of_its_length_along_the_estimate(net, individual_class):
    strategy = dn.PGPE(net, 0.3, 0.05, 10)
    before = strategy.weights.clone()
    go(strategy, Valley(net), individual_class, 1)
    assert float((strategy.weights - before).norm()) == pytest.approx(0.05, rel=1e-4)


def test_snes_follows_its_formulas(net, individual_class):
    strategy = dn.SNES(net, 0.3, 8, step=0.7, sigma_step=0.2, mirrored=False)
    before = strategy.weights.clone()
    population = strategy.generate(individual_class)
    for index, one in enumerate(population):
        one.fitness.values = (float(index),)
    noise = torch.stack([(one.weights - before) / 0.3 for one in population])
    utilities = torch.from_numpy(natural_utilities(np.arange(8.0))).float()
    strategy.update(population)
    centre = before + 0.7 * 0.3 * (utilities @ noise)
    spread = 0.3 * torch.exp(0.1 * (utilities @ (noise.square() - 1)))
    torch.testing.assert_close(strategy.weights, centre, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(strategy.deviations, spread, rtol=1e-4, atol=1e-5)


def test_natural_utilities_favour_the_better_half_and_sum_to_zero():
    utilities = natural_utilities(np.arange(10.0))
    assert utilities.sum() == pytest.approx(0.0, abs=1e-12)
    assert np.all(np.diff(utilities) >= 0)
    assert utilities[:5] == pytest.approx(-0.1)
    first = math.log(6) / sum(math.log(6) - math.log(rank) for rank in range(1, 6))
    assert utilities[-1] == pytest.approx(first - 0.1)


def test_sepcma_recombines_the_better_half_with_falling_weights(net, individual_class):
    strategy = dn.SepCMA(net, 0.3, 6)
    before = strategy.weights.clone()
    population = strategy.generate(individual_class)
    for index, one in enumerate(population):
        one.fitness.values = (float(-index),)  # the first is the best
    rows = torch.stack([one.weights for one in population[:3]])
    raw = torch.tensor([math.log(3.5) - math.log(rank) for rank in (1, 2, 3)])
    strategy.update(population)
    expected = before + (raw / raw.sum()) @ (rows - before)
    torch.testing.assert_close(strategy.weights, expected, rtol=1e-4, atol=1e-5)


def test_sepcma_takes_longer_steps_while_it_goes_one_way(net, individual_class):
    class Slope(Valley):
        def evaluate(self, networks):
            return networks.weights()[:, 0]

    strategy = dn.SepCMA(net, 0.3, 20)
    go(strategy, Slope(net), individual_class, 30)
    assert strategy.figures()["sigma"] > 0.5


def test_sepcma_closes_in_on_the_bottom_of_a_valley(individual_class):
    net = nn.Linear(9, 1)
    strategy = dn.SepCMA(net, 0.5, 20)
    go(strategy, Valley(net), individual_class, 150)
    assert strategy.weights.abs().max() < 1e-3


def test_deviations_that_are_not_finite_stop_it(net, individual_class):
    strategy = dn.SNES(net, 0.3, 20, sigma_step=1e4)
    with pytest.raises(DivergenceError, match=r"SNES diverged in generation \d+: "):
        go(strategy, Valley(net), individual_class, 20)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda net: dn.PGPE(net, 0.0), "sigma is finite and above 0, got 0.0."),
        (lambda net: dn.PGPE(net, 0.1, fastest=0.0), "fastest is finite and above 0, got 0.0."),
        (lambda net: dn.PGPE(net, 0.1, most=1.0), "most is a number in (0, 1), got 1.0."),
        (
            lambda net: dn.PGPE(net, 0.1, sigma_step=-1.0),
            "sigma_step is finite and at least 0, got -1.0.",
        ),
        (lambda net: dn.SNES(net, 0.1, step=0.0), "step is finite and above 0, got 0.0."),
        (lambda net: dn.SNES(net, 0.1, sigma_step=0.0), "sigma_step is finite and above 0, got"),
        (lambda net: dn.SepCMA(net, -0.1), "sigma is finite and above 0, got -0.1."),
    ],
)
def test_what_it_cannot_use_is_told_at_once(make, message, net):
    with pytest.raises(OptionError, match=re.escape(message)):
        make(net)
