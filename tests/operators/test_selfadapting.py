"""Step sizes that are inherited and mutate themselves."""

from __future__ import annotations

import copy
import math
import pickle
import random
import re

import pytest
from deap import algorithms, tools

import deapnets as dn
from deapnets.errors import OperatorError, OptionError
from deapnets.operators.selfadapting import GRADES


def sigma_of(individual):
    return dict(individual.node.recipe.parameters)["sigma"]


@pytest.fixture
def individual(make_toolbox):
    return make_toolbox().individual()


def test_strategies_are_log_normal_round_that_of_the_parent(individual):
    individual.strategy = 0.2
    logs = []
    for _ in range(2000):
        child = copy.deepcopy(individual)
        dn.mutLogNormal(child, sigma=1.0, tau=0.3)
        logs.append(math.log(child.strategy / 0.2))
    mean = sum(logs) / len(logs)
    deviation = (sum((value - mean) ** 2 for value in logs) / len(logs)) ** 0.5
    assert abs(mean) < 5 * 0.3 / len(logs) ** 0.5
    assert deviation == pytest.approx(0.3, rel=5 / (2 * len(logs)) ** 0.5)


def test_weights_move_by_the_mutated_strategy(individual):
    for _ in range(50):
        dn.mutLogNormal(individual, sigma=0.5, tau=0.7, indpb=0.3)
        assert abs(math.log2(sigma_of(individual) / individual.strategy)) <= 0.501 / GRADES
        assert dict(individual.node.recipe.parameters)["indpb"] == 0.3


def test_an_individual_without_a_strategy_begins_at_sigma(individual, make_toolbox):
    individual.strategy = None
    without = make_toolbox().individual()
    for one in (individual, without):
        dn.mutLogNormal(one, sigma=0.5, tau=0.0)
        assert one.strategy == 0.5
        assert sigma_of(one) == 0.5


@pytest.mark.parametrize(("width", "tau"), [(4, 0.5), (10_000, 0.1)])
def test_learning_rate_is_one_by_the_root_of_the_weights_and_at_least_a_tenth(
    individual_class, leaf, width, tau
):
    random.seed(5)
    step = random.gauss(0.0, 1.0)
    random.seed(5)
    individual = individual_class(leaf([0.0] * width))
    dn.mutLogNormal(individual, sigma=1.0)
    assert individual.strategy == pytest.approx(math.exp(tau * step))


def test_a_strategy_never_falls_below_its_floor(individual):
    for _ in range(50):
        dn.mutLogNormal(individual, sigma=0.1, tau=3.0, floor=0.05)
        assert individual.strategy >= 0.05


def test_a_strategy_survives_clone_and_pickle(individual):
    dn.mutLogNormal(individual, sigma=0.5)
    for other in (copy.deepcopy(individual), pickle.loads(pickle.dumps(individual))):
        assert other.strategy == individual.strategy
        assert other == individual


def test_under_deaps_loop_children_inherit_a_strategy_and_mutate_it(make_toolbox):
    toolbox = make_toolbox()
    toolbox.register("mutate", dn.mutLogNormal, sigma=0.5)
    population, _ = algorithms.eaSimple(
        toolbox.population(n=10), toolbox, 0.5, 1.0, 8, verbose=False
    )
    strategies = {one.strategy for one in population}
    assert len(strategies) == 10
    assert 0.5 not in strategies


def test_step_sizes_that_suit_win(make_toolbox):
    # The best step on the way down to weights of zero gets shorter as the weights do.
    toolbox = make_toolbox()
    toolbox.register("mutate", dn.mutLogNormal, sigma=1.0)
    toolbox.register("select", tools.selBest)
    population, _ = algorithms.eaMuCommaLambda(
        toolbox.population(n=10),
        toolbox,
        mu=10,
        lambda_=70,
        cxpb=0.0,
        mutpb=1.0,
        ngen=60,
        verbose=False,
    )
    assert max(one.strategy for one in population) < 0.1
    assert max(one.fitness.values[0] for one in population) > -0.05


def test_python_random_governs_strategy_and_weights(make_toolbox):
    toolbox = make_toolbox()
    individual = toolbox.individual()
    made = []
    for seed in (3, 3, 4):
        random.seed(seed)
        child = toolbox.clone(individual)
        dn.mutLogNormal(child, sigma=0.5)
        made.append((child.digest, child.strategy))
    assert made[0] == made[1] != made[2]


def test_a_list_of_step_sizes_is_refused(individual):
    individual.strategy = [0.1, 0.2]
    said = (
        "mutLogNormal keeps one step size in individual.strategy, a number or None; got list. "
        "Create individuals with strategy=None."
    )
    with pytest.raises(OperatorError, match=f"^{re.escape(said)}$"):
        dn.mutLogNormal(individual, sigma=0.1)


@pytest.mark.parametrize("strategy", [1e40, float("inf"), float("nan")])
def test_a_step_size_that_has_grown_beyond_all_weights_is_refused(individual, strategy):
    individual.strategy = strategy
    with pytest.raises(OperatorError, match=r"^mutLogNormal: a step size has grown to exp\("):
        dn.mutLogNormal(individual, sigma=0.1, tau=0.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sigma": -1.0}, "mutLogNormal: sigma is a finite number of at least 0, got -1.0."),
        ({"sigma": 1.0, "tau": math.nan}, "mutLogNormal: tau is a finite number of at least 0"),
        ({"sigma": 1.0, "floor": 0.0}, "mutLogNormal: floor is above 0; a step size of 0 would"),
        ({"sigma": 1.0, "indpb": 2.0}, "mutGaussian: indpb is a probability in [0, 1], got 2.0."),
    ],
)
def test_what_cannot_be_used_is_refused(individual, options, said):
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.mutLogNormal(individual, **options)
