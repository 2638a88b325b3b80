import math
import random
import re

import pytest
import torch
from deap import creator, tools
from hypothesis import given
from hypothesis import strategies as st

import deapnets as dn
from deapnets.algorithms.ga import (
    GeneticAlgorithm,
    GeneticSettings,
    individual_class,
    toolbox_of,
)
from deapnets.errors import OptionError
from deapnets.evaluators.xor import Xor
from deapnets.options import options_of


@pytest.fixture
def toolbox_with():
    """Return a function that makes xor's toolbox with some settings."""

    def toolbox_with(**settings):
        return toolbox_of(GeneticSettings(**settings), Xor(), dn.PopulationMap(device="cpu"))

    return toolbox_with


def keywords(tool):
    return tool.func, tool.keywords


# --- settings ---


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population": 1}, "population is at least 2, got 1."),
        ({"spread": -0.1}, "spread is a finite number of at least 0, got -0.1."),
        ({"spread": math.nan}, "spread is a finite number of at least 0, got nan."),
        (
            {"selection": "trunkation"},
            'Unknown selection "trunkation". Did you mean "truncation"? '
            "Valid: tournament, truncation.",
        ),
        ({"share": 0.0}, "share is a part of the population in (0, 1], got 0.0."),
        ({"share": 1.5}, "share is a part of the population in (0, 1], got 1.5."),
        ({"tournsize": 0}, "tournsize is at least 1, got 0."),
        ({"elites": 1.0}, "elites is a part of the population in [0, 1), got 1.0."),
        ({"elites": -0.1}, "elites is a part of the population in [0, 1), got -0.1."),
        (
            {"crossover": "twopoint"},
            'Unknown crossover "twopoint". Did you mean "onepoint"? '
            "Valid: arithmetic, onepoint, uniform.",
        ),
        ({"cxpb": 1.1}, "cxpb is a probability in [0, 1], got 1.1."),
        ({"mutpb": -1.0}, "mutpb is a probability in [0, 1], got -1.0."),
        ({"indpb": math.nan}, "indpb is a probability in [0, 1], got nan."),
        *[
            (
                {"sigma": sigma, "sigma_end": end},
                "sigma falls from sigma to sigma_end, both finite and above 0; "
                f"got {sigma} and {end}.",
            )
            for sigma, end in [(0.1, 0.2), (0.1, 0.0), (math.inf, 0.1), (math.nan, 0.1)]
        ],
    ],
)
def test_a_setting_that_cannot_be_used_is_told_before_a_run(settings, message):
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        GeneticSettings(**settings)


def test_the_ends_of_every_range_are_taken():
    GeneticSettings(population=2, spread=0.0, share=1.0, tournsize=1, elites=0.0, sigma_end=0.02)
    GeneticSettings(cxpb=0.0, mutpb=0.0, indpb=0.0)


def test_every_setting_is_explained_and_has_a_default():
    options = options_of(GeneticSettings)
    assert [option.name for option in options if not option.explanation or option.required] == []


@pytest.mark.parametrize(
    ("population", "elites", "survivors"),
    [(400, 0.05, 20), (20, 0.05, 1), (10, 0.0, 0), (10, 0.99, 9), (2, 0.5, 1), (2, 0.9, 1)],
)
def test_elites_leave_room_for_a_child(population, elites, survivors):
    assert GeneticSettings(population=population, elites=elites).survivors == survivors


# --- the schedule ---


def test_sigma_falls_exponentially_from_its_start_to_its_end():
    settings = GeneticSettings(sigma=0.8, sigma_end=0.2)
    assert [settings.sigma_at(part) for part in (0.0, 0.5, 1.0)] == pytest.approx([0.8, 0.4, 0.2])


@given(st.floats(-1, 2), st.floats(-1, 2), st.floats(1e-6, 1), st.floats(1, 1e3))
def test_sigma_never_rises_nor_leaves_its_range(part, other, end, ratio):
    settings = GeneticSettings(sigma=end * ratio, sigma_end=end)
    early, late = sorted((part, other))
    assert settings.sigma_at(early) >= settings.sigma_at(late)
    assert 0.999 * end <= settings.sigma_at(part) <= 1.001 * settings.sigma


def test_a_step_mutates_with_the_deviation_of_what_is_spent_and_says_so(toolbox_with):
    toolbox = toolbox_with()
    algorithm = GeneticAlgorithm(GeneticSettings(sigma=0.5, sigma_end=0.1, indpb=0.3), toolbox)
    for part, sigma in ((0.0, 0.5), (1.0, pytest.approx(0.1))):
        algorithm.step(part)
        assert algorithm.figures() == {"sigma": sigma}
        assert keywords(toolbox.mutate) == (dn.mutGaussian, {"sigma": sigma, "indpb": 0.3})


# --- individuals ---


@pytest.mark.parametrize("weights", [(1.0,), (-1.0,), (1.0, -1.0)])
def test_individuals_have_the_evaluators_direction_and_no_name_in_the_creator(weights):
    class Directed(dn.SupervisedTask):
        def module(self): ...

        def load(self): ...

    Directed.weights = weights
    before = set(vars(creator))
    kind = individual_class(Directed())
    assert kind.__mro__[1] is dn.WeightGenome
    assert set(vars(creator)) == before
    individual = dn.initWeights(kind, Xor().genome(), sigma=0.1)
    assert individual.fitness.weights == weights
    assert not individual.fitness.valid


# --- the toolbox ---


@pytest.mark.parametrize(
    ("settings", "tool", "registered"),
    [
        ({}, "mate", (dn.cxUniform, {"indpb": 0.5})),
        ({"crossover": "arithmetic"}, "mate", (dn.cxArithmetic, {})),
        ({"crossover": "onepoint"}, "mate", (dn.cxOnePoint, {})),
        ({"share": 0.2}, "select", (dn.selTruncation, {"share": 0.2})),
        (
            {"selection": "tournament", "tournsize": 5},
            "select",
            (tools.selTournament, {"tournsize": 5}),
        ),
    ],
)
def test_the_toolbox_holds_what_the_settings_say(toolbox_with, settings, tool, registered):
    assert keywords(getattr(toolbox_with(**settings), tool)) == registered


def test_the_initial_population_spreads_round_the_network(toolbox_with):
    # The ancestor of xor has weights of zero.
    population = toolbox_with(spread=2.0).population(n=300)
    weights = [weight for one in population for weight in one.weights.tolist()]
    assert math.sqrt(sum(weight**2 for weight in weights) / len(weights)) == pytest.approx(2, 0.05)


# --- the algorithm ---


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"selection": "tournament", "crossover": "arithmetic"},
        {"crossover": "onepoint", "indpb": 0.2, "elites": 0.0},
    ],
)
def test_a_generation_has_as_many_individuals_as_the_settings_say(toolbox_with, settings):
    algorithm = GeneticAlgorithm(GeneticSettings(population=30, **settings), toolbox_with())
    sizes = [len(algorithm.step(0.0).population) for _ in range(3)]
    assert sizes == [30, 30, 30]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "settings", [{}, {"selection": "tournament"}, {"crossover": "onepoint", "indpb": 0.3}]
)
def test_xor_is_solved_within_fifty_generations(toolbox_with, settings, seed):
    random.seed(seed)
    own = GeneticSettings(**{**Xor.settings["ga"], **settings})
    algorithm = own.begin(Xor(), dn.PopulationMap(device="cpu"))
    for number in range(51):
        population = algorithm.step(number / 50).population
    best = tools.selBest(population, 1)[0]
    assert Xor().measure(best)["test_accuracy"] == 1.0


# --- the candidates ---


def test_the_candidates_are_the_best_and_the_mean_of_the_better_half(toolbox_with):
    algorithm = GeneticAlgorithm(GeneticSettings(population=6), toolbox_with())
    population = algorithm.step(0.0).population
    ranked = tools.selBest(population, 3)
    candidates = algorithm.candidates()
    assert list(candidates) == ["champion", "mean"]
    assert candidates["champion"] is ranked[0]
    rows = torch.stack([one.weights for one in ranked])
    torch.testing.assert_close(candidates["mean"].weights, rows.mean(0))


def test_an_algorithm_that_takes_up_a_state_goes_on_as_the_first_one():
    def begun():
        random.seed(2)
        mapping = dn.PopulationMap(device="cpu", seed=1)
        return GeneticSettings(population=20, sigma=0.5).begin(Xor(), mapping)

    first = begun()
    for spent in (0.0, 0.1, 0.2):
        first.step(spent)
    state, drawn = first.state_dict(), random.getstate()
    later = [one.digest for one in first.step(0.3).population]
    second = begun()
    second.load_state_dict(state)
    assert second.figures() != {"sigma": 0.5}
    random.setstate(drawn)
    assert [one.digest for one in second.step(0.3).population] == later
    assert second.figures() == first.figures()
