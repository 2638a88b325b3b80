"""`AlgorithmContract`: an algorithm of the command line steps, chooses and can be resumed."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

import pytest
import torch
from torch import nn

from deapnets.algorithms.base import Algorithm, Settings
from deapnets.algorithms.ga import individual_class
from deapnets.evaluators.base import Evaluator
from deapnets.evaluators.supervised import Supervised
from deapnets.mapping import PopulationMap
from deapnets.runs.packing import pack, unpack
from deapnets.testing.contract import Contract


class AlgorithmContract(Contract):
    """What the classes of ``deapnets.strategies`` do; ``cases`` are pairs of class and options.

        class TestMine(AlgorithmContract):
            cases = [(MySettings, {"population": 10})]

    Override `task` where the algorithm needs another evaluator.
    """

    def task(self) -> Evaluator:
        """Return the evaluator: a mini-batch of 20 rows, two classes, 26 weights."""
        torch.manual_seed(1)
        net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        inputs = torch.randn(60, 3)
        return Supervised(net, inputs, (inputs[:, 0] > 0).long(), batch_size=20)

    @pytest.fixture
    def settings(self, case: Any) -> Settings:
        """Return the settings."""
        settings: Settings = case[0](**case[1])
        return settings

    def begin(self, settings: Settings) -> tuple[Algorithm, PopulationMap, Evaluator]:
        """Return the algorithm, and the map and the evaluator that it uses."""
        task, mapping = self.task(), PopulationMap(device="cpu", seed=1)
        random.seed(3)
        torch.manual_seed(3)
        return settings.begin(task, mapping), mapping, task

    def test_steps_are_numbered_and_their_evaluations_are_the_maps(
        self, settings: Settings
    ) -> None:
        algorithm, mapping, _ = self.begin(settings)
        total = 0
        for number in range(3):
            generation = algorithm.step(number / 3)
            total += generation.evaluations
            assert generation.number == number
            assert generation.population
            assert all(one.fitness.valid for one in generation.population)
            assert mapping.evaluations == total

    def test_one_seed_gives_one_run(self, settings: Settings) -> None:
        runs = []
        for _ in range(2):
            algorithm, _, _ = self.begin(settings)
            lots = [algorithm.step(number / 3).population for number in range(3)]
            runs.append([(one.digest, one.fitness.values) for lot in lots for one in lot])
        assert runs[0] == runs[1]

    def test_candidates_are_scored_individuals_under_names(self, settings: Settings) -> None:
        algorithm, _, _ = self.begin(settings)
        algorithm.step(0.0)
        candidates: dict[str, Any] = {**algorithm.candidates()}
        assert candidates
        assert all(isinstance(name, str) for name in candidates)
        assert next(iter(candidates.values())).fitness.valid

    def test_figures_are_finite_numbers(self, settings: Settings) -> None:
        algorithm, _, _ = self.begin(settings)
        algorithm.step(0.5)
        for name, value in algorithm.figures().items():
            assert isinstance(value, int | float), name
            assert math.isfinite(value), name

    def test_one_that_takes_up_a_state_goes_on_as_the_first_one(self, settings: Settings) -> None:
        """The state travels through a file, as it does when a run is resumed."""
        first, mapping, task = self.begin(settings)
        for number in range(3):
            first.step(number / 10)
        stored = unpack(pack(first.state_dict()), [individual_class(task)])
        seen = copy.deepcopy(task.state_dict()), copy.deepcopy(mapping.state_dict())
        there, here = random.getstate(), torch.get_rng_state()
        expected = [_said(first, first.step(0.3)) for _ in range(2)]
        second, mapping, task = self.begin(settings)
        second.load_state_dict(stored)
        task.load_state_dict(seen[0])
        mapping.load_state_dict(seen[1])
        random.setstate(there)
        torch.set_rng_state(here)
        assert [_said(second, second.step(0.3)) for _ in range(2)] == expected


def _said(algorithm: Algorithm, generation: Any) -> Any:
    """Return all that a step gave."""
    individuals = [(one.digest, one.fitness.values) for one in generation.population]
    chosen = [(name, one.digest) for name, one in algorithm.candidates().items()]
    return generation.number, individuals, chosen, algorithm.figures()
