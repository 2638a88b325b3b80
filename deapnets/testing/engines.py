"""`EngineContract`: whoever scores networks, the scores are those of one process, bit for bit."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from deapnets.algorithms.ga import individual_class
from deapnets.evaluators.base import Evaluator
from deapnets.evaluators.supervised import Supervised
from deapnets.evaluators.xor import Xor
from deapnets.mapping import PopulationMap
from deapnets.operators.crossover import cxUniform
from deapnets.operators.initialisation import initWeights
from deapnets.operators.mutation import mutGaussian
from deapnets.testing.contract import Contract


class EngineContract(Contract):
    """What every engine does; ``cases`` are pairs of an engine and the map's other options.

        class TestMine(EngineContract):
            cases = [("processes", {"workers": 2}), (my_executor, {})]

    An engine is a name or a `concurrent.futures.Executor`; a function without arguments that
    returns one is called for each test.
    """

    @pytest.fixture
    def mapping(self, case: Any) -> Iterator[PopulationMap]:
        """Return a map on the engine, closed after the test."""
        engine, options = case
        mapping = self.make(engine() if callable(engine) else engine, options)
        yield mapping
        mapping.close()

    def make(self, engine: Any, options: Any) -> PopulationMap:
        """Return a map on an engine."""
        return PopulationMap(**{"device": "cpu", "seed": 5, "engine": engine, **options})

    @pytest.fixture(params=["all rows", "mini-batch", "plugin"])
    def task(self, request: pytest.FixtureRequest) -> Evaluator:
        """Return an evaluator: of all rows, of a mini-batch a generation, and an installed one."""
        torch.manual_seed(4)
        inputs = torch.randn(60, 12)
        net = nn.Sequential(nn.Linear(12, 10), nn.Tanh(), nn.Linear(10, 2))
        targets = (inputs[:, 0] * inputs[:, 1] > 0).long()
        if request.param == "plugin":
            return Xor(hidden=3)
        size = 20 if request.param == "mini-batch" else None
        return Supervised(net, inputs, targets, batch_size=size)

    def generations(self, task: Evaluator) -> list[list[Any]]:
        """Return three generations that were bred before anybody was scored."""
        kind = individual_class(task)
        found = [[initWeights(kind, task.genome(), sigma=0.3) for _ in range(12)]]
        for _ in range(2):
            children = copy.deepcopy(random.sample(found[-1], 12))
            for first, second in zip(children[::2], children[1::2], strict=True):
                cxUniform(first, second, indpb=0.5)
                mutGaussian(first, sigma=0.1, indpb=0.2)
            found.append(children)
        return found

    def test_scores_records_and_weights_are_those_of_one_process(
        self, mapping: PopulationMap, task: Evaluator
    ) -> None:
        generations = self.generations(task)
        found = []
        for engine in (PopulationMap(device="cpu", seed=5), mapping):
            own = copy.deepcopy(task)
            populations = copy.deepcopy(generations)
            scores = []
            for population in populations:
                with engine.generation():
                    scores.append(engine(own, population))
            weights = [one.weights.tolist() for one in populations[-1]]
            records = [dict(one.records) for one in populations[-1]]
            found.append((scores, weights, records, engine.evaluations, engine.forwards))
        assert found[0] == found[1]

    def test_nobody_at_all_is_scored_too(self, mapping: PopulationMap) -> None:
        assert mapping(Xor(), []) == []

    def test_what_is_no_evaluator_is_mapped_in_order(self, mapping: PopulationMap) -> None:
        assert list(mapping(str, [3, 1, 2])) == ["3", "1", "2"]

    def test_it_works_again_after_it_was_closed(self, mapping: PopulationMap) -> None:
        task = Xor()
        kind = individual_class(task)
        population = [initWeights(kind, task.genome(), sigma=0.3) for _ in range(4)]
        first = mapping(task, copy.deepcopy(population))
        mapping.close()
        assert mapping(task, copy.deepcopy(population)) == first
