"""`WeightGenome` as an individual of DEAP."""

from __future__ import annotations

import copy
import pickle
import random

import numpy as np
import pytest
import torch
from deap import algorithms, creator, tools
from torch import nn

import deapnets as dn
from deapnets.errors import LayoutError
from deapnets.genomes.weights import WeightGenome
from deapnets.testing import GenomeContract


class TestWeights(GenomeContract):
    genome = WeightGenome
    cases = [
        (dn.initWeights, {"module": nn.Linear(3, 2), "sigma": 0.1}),
        (dn.initWeights, {"module": nn.Linear(3, 2), "sigma": 0.1, "dtype": torch.bfloat16}),
    ]

    def vary(self, individual):
        dn.mutGaussian(individual, sigma=0.1, indpb=1.0)


@pytest.fixture
def toolbox(make_toolbox):
    return make_toolbox()


@pytest.fixture
def individual(toolbox):
    return toolbox.individual()


def test_clone_shares_the_node(individual):
    clone = copy.deepcopy(individual)
    assert type(clone) is type(individual)
    assert clone.node is individual.node


@pytest.mark.parametrize("fitness", [None, (1.0,), [1.0]])
def test_clone_copies_a_fitness_that_is_not_deaps(individual, fitness):
    individual.fitness = fitness
    assert copy.deepcopy(individual).fitness == fitness


def test_clone_has_its_own_attributes(individual):
    individual.strategy = [0.1, 0.2]
    individual.history_index = 7
    individual.records = {"accuracy": 0.5}
    clone = copy.deepcopy(individual)
    clone.strategy[0] = 9
    clone.records = {"accuracy": 1.0}
    assert individual.strategy == [0.1, 0.2]
    assert individual.records == {"accuracy": 0.5}
    assert clone.history_index == 7


def test_clones_of_a_population_share_what_the_population_shares(toolbox):
    population = toolbox.population(n=3)
    twice = copy.deepcopy([*population, population[0]])
    assert twice[0] is twice[3]
    assert twice[0] is not population[0]


def test_equality_compares_digests(individual, toolbox):
    assert individual == copy.deepcopy(individual)
    assert individual != toolbox.individual()
    assert individual == WeightGenome(individual.node)
    assert WeightGenome(individual.node).digest == individual.digest


def test_equal_weights_of_leaves_are_equal(individual, toolbox):
    other = toolbox.individual()
    other.weights = torch.ones(26)
    individual.weights = np.ones(26)
    assert individual == other


def test_individual_cannot_be_hashed(individual):
    with pytest.raises(TypeError, match=r"^unhashable type: 'IndividualOfTests'$"):
        hash(individual)


def test_weights_are_a_fresh_copy(individual):
    before = individual.weights
    individual.weights.zero_()
    assert torch.equal(individual.weights, before)
    assert before.shape == (26,)
    assert before.dtype == torch.float32
    individual.weights = before
    individual.weights.zero_()
    assert torch.equal(individual.weights, before)


@pytest.mark.parametrize("values", [list(range(26)), np.arange(26.0), torch.arange(26).view(2, 13)])
def test_assigned_weights_make_a_leaf(individual, values):
    individual.weights = values
    assert individual.node.recipe is None
    assert individual.weights.tolist() == list(range(26))
    assert individual.weights.dtype == torch.float32


def test_assigned_weights_are_copied(individual):
    values = torch.zeros(26, requires_grad=True)
    individual.weights = values
    with torch.no_grad():
        values.fill_(1)
    assert not individual.weights.any()
    assert not individual.weights.requires_grad


def test_assigning_weights_of_one_leaves_its_clones(individual):
    clone = copy.deepcopy(individual)
    before = clone.weights
    individual.weights = torch.zeros(26)
    assert torch.equal(clone.weights, before)


def test_weights_of_another_length_are_refused(individual):
    message = (
        r"^A genome of 26 weights \(0\.weight\[4, 3\], 0\.bias\[4\], 2\.weight\[2, 4\], "
        r"2\.bias\[2\]\) cannot take 1,025 weights\.$"
    )
    with pytest.raises(LayoutError, match=message):
        individual.weights = torch.zeros(1025)


def test_module_carries_the_weights(individual, net):
    carrier = individual.module(net)
    assert carrier is not net
    assert torch.equal(torch.cat([p.reshape(-1) for p in carrier.parameters()]), individual.weights)
    inputs = torch.randn(5, 3)
    assert not torch.equal(carrier(inputs), net(inputs))


def test_module_leaves_its_model_untouched(individual, net):
    before = copy.deepcopy(net.state_dict())
    individual.module(net)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_module_of_another_kind_is_refused(individual):
    with pytest.raises(
        LayoutError, match=r"^The genome does not belong to this Linear: it has 0\.weight"
    ):
        individual.module(nn.Linear(3, 4))


def test_state_dict_is_what_the_module_takes(individual, net):
    net.load_state_dict(individual.state_dict())
    assert torch.equal(torch.cat([p.reshape(-1) for p in net.parameters()]), individual.weights)


def test_scalar_parameters_can_be_evolved(individual_class):
    module = nn.PReLU()
    module.temperature = nn.Parameter(torch.tensor(2.0))
    individual = dn.initWeights(individual_class, module, sigma=0.0)
    assert individual.state_dict()["temperature"].shape == ()
    assert individual.module(module).temperature.item() == 2.0


def test_length_is_the_number_of_weights(individual):
    assert len(individual) == 26


def test_representation_names_digest_and_size(individual):
    assert repr(individual) == f"IndividualOfTests({individual.digest[:8]}, 26 weights)"


def test_pickled_individual_comes_back_whole(individual):
    individual.fitness.values = (3.0,)
    individual.strategy = [0.1]
    dn.mutGaussian(individual, sigma=0.1, indpb=0.3)
    back = pickle.loads(pickle.dumps(individual))
    assert back == individual
    assert back.fitness.values == (3.0,)
    assert back.strategy == [0.1]
    assert torch.equal(back.weights, individual.weights)
    assert isinstance(back, creator.IndividualOfTests)


def test_unpickled_individuals_mate_with_others(individual, toolbox):
    back = pickle.loads(pickle.dumps(individual))
    first, second = toolbox.mate(back, toolbox.individual())
    assert first is back
    assert first.weights.shape == second.weights.shape


def evaluated(toolbox, population):
    for individual in population:
        individual.fitness.values = toolbox.evaluate(individual)
    return population


def test_hall_of_fame_keeps_the_best_apart(toolbox):
    population = evaluated(toolbox, toolbox.population(n=10))
    best = tools.selBest(population, 1)[0]
    copies = [copy.deepcopy(best) for _ in range(3)]
    hall = tools.HallOfFame(4)
    hall.update([*copies, *population])
    assert len(hall) == 4
    assert hall[0] == best
    assert len({individual.digest for individual in hall}) == 4
    name = best.digest
    toolbox.mutate(best)
    assert hall[0].digest == name != best.digest


def test_pareto_front_keeps_what_is_not_dominated(pareto_class, net):
    front = tools.ParetoFront()
    population = [dn.initWeights(pareto_class, net, sigma=0.1) for _ in range(4)]
    for individual, values in zip(population, [(1, 1), (2, 2), (1, 2), (2, 2)], strict=True):
        individual.fitness.values = values
    front.update([*population, copy.deepcopy(population[0])])
    assert sorted(individual.fitness.values for individual in front) == [(1, 1), (2, 2), (2, 2)]


def test_history_knows_the_parents(toolbox):
    history = tools.History()
    toolbox.decorate("mate", history.decorator)
    toolbox.decorate("mutate", history.decorator)
    population = toolbox.population(n=2)
    history.update(population)
    first, second = toolbox.mate(*map(toolbox.clone, population))
    toolbox.mutate(first)
    assert history.genealogy_tree == {1: (), 2: (), 3: (1, 2), 4: (1, 2), 5: (3,)}
    assert history.getGenealogy(first) == {5: (3,), 3: (1, 2), 1: (), 2: ()}
    assert history.genealogy_history[4] == second


def test_statistics_reduce_fitness_and_weights(toolbox):
    statistics = tools.MultiStatistics(
        fitness=tools.Statistics(lambda individual: individual.fitness.values),
        norm=tools.Statistics(lambda individual: float(individual.weights.norm())),
    )
    statistics.register("mean", np.mean)
    population = evaluated(toolbox, toolbox.population(n=5))
    record = statistics.compile(population)
    norms = [float(individual.weights.norm()) for individual in population]
    assert record["norm"]["mean"] == pytest.approx(np.mean(norms))
    assert record["fitness"]["mean"] == pytest.approx(-np.mean(np.square(norms)))


def test_loop_of_deap_evolves_them(toolbox):
    def run():
        random.seed(4)
        hall = tools.HallOfFame(1)
        population = toolbox.population(n=20)
        start = max(toolbox.evaluate(individual) for individual in population)
        algorithms.eaSimple(population, toolbox, 0.5, 1.0, 10, halloffame=hall, verbose=False)
        return start, hall[0]

    start, best = run()
    assert best.fitness.values > start
    assert toolbox.evaluate(best) == best.fitness.values
    assert run()[1] == best
