"""A task of two classes and its toolbox, for the tests of DEAP's loops."""

import pytest
import torch
from deap import base, tools

import deapnets as dn


@pytest.fixture
def data():
    inputs = torch.randn(40, 3)
    return inputs, (inputs[:, 0] > 0).long()


@pytest.fixture
def toolbox_of(individual_class, net, data):
    """Return a function that makes a toolbox of a supervised task, with a map of its own."""

    def toolbox_of(mapping=None, **options):
        toolbox = base.Toolbox()
        toolbox.register("individual", dn.initWeights, individual_class, net, sigma=0.1)
        toolbox.register("population", tools.initRepeat, list, toolbox.individual)
        toolbox.register("mate", dn.cxUniform, indpb=0.5)
        toolbox.register("mutate", dn.mutGaussian, sigma=0.1, indpb=0.5)
        toolbox.register("select", tools.selTournament, tournsize=3)
        toolbox.register("evaluate", dn.Supervised(net, *data, **options))
        toolbox.register("map", mapping or dn.PopulationMap())
        return toolbox

    return toolbox_of


@pytest.fixture
def toolbox(toolbox_of):
    return toolbox_of()
