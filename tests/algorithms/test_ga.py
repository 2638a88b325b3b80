import itertools
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
from deapnets.plugins.options import options_of


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
            {"start": "indepndent"},
            'Unknown start "indepndent". Did you mean "independent"? Valid: ancestor, independent.',
        ),
        (
            {"selection": "trunkation"},
            'Unknown selection "trunkation". Did you mean "truncation"? '
            "Valid: nsga2, rank, tournament, truncation.",
        ),
        (
            {"selection": "nsga2"},
            "selection=nsga2 selects of parents and children together: -a replacement=plus; "
            "got replacement=generational.",
        ),
        (
            {"offspring": 4},
            "offspring=4 is for replacement=plus and comma; a generation of "
            "replacement=generational has as many children as there is room for.",
        ),
        (
            {"offspring": 4, "replacement": "comma", "population": 5},
            "offspring is at least 0, and with replacement=comma at least the population's 5, of "
            "whom all are replaced; got 4.",
        ),
        (
            {"offspring": -1, "replacement": "plus", "population": 5},
            "offspring is at least 0, and with replacement=comma at least the population's 5, of "
            "whom all are replaced; got -1.",
        ),
        ({"share": 0.0}, "share is a part of the population in (0, 1], got 0.0."),
        ({"share": 1.5}, "share is a part of the population in (0, 1], got 1.5."),
        ({"tournsize": 0}, "tournsize is at least 1, got 0."),
        ({"elites": 1.0}, "elites is a part of the population in [0, 1), got 1.0."),
        ({"elites": -0.1}, "elites is a part of the population in [0, 1), got -0.1."),
        (
            {"crossover": "twopoint"},
            'Unknown crossover "twopoint". Did you mean "onepoint"? '
            "Valid: aligned, arithmetic, layer, neuron, onepoint, uniform.",
        ),
        (
            {"mutation": "relativ"},
            'Unknown mutation "relativ". Did you mean "relative"? Valid: gaussian, relative.',
        ),
        (
            {"schedule": "gaol"},
            'Unknown schedule "gaol". Did you mean "goal"? '
            "Valid: constant, exponential, goal, selfadaptive.",
        ),
        *[
            (
                {"schedule": "goal", "goal": goal},
                "schedule=goal needs a goal, the fitness that is hoped for: goal=1.0 for an "
                f"accuracy, goal=0.0 for minus a loss; got {goal}.",
            )
            for goal in (None, math.inf, math.nan)
        ],
        ({"goal": 1.0}, "goal=1.0 is for schedule=goal, got exponential."),
        (
            {"schedule": "selfadaptive", "mutation": "relative"},
            "schedule=selfadaptive is for mutation=gaussian, got relative.",
        ),
        ({"pressure": 0.9}, "pressure is from 1 to 2, got 0.9."),
        ({"pressure": math.nan}, "pressure is from 1 to 2, got nan."),
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


def sigmas_of(algorithm, steps=4):
    """Return the sigma of each step, and the best fitness it was chosen after."""
    noted = []
    for number in range(steps):
        population = algorithm.step(number / steps).population
        noted.append((algorithm.sigma, max(one.fitness.values[0] for one in population)))
    return noted


def test_a_constant_sigma_is_constant(toolbox_with):
    settings = GeneticSettings(population=10, schedule="constant", sigma=0.5, sigma_end=0.1)
    assert {sigma for sigma, _ in sigmas_of(GeneticAlgorithm(settings, toolbox_with()))} == {0.5}


def test_on_the_way_to_a_goal_sigma_follows_the_best_fitness(toolbox_with):
    settings = GeneticSettings(
        population=30, schedule="goal", goal=0.0, sigma=0.5, sigma_end=0.1, elites=0.1
    )
    noted = sigmas_of(GeneticAlgorithm(settings, toolbox_with(population=30, spread=1.0)), 8)
    assert noted[0][0] == noted[1][0] == 0.5
    for (_, best), (sigma, _) in itertools.pairwise(noted):
        assert sigma == pytest.approx(0.1 + 0.4 * min(1.0, best / noted[0][1]))
    assert noted[-1][0] < 0.45


def test_self_adapting_individuals_have_each_their_own_sigma_and_the_log_its_mean(toolbox_with):
    settings = GeneticSettings(population=10, schedule="selfadaptive", sigma=0.5, elites=0.0)
    algorithm = GeneticAlgorithm(settings, toolbox_with())
    algorithm.step(0.0)
    assert algorithm.figures() == {"sigma": 0.5}
    population = algorithm.step(0.5).population
    own = [one.strategy for one in population]
    assert len(set(own)) == 10
    assert algorithm.figures() == {"sigma": pytest.approx(sum(own) / 10)}


def test_a_relative_mutation_is_registered_with_its_sigma(toolbox_with):
    toolbox = toolbox_with()
    settings = GeneticSettings(population=4, mutation="relative", sigma=0.5)
    GeneticAlgorithm(settings, toolbox).step(0.0)
    assert keywords(toolbox.mutate) == (dn.mutGaussianRelative, {"sigma": 0.5, "indpb": 1.0})


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
        ({"crossover": "neuron"}, "mate", (dn.cxNeuron, {"indpb": 0.5})),
        ({"crossover": "layer"}, "mate", (dn.cxLayer, {"indpb": 0.5})),
        ({"crossover": "aligned"}, "mate", (dn.cxAligned, {"indpb": 0.5})),
        ({"selection": "rank", "pressure": 1.5}, "select", (dn.selRank, {"pressure": 1.5})),
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


def test_an_independent_start_draws_every_weight_anew(toolbox_with):
    toolbox = toolbox_with(spread=2.0, start="independent")
    net = toolbox.individual.args[1]
    for parameter in net.parameters():
        torch.nn.init.constant_(parameter, 100.0)
    weights = torch.cat([one.weights for one in toolbox.population(n=300)])
    assert weights.abs().max() < 10.0
    assert float(weights.std()) == pytest.approx(2.0, rel=0.05)


# --- the algorithm ---


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"selection": "tournament", "crossover": "arithmetic"},
        {"crossover": "onepoint", "indpb": 0.2, "elites": 0.0},
        {"crossover": "neuron", "selection": "rank", "mutation": "relative"},
        {"crossover": "layer", "schedule": "selfadaptive"},
        {"crossover": "aligned"},
    ],
)
def test_a_generation_has_as_many_individuals_as_the_settings_say(toolbox_with, settings):
    algorithm = GeneticAlgorithm(GeneticSettings(population=30, **settings), toolbox_with())
    sizes = [len(algorithm.step(0.0).population) for _ in range(3)]
    assert sizes == [30, 30, 30]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"selection": "tournament"},
        {"crossover": "onepoint", "indpb": 0.3},
        {"selection": "rank", "crossover": "neuron"},
        {"schedule": "goal", "goal": 0.0},
        {"schedule": "selfadaptive"},
    ],
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


# --- replacement ---


class Poles(dn.Evaluator):
    """Two objectives: how near the first weight is to 1, and how near to -1."""

    weights = (1.0, 1.0)

    def genome(self):
        return torch.nn.Linear(1, 1, bias=False)

    def evaluate(self, networks):
        first = networks(torch.ones(1, 1))[:, 0, 0]
        return torch.stack([-((first - 1) ** 2), -((first + 1) ** 2)], 1)


def test_nsga2_spreads_a_population_and_its_candidates_over_the_front():
    random.seed(1)
    torch.manual_seed(1)
    settings = GeneticSettings(
        population=40, replacement="plus", selection="nsga2", cxpb=0.0, sigma=0.5, sigma_end=0.1
    )
    algorithm = settings.begin(Poles(), dn.PopulationMap(device="cpu", seed=1))
    for number in range(25):
        generation = algorithm.step(number / 25)
    places = sorted(float(one.weights[0]) for one in generation.population)
    assert -1.05 < places[0] < -0.8
    assert 0.8 < places[-1] < 1.05
    assert max(b - a for a, b in itertools.pairwise(places)) < 0.3
    candidates = algorithm.candidates()
    assert list(candidates) == ["champion", *(f"front {k}" for k in range(1, 8))]
    worth = [one.fitness.values for one in candidates.values()]
    assert worth == sorted(worth, reverse=True)
    assert worth[0] == max(one.fitness.values for one in generation.population)
    assert worth[-1][1] == max(one.fitness.values[1] for one in generation.population)


@pytest.mark.parametrize(
    ("settings", "evaluations"),
    [
        ({"replacement": "plus"}, 8),
        ({"replacement": "plus", "offspring": 3}, 3),
        ({"replacement": "comma"}, 32),
        ({"replacement": "comma", "offspring": 9}, 9),
    ],
)
def test_replacement_decides_how_many_are_scored_and_who_stays(settings, evaluations):
    random.seed(1)
    settings = GeneticSettings(population=8, **settings)
    algorithm = settings.begin(Xor(), dn.PopulationMap(device="cpu", seed=1))
    first = {one.digest for one in algorithm.step(0.0).population}
    generation = algorithm.step(0.5)
    assert generation.evaluations == evaluations
    assert len(generation.population) == 8
    stays = any(one.digest in first for one in generation.population)
    assert stays == (settings.replacement == "plus")
