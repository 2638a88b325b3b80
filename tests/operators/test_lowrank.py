import re

import numpy as np
import pytest
import torch
from torch import nn

import deapnets as dn
from deapnets.errors import OperatorError, OptionError


def changes(individual_class, net, **settings):
    individual = dn.initWeights(individual_class, net, sigma=0.0)
    before = individual.weights
    dn.mutLowRank(individual, **settings)
    return dict(individual.layout.split(individual.weights - before))


@pytest.mark.parametrize("rank", [1, 2])
def test_every_matrix_changes_by_a_matrix_of_the_rank(rank, individual_class):
    net = nn.Sequential(nn.Conv2d(2, 6, 3), nn.Flatten(), nn.Linear(6, 5)).double()
    for values in changes(individual_class, net, sigma=1.0, rank=rank).values():
        if values.dim() > 1:
            assert torch.linalg.matrix_rank(values.flatten(1), atol=1e-4) == rank
        else:
            assert values.abs().min() > 0


def test_every_change_has_the_deviation_asked_for(individual_class):
    parts = changes(individual_class, nn.Linear(400, 400), sigma=0.2)
    assert parts["weight"].std() == pytest.approx(0.2, rel=0.15)
    assert parts["bias"].std() == pytest.approx(0.2, rel=0.15)


def test_the_parent_stays_as_it_was(individual_class, net):
    parent = dn.initWeights(individual_class, net, sigma=0.1)
    before = parent.weights
    child = dn.WeightGenome(parent.node)
    dn.mutLowRank(child, sigma=0.1)
    assert torch.equal(parent.weights, before)
    assert not torch.equal(child.weights, before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sigma": -0.1}, "mutLowRank: sigma is a finite number of at least 0, got -0.1."),
        ({"sigma": 0.1, "rank": 0}, "mutLowRank: rank is a whole number of at least 1, got 0."),
        ({"sigma": 0.1, "rank": True}, "mutLowRank: rank is a whole number of at least 1"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_told_when_it_is_called(
    settings, message, individual_class, net
):
    individual = dn.initWeights(individual_class, net, sigma=0.1)
    with pytest.raises(OptionError, match=re.escape(message)):
        dn.mutLowRank(individual, **settings)


def test_rows_without_a_layout_are_refused():
    settings = dn.mutLowRank.parameters(sigma=0.1)
    with pytest.raises(OperatorError, match="mutLowRank needs to know the network's layout"):
        dn.mutLowRank.make([torch.zeros(1, 4)], np.zeros(1, dtype=np.uint64), settings)
