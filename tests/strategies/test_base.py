"""What every strategy does: ask, tell, refuse, resume."""

from __future__ import annotations

import random
import re

import pytest
import torch
from deap import algorithms, base

import deapnets as dn
from deapnets.errors import (
    DivergenceError,
    EvaluationError,
    LayoutError,
    OperatorError,
    OptionError,
)
from deapnets.testing import StrategyContract

CASES = {
    "open": (dn.OpenES, {"sigma": 0.1, "step": 0.1, "averaging": 0.5}),
    "open rank 1": (dn.OpenES, {"sigma": 0.1, "step": 0.1, "rank": 1}),
    "open sgd": (
        dn.OpenES,
        {"sigma": 0.1, "step": 0.02, "optimiser": "sgd", "shaping": "raw", "momentum": 0.5},
    ),
    "pgpe": (dn.PGPE, {"sigma": 0.1, "step": 0.2}),
    "snes": (dn.SNES, {"sigma": 0.5}),
    "snes alone": (dn.SNES, {"sigma": 0.5, "mirrored": False}),
    "sepcma": (dn.SepCMA, {"sigma": 0.5}),
}
MAKERS = {
    name: lambda net, n=20, kind=kind, options=options: kind(net, lambda_=n, **options)
    for name, (kind, options) in CASES.items()
}
PAIRED = ("open", "open rank 1", "open sgd", "pgpe", "snes")


class TestEveryStrategy(StrategyContract):
    cases = [(kind, {**options, "lambda_": 20}) for kind, options in CASES.values()]


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


@pytest.fixture
def scored(individual_class, bowl):
    """Return a function that returns a strategy's next children, scored."""

    def scored(strategy):
        population = strategy.generate(individual_class)
        mapping = dn.PopulationMap(device="cpu", seed=1)
        for one, values in zip(population, mapping(bowl, population), strict=True):
            one.fitness.values = values
        return population

    return scored


def test_any_map_and_any_function_serve_it(make, net, evolve, bowl):
    random.seed(3)
    strategy = make(net)
    together = evolve(strategy, 5)
    random.seed(3)
    strategy = make(net)
    one_by_one = evolve(strategy, 5, lambda function, individuals: map(function, individuals))
    assert one_by_one == pytest.approx(together, rel=1e-4)


def test_the_order_of_the_population_changes_the_centre_by_rounding_only(make, net, scored):
    random.seed(7)
    first, second = make(net), make(net)
    random.seed(7)
    population = scored(first)
    random.seed(7)
    other = scored(second)
    first.update(population)
    second.update(sorted(other, key=lambda one: one.fitness, reverse=True))
    torch.testing.assert_close(first.weights, second.weights, rtol=1e-3, atol=1e-4)


def test_beginning_at_an_individual_leaves_it_a_recipe(make, net, individual_class):
    individual = dn.initWeights(individual_class, net, sigma=0.5)
    recipe = individual.node.recipe
    make(individual)
    assert individual.node.recipe is recipe


@pytest.mark.parametrize("name", PAIRED)
def test_an_odd_population_is_refused_where_children_come_in_pairs(name, net):
    message = "draws its children in pairs: lambda_ is even, got 7. Give 8."
    with pytest.raises(OptionError, match=re.escape(message)):
        MAKERS[name](net, 7)


@pytest.mark.parametrize("name", ["snes alone", "sepcma"])
def test_an_odd_population_is_fine_where_they_do_not(name, net, evolve):
    strategy = MAKERS[name](net, 7)
    evolve(strategy, 2)
    assert strategy.generation == 2


def test_a_population_of_one_is_refused(make, net):
    with pytest.raises(OptionError, match="needs at least 2 children, got 0"):
        make(net, 0)


def test_a_genome_that_has_no_weights_is_refused(make):
    message = "it begins at a torch module or a WeightGenome individual, got list."
    with pytest.raises(LayoutError, match=re.escape(message)):
        make([1.0, 2.0])


def test_several_objectives_are_refused(make, net, pareto_class):
    message = "follows one objective, the individuals' fitness has 2: (1.0, -1.0)."
    with pytest.raises(OptionError, match=re.escape(message)):
        make(net).generate(pareto_class)


def test_individuals_without_a_fitness_are_refused(make, net):
    with pytest.raises(OperatorError, match="makes WeightGenome individuals with a fitness, got"):
        make(net).generate(dn.WeightGenome)


def test_an_update_before_a_generate_is_refused(make, net):
    with pytest.raises(OperatorError, match="update needs the population of a generate before it"):
        make(net).update([])


def test_an_individual_that_was_changed_is_refused(make, net, scored):
    strategy = make(net)
    population = scored(strategy)
    dn.mutGaussian(population[3], sigma=0.1, indpb=1.0)
    with pytest.raises(OperatorError, match="needs the individuals that generate gave last, as"):
        strategy.update(population)


@pytest.mark.parametrize("change", [lambda p: p[1:], lambda p: [p[1], *p[1:]]])
def test_a_population_that_lacks_somebody_is_refused(change, make, net, scored):
    strategy = make(net)
    population = scored(strategy)
    with pytest.raises(OperatorError, match="needs all 20 individuals that generate gave, each"):
        strategy.update(change(population))


def test_fitness_that_is_missing_is_told(make, net, scored):
    strategy = make(net)
    population = scored(strategy)
    del population[3].fitness.values
    with pytest.raises(EvaluationError, match="has no fitness"):
        strategy.update(population)


def test_a_centre_that_is_not_finite_stops_it_where_it_was(net, scored, individual_class):
    strategy = dn.OpenES(net, 0.1, 0.1, 20, shaping="raw")
    before = strategy.weights.clone()
    population = scored(strategy)
    population[0].fitness.values = (float("nan"),)
    message = (
        "OpenES diverged in generation 0: the centre is not finite. Give a smaller step or sigma. "
        "The centre of the generation before is kept."
    )
    with pytest.raises(DivergenceError, match=re.escape(message)):
        strategy.update(population)
    assert torch.equal(strategy.centre(individual_class).weights, before)


def test_a_centre_that_explodes_stops_it_where_it_was(net, scored, evolve):
    strategy = dn.OpenES(net, 0.1, 1e6, 20, optimiser="sgd", shaping="raw")
    before = strategy.weights.clone()
    message = r"OpenES diverged in generation 0: the norm of the centre grew to .*, from .*\."
    with pytest.raises(DivergenceError, match=message):
        evolve(strategy, 50)
    assert torch.equal(strategy.weights, before)


def test_schedules_follow_the_generations_where_ngen_is_given(net, evolve):
    strategy = dn.OpenES(net, 0.4, 0.1, 20, sigma_end=0.1, step_end=0.001, ngen=4)
    seen = [strategy.sigma]
    for _ in range(4):
        evolve(strategy)
        seen.append(strategy.sigma)
    assert seen == pytest.approx([0.4, 0.4 / 2**0.5, 0.2, 0.2 / 2**0.5, 0.1])
    assert strategy.step == pytest.approx(0.001)


def test_a_fresh_evaluator_draws_no_warning_of_survivors_that_there_are_none(net, individual_class):
    inputs, targets = torch.randn(40, 3), torch.randint(2, (40,))
    evaluator = dn.Supervised(net, inputs, targets, batch_size=10)
    strategy, toolbox = dn.OpenES(net, 0.1, 0.1, 4), base.Toolbox()
    toolbox.register("generate", strategy.generate, individual_class)
    toolbox.register("update", strategy.update)
    toolbox.register("evaluate", evaluator)
    toolbox.register("map", dn.PopulationMap(device="cpu"))
    algorithms.eaGenerateUpdate(toolbox, ngen=3, verbose=False)  # a warning would be an error
    assert strategy.generation == 3


def test_a_centre_is_float32_whatever_the_individual_is_stored_in(net, individual_class):
    individual = dn.initWeights(individual_class, net, sigma=0.5, dtype=torch.bfloat16)
    strategy = dn.OpenES(individual, 0.1, 0.1, 4)
    assert strategy.weights.dtype == torch.float32
    assert torch.equal(strategy.weights, individual.weights.float())


def test_only_the_evolved_part_of_a_network_moves(net, individual_class):
    individual = dn.initWeights(individual_class, net, sigma=0.0, parameters="2.*")
    strategy = dn.OpenES(individual, 0.1, 0.1, 4, rank=1)
    child = strategy.generate(individual_class)[0]
    assert child.layout.names == ("2.weight", "2.bias")
    outputs = child.module(net)(torch.ones(1, 3)).detach()[0, 0]
    scores = dn.PopulationMap(device="cpu")(
        dn.Supervised(net, torch.ones(1, 3), [[0.0, 0.0]], loss=lambda o, t: -o[0, 0]), [child]
    )
    assert scores[0][0] == pytest.approx(float(outputs), rel=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("rank", [None, 1])
def test_a_device_makes_the_same_children_and_nearly_the_same_centre(rank, net, evolve):
    found = []
    for device in ("cpu", "cuda"):
        random.seed(5)
        strategy = dn.OpenES(net, 0.1, 0.1, 20, rank=rank, averaging=0.5)
        evolve(strategy, 3, dn.PopulationMap(device=device, seed=1))
        found.append(strategy.weights.cpu())
        assert strategy.state_dict()["centre"].device.type == "cpu"
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-4)
