"""The algorithm ``noise`` in a run: it steps as its rule says, and refuses what it cannot."""

import random
import re

import pytest
import torch
from deapnets_noise.rules import layer_scales
from deapnets_noise.strategy import NoiseSettings
from torch import nn

import deapnets as dn
from deapnets.errors import OptionError, PluginError
from deapnets.genomes.layout import Layout
from deapnets.runs.configuring import make_settings
from deapnets.testing import AlgorithmContract


class TestNoise(AlgorithmContract):
    cases = [(NoiseSettings, {"rule": rule}) for rule in ("cost", "annealing", "spsa", "es")]


@pytest.fixture
def task():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    inputs = torch.randn(200, 3)
    return dn.Supervised(net, inputs, (inputs[:, 0] > 0).long(), batch_size=50)


def begin(task, **settings):
    random.seed(3)
    return NoiseSettings(**settings).begin(task, dn.PopulationMap(device="cpu", seed=1))


def test_cost_times_noise_moves_the_first_layer_furthest(task):
    algorithm = begin(task)
    before = algorithm.step(0.0).population[0].weights
    after = algorithm.step(0.0).population[0].weights
    scales = layer_scales(Layout.of(task.genome()))
    moves = (after - before).abs()
    assert float(moves[scales == 1.0].mean()) > 5 * float(moves[scales == 0.1].mean()) > 0


@pytest.mark.parametrize(("rule", "price"), [("cost", 1), ("accept", 2), ("spsa", 2), ("es", 16)])
def test_step_counts_every_network_that_it_scores(task, rule, price):
    algorithm = begin(task, rule=rule)
    assert algorithm.step(0.0).evaluations == price
    assert algorithm._mapping.evaluations == price


@pytest.mark.parametrize("rule", ["accept", "es"])
def test_rules_with_credit_learn(task, rule):
    algorithm = begin(task, rule=rule)
    for number in range(150):
        algorithm.step(number / 150)
    assert task.validate(task.networks(*algorithm.candidates().values())) == {}
    assert algorithm.candidates()["champion"].fitness.values[0] > -0.4


def test_algorithm_is_found_by_its_name_on_the_command_line():
    settings = make_settings("noise", ["rule=spsa", "distribution=gumbel", "centred=no"])
    assert settings == NoiseSettings(rule="spsa", distribution="gumbel", centred=False)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"population": 3}, OptionError, "noise moves one network: population is 1, got 3."),
        ({"rule": "cots"}, OptionError, 'Unknown rule "cots". Did you mean "cost"?'),
        ({"rate": 0.0}, OptionError, "rate is finite and above 0, or none; got 0.0."),
        ({"distribution": "gumble"}, PluginError, 'Distribution "gumble" is not installed. Did'),
        (
            {"distribution": "cauchy", "centred": False},
            OptionError,
            'Noise "cauchy" has no finite variance',
        ),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(options, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        NoiseSettings(**options)
