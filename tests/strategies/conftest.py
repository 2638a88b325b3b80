"""A bowl to go down, and a loop that goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

import deapnets as dn
from deapnets.testing.strategies import Bowl


@pytest.fixture
def bowl(net: nn.Module) -> Bowl:
    return Bowl(net)


@pytest.fixture
def evolve(individual_class: type, bowl: Bowl) -> Callable[..., float]:
    """Return a function that runs a strategy and returns its centre's distance from the optimum."""

    def evolve(strategy: dn.Strategy, ngen: int = 1, mapping: Any = None) -> float:
        scored = mapping or dn.PopulationMap(device="cpu", seed=1)
        for _ in range(ngen):
            population = strategy.generate(individual_class)
            for one, values in zip(population, scored(bowl, population), strict=True):
                one.fitness.values = values
            strategy.update(population)
        return float((strategy.weights - 1.0).norm())

    return evolve
