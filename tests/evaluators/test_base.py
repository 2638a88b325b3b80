import re

import numpy as np
import pytest
import torch
from deap import base
from torch import nn

import deapnets as dn
from deapnets.errors import EvaluationError, LayoutError
from deapnets.randomness import Stream


class Returns(dn.Evaluator):
    """An evaluator that returns what a function makes of the networks."""

    def __init__(self, returned):
        self.net = nn.Linear(3, 2)
        self.returned = returned

    def genome(self):
        return self.net

    def evaluate(self, networks, **keywords):
        return self.returned(networks, **keywords)


class ReturnsTwo(Returns):
    weights = (1.0, -1.0)


class FitnessOfPairs(base.Fitness):
    weights = (1.0, -1.0)


class PairOfTests(dn.WeightGenome):
    def __init__(self, node):
        super().__init__(node)
        self.fitness = FitnessOfPairs()


@pytest.fixture
def individual_of(individual_class):
    """Return a function that makes an individual of the evaluator's module, with noise."""
    return lambda evaluator: dn.initWeights(individual_class, evaluator.genome(), sigma=0.5)


def test_an_evaluator_without_evaluate_cannot_be_made():
    class Half(dn.Evaluator):
        def genome(self):
            return nn.Linear(1, 1)

    with pytest.raises(TypeError, match=r"abstract method '?evaluate"):
        Half()


def test_what_is_not_implemented_has_a_harmless_default(individual_of):
    evaluator = Returns(lambda networks: torch.zeros(len(networks)))
    individual = individual_of(evaluator)
    assert (evaluator.weights, evaluator.fresh) == ((1.0,), False)
    evaluator.prepare([individual], 0, Stream(1))
    evaluator.conclude([individual], [(0.0,)])
    evaluator.load_state_dict(evaluator.state_dict())
    assert evaluator.validate(evaluator.networks(individual)) == {}
    assert (evaluator.measure(individual), evaluator.state_dict()) == ({}, {})


def test_networks_carry_the_individuals_weights_in_order(individual_of):
    evaluator = Returns(None)
    individuals = [individual_of(evaluator) for _ in range(3)]
    rows = evaluator.networks(*individuals).weights()
    assert torch.equal(rows, torch.stack([one.weights for one in individuals]))


@pytest.mark.parametrize(
    "returned",
    [
        lambda networks: [0.1],
        lambda networks: (0.1,),
        lambda networks: [[0.1]],
        lambda networks: torch.tensor([0.1], dtype=torch.float64),
        lambda networks: torch.tensor([[0.1]], dtype=torch.float64, requires_grad=True),
    ],
)
def test_an_evaluator_called_with_one_individual_returns_deaps_tuple(returned, individual_of):
    evaluator = Returns(returned)
    assert evaluator(individual_of(evaluator)) == (0.1,)


def test_two_objectives_are_a_tuple_of_two(individual_of):
    evaluator = ReturnsTwo(lambda networks: [[0.1, 3]])
    assert evaluator(individual_of(evaluator)) == (0.1, 3.0)


def test_keywords_reach_evaluate(individual_of):
    evaluator = Returns(lambda networks, scale: [scale])
    assert evaluator(individual_of(evaluator), scale=4.0) == (4.0,)


def test_records_reach_the_individual(individual_of):
    def returned(networks):
        networks.record("pair", torch.tensor([[1, 2]]))
        return [0.0]

    evaluator = Returns(returned)
    individual = individual_of(evaluator)
    evaluator(individual)
    assert individual.records == {"pair": (1, 2)}


@pytest.mark.parametrize(
    ("kind", "returned", "got"),
    [
        (Returns, torch.zeros(2), "[2] for 1 networks and 1 objective(s); expected [1, 1]"),
        (Returns, torch.zeros(0), "[0] for 1 networks and 1 objective(s); expected [1, 1]"),
        (Returns, torch.tensor(0.0), "[] for 1 networks and 1 objective(s); expected [1, 1]"),
        (Returns, torch.zeros(1, 2), "[1, 2] for 1 networks and 1 objective(s); expected [1, 1]"),
        (ReturnsTwo, torch.zeros(1), "[1] for 1 networks and 2 objective(s); expected [1, 2]"),
        (ReturnsTwo, torch.zeros(2), "[2] for 1 networks and 2 objective(s); expected [1, 2]"),
    ],
)
def test_fitness_of_another_shape_is_refused(kind, returned, got, individual_of):
    evaluator = kind(lambda networks: returned)
    said = f'Evaluator "{kind.__name__}" returned fitness of shape {got}.'
    with pytest.raises(EvaluationError, match=re.escape(said)):
        evaluator(individual_of(evaluator))


@pytest.mark.parametrize(
    ("returned", "kind"), [(None, "NoneType"), ("high", "str"), ([[1.0], [1.0, 2.0]], "list")]
)
def test_what_is_no_tensor_of_numbers_is_refused(returned, kind, individual_of):
    evaluator = Returns(lambda networks: returned)
    said = rf'Evaluator "Returns" returned {kind} that is no tensor of numbers: .*\[1, 1\]\.'
    with pytest.raises(EvaluationError, match=said):
        evaluator(individual_of(evaluator))


@pytest.mark.parametrize(
    "returned", [torch.tensor([1j]), np.array([1j]), torch.tensor([[1 + 0j]])], ids=str
)
def test_complex_fitness_is_refused(returned, individual_of):
    evaluator = Returns(lambda networks: returned)
    said = r"tensor of numbers: complex numbers have no order, take their real part or size\."
    with pytest.raises(EvaluationError, match=said):
        evaluator(individual_of(evaluator))


# Whom it belongs to


def asked(evaluator):
    """Return all that makes networks of an individual."""
    return [evaluator, evaluator.networks, evaluator.measure]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (nn.Linear(3, 5), "to this Linear: it has weight[5, 3], the module has [2, 3]."),
        (nn.Sequential(nn.Linear(3, 2)), "to this Linear: it has 0.weight[2, 3], the module has"),
    ],
    ids=["shape", "name"],
)
def test_individuals_of_another_module_are_refused(other, said, individual_class):
    evaluator = dn.Supervised(nn.Linear(3, 2), torch.zeros(4, 3), [0, 1, 0, 1])
    stranger = dn.initWeights(individual_class, other, sigma=0.5)
    for ask in asked(evaluator):
        with pytest.raises(LayoutError, match=re.escape(f"The genome does not belong {said}")):
            ask(stranger)


def test_what_is_no_genome_is_refused():
    evaluator = dn.Supervised(nn.Linear(3, 2), torch.zeros(4, 3), [0, 1, 0, 1])
    for ask in asked(evaluator):
        with pytest.raises(EvaluationError, match="evaluates WeightGenome individuals, got list"):
            ask([0.0] * 8)


def test_a_direct_call_gives_another_figure_of_an_individual_whatever_its_own_fitness():
    evaluator = Returns(lambda networks: [0.5])
    pair = dn.initWeights(PairOfTests, evaluator.genome(), sigma=0.5)
    assert evaluator(pair) == (0.5,)


def test_networks_of_different_parameters_are_refused(individual_class):
    evaluator = Returns(None)
    whole, part = (
        dn.initWeights(individual_class, evaluator.genome(), sigma=0.5, parameters=names)
        for names in (None, "weight")
    )
    with pytest.raises(LayoutError, match=r"^Individuals of different parameters: 8 weights"):
        evaluator.networks(whole, part)
