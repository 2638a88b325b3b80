from __future__ import annotations

import pytest
import torch

import deapnets as dn
from deapnets.algorithms.base import mean_of


@pytest.fixture
def three(individual_class):
    """Return a function that makes individuals of three weights from the first one of each."""

    def three(*firsts):
        individuals = [dn.initWeights(individual_class, torch.nn.Linear(2, 1), 0.0) for _ in firsts]
        for individual, first in zip(individuals, firsts, strict=True):
            individual.weights = torch.tensor([first, 1.0, 2.0])
        return individuals

    return three


def test_the_mean_of_some_individuals_is_the_mean_of_their_weights(three):
    leaves = three(1.0, 4.0, 10.0)
    assert mean_of(leaves).weights.tolist() == [5.0, 1.0, 2.0]


def test_recipes_and_leaves_are_averaged_alike(individual_class, net):
    individuals = [dn.initWeights(individual_class, net, sigma=0.5) for _ in range(4)]
    recipes = individuals[:2]
    for individual in recipes:
        dn.mutGaussian(individual, sigma=0.1, indpb=0.5)
    assert recipes[0].node.weights is None
    rows = torch.stack([individual.weights for individual in individuals])
    torch.testing.assert_close(mean_of(individuals).weights, rows.mean(0))


def test_the_mean_leaves_the_individuals_as_they_were(three):
    individuals = three(1.0, 3.0)
    individuals[0].records = {"accuracy": 0.5}
    mean = mean_of(individuals)
    assert [one.weights[0].item() for one in individuals] == [1.0, 3.0]
    assert (individuals[0].records, dict(mean.records)) == ({"accuracy": 0.5}, {})
