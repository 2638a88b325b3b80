import re

import pytest
import torch

import deapnets as dn
from deapnets.errors import OptionError
from deapnets.evaluators.xor import Xor
from deapnets.genomes.layout import Layout
from deapnets.testing import EvaluatorContract


class TestXor(EvaluatorContract):
    cases = [(Xor, {}), (Xor, {"hidden": 3, "fitness": "accuracy"})]


def test_the_ancestor_has_weights_of_zero():
    weights = Layout.of(Xor().genome()).flatten(Xor().genome())
    assert weights.tolist() == [0.0] * 22


def test_hidden_sets_the_units():
    assert [tuple(p.shape) for p in Xor(hidden=7).genome().parameters()] == [
        (7, 2),
        (7,),
        (2, 7),
        (2,),
    ]


def test_a_target_is_whether_the_inputs_differ():
    train = Xor().splits.train
    assert train.targets.tolist() == (train.inputs[:, 0] != train.inputs[:, 1]).long().tolist()


def test_a_network_that_solves_it_scores_one(individual_class):
    evaluator = Xor(hidden=2, fitness="accuracy")
    net = evaluator.genome()
    # One unit for "a or b", one for "a and b"; the second class is the first without the other.
    layers = [[[4.0, 4.0], [4.0, 4.0]], [-2.0, -6.0], [[0.0, 0.0], [4.0, -4.0]], [0.0, -4.0]]
    with torch.no_grad():
        for parameter, values in zip(net.parameters(), layers, strict=True):
            parameter.copy_(torch.tensor(values))
    individual = dn.initWeights(individual_class, net, sigma=0.0)
    assert evaluator(individual) == (1.0,)
    assert evaluator.measure(individual)["test_accuracy"] == 1.0


def test_hidden_units_must_be_there():
    with pytest.raises(OptionError, match=re.escape("hidden is at least 1, got 0.")):
        Xor(hidden=0)


def test_a_made_up_fitness_is_refused():
    with pytest.raises(OptionError, match='Unknown fitness "acuracy"'):
        Xor(fitness="acuracy")
