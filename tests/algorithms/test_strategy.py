"""The command line's strategies: settings, schedules, candidates, state."""

from __future__ import annotations

import dataclasses
import random
import re

import pytest
import torch
from torch import nn

import deapnets as dn
from deapnets.algorithms.strategy import (
    OpenSettings,
    PgpeSettings,
    SepCmaSettings,
    SnesSettings,
)
from deapnets.errors import DivergenceError, LayoutError, OptionError
from deapnets.evaluators.xor import Xor
from deapnets.plugins.options import options_of

KINDS = {
    "es": OpenSettings,
    "pgpe": PgpeSettings,
    "snes": SnesSettings,
    "sepcma": SepCmaSettings,
}


@pytest.fixture(params=KINDS)
def name(request):
    return request.param


@pytest.fixture
def begun():
    """Return a function that begins an algorithm on xor with its own settings for it."""

    def begun(name, **more):
        random.seed(1)
        settings = KINDS[name](**{**Xor.settings.get(name, {}), **more})
        return settings.begin(Xor(), dn.PopulationMap(device="cpu", seed=1))

    return begun


def test_xor_is_solved_by_the_centre(name, begun):
    algorithm = begun(name)
    for number in range(101):
        algorithm.step(number / 100)
    assert Xor().measure(algorithm.candidates()["centre"])["test_accuracy"] == 1.0


def test_the_best_child_comes_first_and_then_the_centre(name, begun):
    algorithm = begun(name)
    population = algorithm.step(0.0).population
    candidates = algorithm.candidates()
    assert list(candidates)[:2] == ["champion", "centre"]
    best = max(one.fitness.values[0] for one in population)
    assert candidates["champion"].fitness.values[0] == best
    assert ("average" in candidates) == (name == "es")


def test_every_setting_is_explained_and_has_a_default(name):
    options = options_of(KINDS[name])
    assert [option.name for option in options if not option.explanation or option.required] == []


def test_every_setting_reaches_the_strategy(name):
    # A setting that went nowhere would leave the strategy as it is by default.
    settings = KINDS[name](population=6, sigma=0.123)
    strategy = settings.strategy(nn.Linear(4, 4))
    assert (strategy.lambda_, strategy.sigma) == (6, pytest.approx(0.123))
    other = {"step": 0.456, "step_end": 0.4, "momentum": 0.5, "sigma_step": 0.05}
    known = {field.name for field in dataclasses.fields(settings)}
    moved = dataclasses.replace(settings, **{k: v for k, v in other.items() if k in known})
    strategy = moved.strategy(nn.Linear(4, 4))
    if "step" in known:
        strategy.spent = 0.0
        assert strategy.step == pytest.approx(0.456)
        strategy.spent = 1.0
        assert strategy.step == pytest.approx(0.4)
    if "sigma_step" in known:
        assert strategy.sigma_step == 0.05


def test_schedules_stand_where_the_budget_does(begun):
    algorithm = begun("es", sigma=0.4, sigma_end=0.1, step=0.1, step_end=0.01)
    algorithm.step(0.5)
    assert algorithm.figures() == pytest.approx({"sigma": 0.2, "step": 0.1**1.5})


@pytest.mark.parametrize("name", ["es", "pgpe", "snes"])
@pytest.mark.parametrize("population", [0, 7])
def test_a_population_that_cannot_be_paired_is_told_before_a_run(name, population):
    message = f"population is an even number of at least 2, got {population}."
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        KINDS[name](population=population)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (OpenSettings, {"rank": 0}, "rank is a whole number of at least 1, got 0."),
        (OpenSettings, {"sigma": 0.0}, "sigma is finite and above 0, got 0.0."),
        (OpenSettings, {"step_end": 0.0}, "step_end is finite and above 0, got 0.0."),
        (OpenSettings, {"optimiser": "adem"}, 'Unknown optimiser "adem". Did you mean "adam"?'),
        (PgpeSettings, {"shaping": "raws"}, 'Unknown shaping "raws". Did you mean "raw"?'),
        (PgpeSettings, {"momentum": 1.0}, "momentum is a number in [0, 1), got 1.0."),
        (SnesSettings, {"sigma_step": -1.0}, "sigma_step is finite and above 0, got -1.0."),
        (SepCmaSettings, {"population": 1}, "population is a number of at least 2, got 1."),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_before_a_run(kind, settings, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        kind(**settings)


def test_a_rank_that_the_network_has_not_is_told_before_the_first_generation(begun):
    with pytest.raises(OptionError, match=r'rank 3 is above what parameter "0.weight" of 4 x 2'):
        begun("es", rank=3)


def test_an_evaluator_of_anything_but_networks_is_refused(name):
    class Cells(dn.Evaluator):
        def genome(self):
            return "a space of cells"

        def evaluate(self, networks): ...

    message = "it begins at a torch module or a WeightGenome individual, got str."
    with pytest.raises(LayoutError, match=re.escape(message)):
        KINDS[name]().begin(Cells(), dn.PopulationMap(device="cpu"))


def test_a_run_that_diverges_keeps_the_centre_from_before(begun):
    algorithm = begun("es", optimiser="sgd", shaping="raw", sigma=0.3, step=1e9, step_end=1e9)
    with pytest.raises(DivergenceError, match="Give a smaller step or sigma"):
        all(algorithm.step(0.0) for _ in range(20))
    assert torch.isfinite(algorithm.candidates()["centre"].weights).all()
