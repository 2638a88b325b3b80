"""`EvaluatorContract`: what a plugin's evaluator must do, beside scoring networks."""

from __future__ import annotations

import copy
import json
import math
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from deapnets.algorithms.ga import individual_class
from deapnets.checking.checks import check
from deapnets.engines import pickling
from deapnets.engines.sending import Machine, Sender, take_state
from deapnets.evaluators.base import Evaluator, score
from deapnets.mapping import PopulationMap
from deapnets.operators.initialisation import initWeights
from deapnets.plugins import EVALUATORS, FoundPlugin, find
from deapnets.randomness import Stream
from deapnets.runs.packing import pack, unpack
from deapnets.testing.contract import Contract

Make = Callable[[], Evaluator]


class EvaluatorContract(Contract):
    """What every evaluator of weights does; ``cases`` are pairs of class and options.

        class TestParity(EvaluatorContract):
            cases = [(Parity, {"bits": 3})]

    Choose options that need no download and make an evaluation quick.
    """

    population_size = 5
    """Networks of a chunk."""

    spread = 0.5
    """Deviation of their weights round the module's."""

    tolerance = 1e-4
    """Relative difference of fitness that rounding may make."""

    @pytest.fixture
    def make(self, case: Any) -> Make:
        """Return a function that makes the evaluator, the same one each time."""
        kind, options = case

        def make() -> Evaluator:
            torch.manual_seed(1)  # a module draws its initial weights
            evaluator: Evaluator = kind(**options)
            evaluator.genome()
            return evaluator

        return make

    @pytest.fixture
    def evaluator(self, make: Make) -> Evaluator:
        """Return the evaluator."""
        return make()

    @pytest.fixture
    def population(self, evaluator: Evaluator) -> list[Any]:
        """Return individuals round its module."""
        kind = individual_class(evaluator)
        net, part = evaluator.genome(), evaluator.parameters
        return [
            initWeights(kind, net, sigma=self.spread, parameters=part)
            for _ in range(self.population_size)
        ]

    # --- what it costs to find it, and to make it ---

    def test_importing_and_making_it_is_cheap_and_its_options_are_explained(
        self, case: Any
    ) -> None:
        """In a process of its own, as ``deapnets plugins check`` does it."""
        result = next(check([_as_plugin(case[0])], options=_json_values(case[1])))
        assert result.problem is None
        assert list(result.faults) == []

    def test_its_module_is_always_the_same_object(self, evaluator: Evaluator) -> None:
        assert isinstance(evaluator.genome(), nn.Module)
        assert evaluator.genome() is evaluator.genome()

    # --- fitness ---

    def test_fitness_is_finite_with_a_value_for_each_objective(
        self, evaluator: Evaluator, population: list[Any]
    ) -> None:
        scores = PopulationMap(device="cpu", seed=1)(evaluator, population)
        assert len(scores) == len(population)
        assert all(len(values) == len(evaluator.weights) for values in scores)
        assert all(math.isfinite(value) for values in scores for value in values)

    def test_a_chunk_has_the_fitness_of_its_networks_one_by_one(
        self, make: Make, population: list[Any]
    ) -> None:
        """However they are computed: batched, or by the module itself in a loop."""
        together = PopulationMap(device="cpu", seed=1)(make(), copy.deepcopy(population))
        one_by_one = PopulationMap(device="cpu", seed=1, path="loop", chunk=1)
        alone = one_by_one(make(), copy.deepcopy(population))
        for batched, single in zip(together, alone, strict=True):
            assert batched == pytest.approx(single, rel=self.tolerance, abs=self.tolerance)

    def test_fitness_does_not_depend_on_where_a_network_stands(
        self, make: Make, population: list[Any]
    ) -> None:
        forwards = PopulationMap(device="cpu", seed=1)(make(), copy.deepcopy(population))
        backwards = PopulationMap(device="cpu", seed=1)(make(), copy.deepcopy(population[::-1]))
        for one, other in zip(forwards, backwards[::-1], strict=True):
            assert one == pytest.approx(other, rel=self.tolerance, abs=self.tolerance)

    def test_one_seed_gives_one_fitness(self, make: Make, population: list[Any]) -> None:
        first, second = (
            PopulationMap(device="cpu", seed=1)(make(), copy.deepcopy(population)) for _ in "12"
        )
        assert first == second

    def test_evaluating_changes_neither_weights_nor_module(
        self, evaluator: Evaluator, population: list[Any]
    ) -> None:
        weights = [one.weights for one in population]
        module = copy.deepcopy(evaluator.genome().state_dict())
        PopulationMap(device="cpu", seed=1)(evaluator, population)
        assert all(torch.equal(o.weights, w) for o, w in zip(population, weights, strict=True))
        after = evaluator.genome().state_dict()
        assert all(torch.equal(after[name], value) for name, value in module.items())

    # --- state, and travelling ---

    def test_a_state_survives_a_file_and_another_evaluator_goes_on_from_it(
        self, make: Make, population: list[Any]
    ) -> None:
        """As a run stores it: plain values in dicts and lists, tensors, individuals."""
        first, second = make(), make()
        mapping = PopulationMap(device="cpu", seed=1)
        for _ in range(2):
            with mapping.generation():
                mapping(first, copy.deepcopy(population))
        stored = pack(first.state_dict())
        second.load_state_dict(unpack(stored, [individual_class(second)]))
        assert pack(second.state_dict()).document == stored.document
        others = [PopulationMap(device="cpu", seed=1) for _ in "12"]
        scores = []
        for evaluator, other in zip((first, second), others, strict=True):
            other.load_state_dict(mapping.state_dict())
            with other.generation():
                scores.append(other(evaluator, copy.deepcopy(population)))
        assert scores[0] == scores[1]

    def test_a_copy_in_a_worker_scores_alike(
        self, case: Any, make: Make, population: list[Any]
    ) -> None:
        """It is made again by name and options where it is a plugin's, and pickled elsewhere."""
        here = self._installed(case) or make()
        layout, sender = here.layout(), Sender()
        here.prepare(population, 0, Stream(1))
        _, pickled = sender.spec(here, layout, Machine("cpu", 1 << 20, "", None))
        there = pickling.loads(pickled).evaluator()
        _, state = sender.state(here)
        if state:
            take_state(there, state)
        expected = score(here, here.networks(*population), {})
        assert torch.equal(score(there, there.networks(*population), {}), expected)

    # --- what is held out ---

    def test_validation_gives_finite_figures_with_a_fitness_among_them(
        self, evaluator: Evaluator, population: list[Any]
    ) -> None:
        figures = evaluator.validate(evaluator.networks(*population))
        assert not figures or "fitness" in figures
        for name, values in figures.items():
            assert tuple(values.shape) == (len(population),), name
            assert bool(torch.as_tensor(values).isfinite().all()), name

    def test_measured_figures_are_finite_numbers_and_the_baselines_are_among_them(
        self, evaluator: Evaluator, population: list[Any]
    ) -> None:
        mapping = PopulationMap(device="cpu", seed=1)
        for _ in range(2):  # a run measures behind its last generation
            with mapping.generation():
                mapping(evaluator, population)
        measured = evaluator.measure(population[0])
        fine = {k: isinstance(v, int | float) and math.isfinite(v) for k, v in measured.items()}
        assert fine == dict.fromkeys(measured, True)
        assert evaluator.baseline().keys() <= measured.keys()

    def test_a_loss_that_is_said_to_be_there_can_be_differentiated(
        self, evaluator: Evaluator, population: list[Any]
    ) -> None:
        if not evaluator.differentiable:
            pytest.skip("it says that it has no loss to differentiate")
        evaluator.prepare(population, 0, Stream(1))
        module = population[0].module(evaluator.genome())
        loss = evaluator.loss_of(module, torch.device("cpu"))
        assert loss.shape == ()
        (gradient, *_) = torch.autograd.grad(loss, list(module.parameters())[-1:])
        assert bool(gradient.isfinite().all())

    def test_a_complete_network_takes_real_inputs(
        self, evaluator: Evaluator, population: list[Any]
    ) -> None:
        """What ``deapnets export`` writes, and ``deapnets predict`` asks."""
        examples = evaluator.examples(3)
        if examples is None:
            pytest.skip("it has no real inputs")
        with torch.no_grad():
            outputs = evaluator.complete(population[0]).eval()(examples)
        assert len(outputs) == len(examples) <= 3
        assert bool(outputs.isfinite().all())
        assert not evaluator.classifies or outputs.dim() == 2

    def _installed(self, case: Any) -> Evaluator | None:
        """Return the evaluator as its entry point makes it; None where it has none."""
        kind, options = case
        reference = f"{kind.__module__}:{kind.__qualname__}"
        for found in find(EVALUATORS):
            if found.reference == reference:
                torch.manual_seed(1)
                evaluator: Evaluator = found.load().make(**options).instance
                return evaluator
        return None


def _as_plugin(kind: Any) -> FoundPlugin:
    """Return a class as if it were installed; the test is skipped where nobody could import it."""
    if not isinstance(kind, type):
        pytest.skip("it is no class that could be a plugin")
    package = kind.__module__.partition(".")[0]
    there = any(finder.find_spec(package, None) for finder in sys.meta_path)
    if not there or "<locals>" in kind.__qualname__:
        pytest.skip(f"{kind.__module__} cannot be imported by its name")
    reference = f"{kind.__module__}:{kind.__qualname__}"
    return FoundPlugin(kind.__name__, EVALUATORS, "this checkout", "", reference)


def _json_values(options: Any) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(json.dumps(dict(options)))
    except TypeError:
        pytest.skip("its options are not JSON values")
    return values
