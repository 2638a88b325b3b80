"""`ArchitectureContract` of evaluators of structures, `SpaceContract` of spaces of them."""

from __future__ import annotations

import json
import math
import pickle
import random
from typing import Any

import pytest

from deapnets.architectures.spaces import SearchSpace, SpaceGenome
from deapnets.checking.checks import check
from deapnets.errors import DeapnetsError, EvaluationError
from deapnets.evaluators.architectures import ArchitectureEvaluator, Outcome
from deapnets.testing.contract import Contract
from deapnets.testing.evaluators import _as_plugin, _json_values


class SpaceContract(Contract):
    """What every `deapnets.SearchSpace` does; ``cases`` are pairs of class and options.

    class TestMine(SpaceContract):
        cases = [(MySpace, {"depth": 3})]
    """

    steps = 25
    """Mutations of one genome."""

    @pytest.fixture
    def space(self, case: Any) -> SearchSpace:
        """Return the space."""
        space: SearchSpace = case[0](**case[1])
        return space

    def grown(self, space: SearchSpace) -> list[SpaceGenome]:
        """Return a genome of each step of a random walk."""
        genes, found = space.draw(), []
        for _ in range(self.steps):
            found.append(space.individual(None, genes))
            genes = space.vary(genes)
        return found

    def test_what_is_drawn_and_varied_is_of_the_space(self, space: SearchSpace) -> None:
        for one in self.grown(space):
            assert space.checked(one.genes) == one.genes

    def test_every_genome_comes_back_from_text_and_json(self, space: SearchSpace) -> None:
        for one in self.grown(space):
            assert space.parse(str(one)) == one
            assert space.from_json(one.to_json()) == one

    def test_every_genome_comes_back_from_a_pickle_with_its_key(self, space: SearchSpace) -> None:
        for one in self.grown(space):
            back = pickle.loads(pickle.dumps(one))
            assert back == one
            assert back.key == one.key

    def test_pythons_random_decides_what_is_drawn(self, space: SearchSpace) -> None:
        walks = []
        for seed in (3, 3, 4):
            random.seed(seed)
            walks.append([str(one) for one in self.grown(space)])
        assert walks[0] == walks[1] != walks[2]

    def test_varying_leaves_the_genes(self, space: SearchSpace) -> None:
        genes = space.draw()
        before = space.text(genes)
        for _ in range(self.steps):
            space.vary(genes)
        assert space.text(genes) == before

    def test_two_spaces_of_the_same_options_are_equal(self, case: Any, space: SearchSpace) -> None:
        again = case[0](**case[1])
        assert again == space
        assert json.loads(json.dumps(again.describe())) == json.loads(json.dumps(space.describe()))

    def test_a_text_that_is_nothing_is_one_clear_line(self, space: SearchSpace) -> None:
        with pytest.raises(DeapnetsError) as caught:
            space.parse("this is no genome of any space")
        assert "\n" not in str(caught.value)


class ArchitectureContract(Contract):
    """What every `deapnets.ArchitectureEvaluator` does; ``cases`` are pairs of class and options.

    class TestMine(ArchitectureContract):
        cases = [(MyTask, {"dataset": "digits", "epochs": 1})]
    """

    individuals = 3
    """How many are evaluated."""

    @pytest.fixture
    def evaluator(self, case: Any) -> ArchitectureEvaluator:
        """Return the evaluator."""
        evaluator: ArchitectureEvaluator = case[0](**case[1])
        return evaluator

    def drawn(self, space: SearchSpace) -> list[SpaceGenome]:
        """Return genomes of a random walk."""
        genes, found = space.draw(), []
        for _ in range(self.individuals):
            found.append(space.individual(None, genes))
            genes = space.vary(genes)
        return found

    def test_importing_and_making_it_is_cheap_and_its_options_are_explained(
        self, case: Any
    ) -> None:
        result = next(check([_as_plugin(case[0])], options=_json_values(case[1])))
        assert result.problem is None
        assert list(result.faults) == []

    def test_its_space_is_always_the_same_object(self, evaluator: ArchitectureEvaluator) -> None:
        assert evaluator.space() is evaluator.space()

    def test_fidelities_ascend(self, evaluator: ArchitectureEvaluator) -> None:
        assert list(evaluator.fidelities) == sorted(set(evaluator.fidelities))
        assert evaluator.fidelities[0] > 0

    def test_an_outcome_follows_from_genome_fidelity_and_seed(
        self, case: Any, evaluator: ArchitectureEvaluator
    ) -> None:
        """Two evaluators, because one may remember what it trained."""
        other = case[0](**case[1])
        for one in self.drawn(evaluator.space()):
            outcome = evaluator.outcome(one, evaluator.fidelities[0], 5)
            assert isinstance(outcome, Outcome)
            assert all(map(math.isfinite, outcome.values))
            assert len(outcome.values) == len(evaluator.weights)
            again = other.outcome(one, evaluator.fidelities[0], 5)
            assert (again.values, again.records) == (outcome.values, outcome.records)

    def test_an_outcome_is_never_worse_than_what_cannot_be_trained(
        self, evaluator: ArchitectureEvaluator
    ) -> None:
        for one in self.drawn(evaluator.space()):
            values = evaluator.outcome(one, evaluator.fidelities[0], 5).values
            for value, weight in zip(values, evaluator.weights, strict=True):
                assert value * weight >= evaluator.infeasible * weight

    def test_it_travels_in_a_pickle(self, evaluator: ArchitectureEvaluator) -> None:
        one = self.drawn(evaluator.space())[0]
        there = pickle.loads(pickle.dumps(evaluator))
        fidelity = evaluator.fidelities[0]
        assert there.outcome(one, fidelity, 5).values == evaluator.outcome(one, fidelity, 5).values

    def test_measured_figures_are_finite_numbers(self, evaluator: ArchitectureEvaluator) -> None:
        one = self.drawn(evaluator.space())[0]
        evaluator.outcome(one, evaluator.fidelities[-1], 5)
        figures = evaluator.measure(one)
        assert all(isinstance(v, int | float) and math.isfinite(v) for v in figures.values())

    def test_a_genome_of_another_kind_is_refused(self, evaluator: ArchitectureEvaluator) -> None:
        with pytest.raises(EvaluationError):
            evaluator([1, 2, 3])
