"""What several tests share: the classes that DEAP's creator made once, a small net, a toolbox."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from deap import base, creator, tools
from hypothesis import settings
from torch import nn

import deapnets as dn
from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node

settings.register_profile("deapnets", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("deapnets")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    random.seed(1)
    torch.manual_seed(1)


@pytest.fixture(scope="session")
def individual_class() -> type:
    """Return the class of an individual whose one objective is maximised.

    Unpickling puts another class of that name into `deap.creator`: compare with this one.
    """
    creator.create("FitnessOfTests", base.Fitness, weights=(1.0,))
    creator.create("IndividualOfTests", dn.WeightGenome, fitness=creator.FitnessOfTests)
    return creator.IndividualOfTests


@pytest.fixture(scope="session")
def pareto_class() -> type:
    """Return the class of an individual with one objective to maximise and one to minimise."""
    creator.create("ParetoFitnessOfTests", base.Fitness, weights=(1.0, -1.0))
    creator.create("ParetoOfTests", dn.WeightGenome, fitness=creator.ParetoFitnessOfTests)
    return creator.ParetoOfTests


@pytest.fixture
def net() -> nn.Module:
    """Return a net of 26 weights, the same in every test."""
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


@pytest.fixture
def make_toolbox(individual_class: type, net: nn.Module) -> Callable[..., base.Toolbox]:
    """Return a function that makes a toolbox; its keywords replace what is registered."""

    def make_toolbox(**replaced: Callable[..., Any]) -> base.Toolbox:
        toolbox = base.Toolbox()
        toolbox.register("individual", dn.initWeights, individual_class, net, sigma=0.1)
        toolbox.register("population", tools.initRepeat, list, toolbox.individual)
        toolbox.register("mate", dn.cxUniform, indpb=0.5)
        toolbox.register("mutate", dn.mutGaussian, sigma=0.1, indpb=0.1)
        toolbox.register("select", tools.selTournament, tournsize=3)
        toolbox.register(
            "evaluate", lambda individual: (-float(individual.weights.square().sum()),)
        )
        for name, function in replaced.items():
            toolbox.register(name, function)
        return toolbox

    return make_toolbox


@pytest.fixture(scope="session")
def leaf() -> Callable[..., Node]:
    """Return a function that makes a leaf of one parameter from its values ``[P]``."""

    def leaf(values: Any) -> Node:
        weights = torch.as_tensor(values, dtype=torch.float32).clone()
        return Node(Layout(("weight",), ((len(weights),),)), weights)

    return leaf
