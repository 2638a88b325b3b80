"""Tasks that workers can be sent, and runs of a small genetic algorithm on any engine.

What is defined in tests is pickled whole, since workers cannot import tests.
"""

from __future__ import annotations

import gc
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from deap import base, tools

import deapnets as dn

try:
    import cloudpickle
except ImportError:  # tests that need it are skipped
    pass
else:
    cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="session")
def kept_processes() -> Iterator[dn.PopulationMap]:
    mapping = dn.PopulationMap(engine="processes", workers=2, seed=5)
    yield mapping
    mapping.close()


@pytest.fixture
def two_processes(kept_processes: dn.PopulationMap) -> dn.PopulationMap:
    """Return a map of two worker processes, which other tests use too; as new."""
    kept_processes.load_state_dict(dn.PopulationMap(seed=5).state_dict())
    kept_processes.faults = []
    return kept_processes


@pytest.fixture
def collected() -> Iterator[None]:
    """Collect what a test left, so that warnings about it are not another test's."""
    yield
    gc.collect()


@pytest.fixture
def evolve(individual_class: type) -> Callable[..., Any]:
    """Return a function that runs a genetic algorithm and tells all that came of it."""

    def evolve(task: dn.Evaluator, mapping: dn.PopulationMap, n: int = 24, ngen: int = 3) -> Any:
        random.seed(3)
        toolbox = base.Toolbox()
        toolbox.register("individual", dn.initWeights, individual_class, task.genome(), sigma=0.3)
        toolbox.register("population", tools.initRepeat, list, toolbox.individual)
        toolbox.register("mate", dn.cxUniform, indpb=0.5)
        toolbox.register("mutate", dn.mutGaussian, sigma=0.1, indpb=0.2)
        toolbox.register("select", tools.selTournament, tournsize=3)
        toolbox.register("evaluate", task)
        toolbox.register("map", mapping)
        loop = dn.eaGenerational(toolbox.population(n=n), toolbox, 0.5, 0.9, ngen, elites=2)
        population, _ = loop.run()
        return [
            (one.fitness.values, one.digest, one.weights.tolist(), dict(one.records))
            for one in population
        ], (mapping.evaluations, mapping.forwards)

    return evolve


def _inputs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(200, 12, generator=generator)
    return inputs, (inputs[:, 0] * inputs[:, 1] > 0).long()


def _net() -> torch.nn.Module:
    torch.manual_seed(4)
    return torch.nn.Sequential(torch.nn.Linear(12, 10), torch.nn.Tanh(), torch.nn.Linear(10, 2))


@pytest.fixture
def tasks() -> dict[str, Callable[[], dn.Evaluator]]:
    """Return functions that make a task each: all rows, a mini-batch, and two with a memory."""

    class Archive(dn.Evaluator):
        """Distance from the best of the last generation: what it keeps changes in silence."""

        fresh = True

        def __init__(self) -> None:
            self.net, self.goal = _net(), None

        def genome(self) -> torch.nn.Module:
            return self.net

        def prepare(self, population: Any, generation: int, rng: dn.Stream) -> None:
            self.shift = rng.integer() % 7

        def evaluate(self, networks: dn.Networks) -> torch.Tensor:
            goal = 0.0 if self.goal is None else torch.tensor(self.goal)
            networks.record("shift", torch.full((len(networks),), self.shift))
            return -(networks.weights() - goal + self.shift / 10).square().sum(1)

        def conclude(self, population: Any, scores: Any) -> None:
            best = max(range(len(scores)), key=lambda index: scores[index])
            self.goal = population[best].weights.tolist()

    class Stated(Archive):
        """The same, which says what it keeps."""

        def state_dict(self) -> dict[str, Any]:
            return {"shift": self.shift, "goal": self.goal}

        def load_state_dict(self, state: dict[str, Any]) -> None:
            self.shift, self.goal = state["shift"], state["goal"]

    return {
        "all rows": lambda: dn.Supervised(_net(), *_inputs()),
        "mini-batch": lambda: dn.Supervised(_net(), *_inputs(), batch_size=30),
        "silent state": Archive,
        "state": Stated,
    }


@pytest.fixture
def trouble(tmp_path: Path) -> Callable[..., dn.Evaluator]:
    """Return a function that makes a task in which something happens to chosen individuals.

    ``what`` is ``"die"``, ``"hang"``, ``"raise"`` or ``"warn"``; it happens ``times`` times in all
    to an individual whose first weight is above ``above``.
    """

    class Trouble(dn.Evaluator):
        def __init__(self, what: str, above: float, times: int) -> None:
            self.what, self.above, self.times = what, above, times
            self.net, self.log = torch.nn.Linear(3, 1), tmp_path / "log"

        def genome(self) -> torch.nn.Module:
            return self.net

        def evaluate(self, networks: dn.Networks) -> torch.Tensor:
            if bool((networks.weights()[:, 0] > self.above).any()) and self.again():
                self.happen()
            return networks.weights().sum(1)

        def again(self) -> bool:
            with self.log.open("a") as log:
                log.write(".")
            return len(self.log.read_text()) <= self.times

        def happen(self) -> None:
            if self.what == "die":
                os._exit(3)
            if self.what == "hang":
                time.sleep(60)
            if self.what == "raise":
                raise KeyError("no such thing")
            import warnings

            warnings.warn("odd, but it works", RuntimeWarning, stacklevel=1)

    return lambda what, above=0.0, times=1: Trouble(what, above, times)


@pytest.fixture
def lone_population(individual_class: type) -> Callable[..., list[Any]]:
    """Return a function that makes individuals of Linear(3, 1), the ``bad`` ones above zero."""

    def lone_population(count: int = 6, bad: tuple[int, ...] = (2,)) -> list[Any]:
        net = torch.nn.Linear(3, 1)
        population = [dn.initWeights(individual_class, net, sigma=0.1) for _ in range(count)]
        for index, one in enumerate(population):
            weights = one.weights
            weights[0] = 1.0 if index in bad else -1.0
            one.weights = weights
        return population

    return lone_population
