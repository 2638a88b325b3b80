"""A last layer in closed form: the least squares it promises, and no row scored by its own fit."""

import re

import numpy as np
import pytest
import torch
from torch import nn

import deapnets as dn
from deapnets.errors import DataError, EvaluationError, OptionError
from deapnets.evaluators import readout
from deapnets.evaluators.readout import SCALE, RidgeReadout
from deapnets.evaluators.splits import Split

ROWS, CLASSES = 60, 3


@pytest.fixture
def features():
    """Return a module of 6 features from 4 inputs."""
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh())


@pytest.fixture
def data():
    inputs = torch.randn(ROWS, 4)
    return inputs, (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()


@pytest.fixture
def task(features, data):
    return dn.Supervised(features, *data, readout="ridge", penalty=0.01, validation=(data))


@pytest.fixture
def individuals(individual_class, features):
    return [dn.initWeights(individual_class, features, sigma=0.5) for _ in range(5)]


def matrix_of(individual, features, inputs):
    """Return the features and a constant, float64 ``[rows, 7]``."""
    with torch.no_grad():
        values = individual.module(features)(inputs).double().numpy()
    return np.concatenate([values, np.ones((len(values), 1))], 1)


def ridge(matrix, targets, penalty):
    """Return the layer by the normal equations, in double precision."""
    gram = matrix.T @ matrix
    gram += penalty * np.diag(gram).mean() * np.eye(len(gram))
    return np.linalg.solve(gram, matrix.T @ np.eye(CLASSES)[targets])


def test_layer_is_the_ridge_regression_of_the_classes(task, individuals, features, data):
    networks = task.networks(*individuals)
    layers = list(RidgeReadout(CLASSES, 0.01).solve(networks, Split(*data)))
    for individual, layer in zip(individuals, layers, strict=True):
        expected = ridge(matrix_of(individual, features, data[0]), data[1].numpy(), 0.01)
        np.testing.assert_allclose(layer.numpy(), expected, rtol=1e-3, atol=1e-5)


def test_every_row_is_scored_by_the_layer_of_the_other_rows(task, individuals, features, data):
    inputs, targets = data[0], data[1].numpy()
    networks = task.networks(individuals[0])
    (scores,) = RidgeReadout(CLASSES, 0.01).left_out(networks, Split(*data))
    matrix = matrix_of(individuals[0], features, inputs)
    strength = 0.01 * np.diag(matrix.T @ matrix).mean()  # the penalty of all rows, also for fewer
    for row in range(ROWS):
        others = np.arange(ROWS) != row
        gram = matrix[others].T @ matrix[others] + strength * np.eye(7)
        layer = np.linalg.solve(gram, matrix[others].T @ np.eye(CLASSES)[targets[others]])
        expected = SCALE * matrix[row] @ layer
        np.testing.assert_allclose(scores[0, row].numpy(), expected, rtol=1e-3, atol=1e-4)


def test_more_features_than_rows_give_the_same_as_fewer(individual_class):
    """The two ways to leave a row out agree where both can be gone."""
    net = nn.Sequential(nn.Linear(4, 30), nn.Tanh())
    inputs, targets = torch.randn(31, 4), torch.randint(0, CLASSES, (31,))
    task = dn.Supervised(net, inputs, targets, readout="ridge")
    individual = dn.initWeights(individual_class, net, sigma=0.5)
    features = RidgeReadout(CLASSES, 1e-4)._features(
        task.networks(individual), Split(inputs, targets)
    )
    wanted, strength = torch.eye(CLASSES)[targets], torch.tensor(0.1)
    torch.testing.assert_close(
        readout._dual(features, wanted, strength),
        readout._primal(features, wanted, strength),
        rtol=1e-3,
        atol=1e-4,
    )
    few = Split(inputs[:20], targets[:20])
    (scores,) = RidgeReadout(CLASSES, 0.01).left_out(task.networks(individual), few)
    assert scores.isfinite().all()


def test_fitness_is_that_of_rows_that_were_left_out(task, individuals, data):
    (scores,) = RidgeReadout(CLASSES, 0.01).left_out(task.networks(individuals[0]), Split(*data))
    loss = nn.functional.cross_entropy(scores[0], data[1])
    assert task(individuals[0]) == pytest.approx((-loss.item(),), rel=1e-5)


def test_labels_without_sense_are_not_fitted(individual_class, features):
    """With 20 rows and 7 coefficients a layer fits noise; scored on its own rows, it would show."""
    inputs, targets = torch.randn(20, 4), torch.randint(0, CLASSES, (20,))
    task = dn.Supervised(features, inputs, targets, readout="ridge", fitness="accuracy")
    own = [task(dn.initWeights(individual_class, features, sigma=0.5))[0] for _ in range(20)]
    assert np.mean(own) < 0.5


def test_network_alone_has_the_fitness_it_has_in_company(task, individuals):
    together = dn.PopulationMap(device="cpu")(task, individuals)
    small = dn.PopulationMap(device="cpu", chunk=1)(task, individuals)
    assert together == small == [task(individual) for individual in individuals]


def test_forwards_are_counted(task, individuals):
    pmap = dn.PopulationMap(device="cpu")
    pmap(task, individuals)
    assert pmap.forwards == len(individuals) * ROWS


def test_weights_that_are_not_finite_give_fitness_that_is_not(task, individuals):
    individuals[0].weights = torch.full((len(individuals[0]),), torch.nan)
    assert np.isnan(task(individuals[0])[0])


def test_validation_and_complete_network_agree(task, individuals, data):
    figures = task.validate(task.networks(*individuals))
    for individual, accuracy in zip(individuals, figures["validation_accuracy"], strict=True):
        net = task.complete(individual)
        right = (net(data[0]).argmax(1) == data[1]).double().mean()
        assert float(right) == pytest.approx(float(accuracy))
    assert dict(task.complete(individuals[0]).named_parameters())["2.weight"].shape == (3, 6)


def test_measure_puts_the_module_as_it_came_beside_the_individual(task, individuals):
    figures = task.measure(individuals[0])
    untouched = dn.initWeights(type(individuals[0]), task.genome(), sigma=0.0)
    start = task.measure(untouched)
    assert figures["initial_validation_loss"] == start["validation_loss"]
    assert start["validation_loss"] == start["initial_validation_loss"]
    assert figures["validation_loss"] != start["validation_loss"]


def test_complete_network_of_an_evolved_readout_is_the_module(net, data, individual_class):
    task = dn.Supervised(net, data[0][:, :3], data[1].clamp(max=1))
    individual = dn.initWeights(individual_class, net, sigma=0.5)
    inputs = data[0][:, :3]
    assert torch.equal(task.complete(individual)(inputs), individual.module(net)(inputs))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"readout": "rigde"}, 'Unknown readout "rigde". Did you mean "ridge"?'),
        ({"readout": "ridge", "loss": "mse"}, 'readout="ridge" fits classes: it needs loss='),
    ],
)
def test_readout_that_cannot_be_is_told_when_the_task_is_made(features, data, options, message):
    with pytest.raises(OptionError, match=f"^{re.escape(message)}"):
        dn.Supervised(features, *data, **options)


@pytest.mark.parametrize("penalty", [0.0, -1.0, float("inf")])
def test_penalty_that_is_none_is_refused(penalty):
    with pytest.raises(OptionError, match=r"^penalty is more than 0 and finite, got "):
        RidgeReadout(3, penalty)


def test_children_of_low_rank_have_the_readout_of_their_own_features(individual_class, data):
    net = nn.Sequential(nn.Flatten(), nn.Linear(data[0][0].numel(), 6), nn.Tanh())
    parent = dn.initWeights(individual_class, net, sigma=0.5)
    population = [parent.with_node(parent.node) for _ in range(3)]
    for child in population:
        dn.mutLowRank(child, sigma=0.5, rank=1)
    task = dn.Supervised(net, *data, readout="ridge")
    scores = dn.PopulationMap(device="cpu")(task, population)
    assert len(set(scores)) == 3
    for child, fitness in zip(population, scores, strict=True):
        assert fitness == pytest.approx(task(child), rel=1e-4)


class Returns(nn.Module):
    def __init__(self, what):
        super().__init__()
        self.layer, self.what = nn.Linear(4, 6), what

    def forward(self, inputs):
        return self.what(self.layer(inputs))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (
            lambda x: (x, x),
            'returns a tuple, and readout="ridge" takes one tensor. Evolve a module',
        ),
        (lambda x: {"a": x}, 'returns a dict, and readout="ridge" takes one tensor. Evolve a modu'),
        (lambda x: x.mean(0), 'readout="ridge" needs features for each row [60, ...]; the network'),
        (lambda x: x.sum(), "features for each row [60, ...]; the network returned []."),
    ],
    ids=["tuple", "dict", "pooled", "scalar"],
)
def test_outputs_that_are_no_features_are_refused(what, said, individual_class, data):
    net = Returns(what)
    task = dn.Supervised(net, *data, readout="ridge")
    with pytest.raises(EvaluationError, match=re.escape(said)):
        task(dn.initWeights(individual_class, net, sigma=0.5))


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (torch.zeros(4), r"[4] of torch.float32"),
        (torch.zeros(4, 1, dtype=torch.int64), r"[4, 1] of torch.int64"),
        (torch.tensor([0, 1, -1, 0]), r"[4] of torch.int64"),
    ],
    ids=["numbers", "columns", "negative"],
)
def test_a_readout_of_what_are_no_classes_is_refused(targets, said, individual_class):
    net = nn.Linear(3, 2)
    task = dn.Supervised(net, torch.randn(4, 3), targets, readout="ridge")
    with pytest.raises(DataError, match=re.escape(f"whole numbers from 0 on; got {said}.")):
        task(dn.initWeights(individual_class, net, sigma=0.1))


@pytest.mark.parametrize("kind", [torch.uint8, torch.int32])
def test_classes_may_be_whole_numbers_of_any_kind(kind, individual_class):
    net, inputs, classes = nn.Linear(3, 2), torch.randn(8, 3), torch.arange(8) % 2
    one = dn.initWeights(individual_class, net, sigma=0.1)
    wanted, found = (
        dn.Supervised(net, inputs, targets, readout="ridge")(one)
        for targets in (classes, classes.to(kind))
    )
    assert wanted == found
