"""`OperatorContract`: a child follows from its parents, its seed and the parameters alone."""

from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from deapnets.genomes.layout import Layout
from deapnets.genomes.making import made
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.operators.contract import Operator, find_operator
from deapnets.testing.contract import Contract

Rows = list[torch.Tensor]


class OperatorContract(Contract):
    """What every ``@deapnets.operator`` does; ``cases`` are pairs of operator and parameters.

    class TestFlipSign(OperatorContract):
        cases = [(mutFlipSign, {"indpb": 0.5})]
    """

    count = 20
    """Children that are made together."""

    def module(self) -> nn.Module:
        """Return the module whose weights are parents; override it where the operator asks."""
        return nn.Sequential(nn.Linear(9, 12), nn.Tanh(), nn.Linear(12, 5))

    @pytest.fixture
    def layout(self) -> Layout:
        """Return the layout of the parents."""
        return Layout.of(self.module())

    @pytest.fixture
    def operator(self, case: Any) -> Operator:
        """Return the operator."""
        found: Operator = case[0]
        assert isinstance(found, Operator), f"{found!r} was not made by @deapnets.operator"
        return found

    @pytest.fixture
    def settings(self, case: Any, operator: Operator) -> Any:
        """Return the checked parameters."""
        return operator.parameters(**case[1])

    @pytest.fixture
    def rows(self, operator: Operator, layout: Layout) -> Rows:
        """Return ``[count, P]`` for each parent."""
        return [torch.randn(self.count, layout.width) for _ in range(operator.parents)]

    @pytest.fixture
    def seeds(self) -> Any:
        """Return a seed for each child, the first and the last one there are among them."""
        return np.array([0, *range(1, self.count - 1), 2**64 - 1], dtype=np.uint64)

    @pytest.fixture
    def individuals(self, operator: Operator, layout: Layout) -> list[WeightGenome]:
        """Return as many individuals as the operator takes."""
        return self._parents(operator, layout)

    def _parents(self, operator: Operator, layout: Layout) -> list[WeightGenome]:
        generator = torch.Generator().manual_seed(7)
        return [
            WeightGenome(Node(layout, torch.randn(layout.width, generator=generator)))
            for _ in range(operator.parents)
        ]

    # --- the core ---

    def test_children_have_their_parents_shape_and_are_finite(
        self, operator: Operator, settings: Any, rows: Rows, seeds: Any, layout: Layout
    ) -> None:
        children = operator.make(rows, seeds, settings, layout)
        assert children.shape == rows[0].shape
        assert children.dtype == torch.float32
        assert bool(children.isfinite().all())

    def test_a_child_alone_is_the_child_in_company(
        self, operator: Operator, settings: Any, rows: Rows, seeds: Any, layout: Layout
    ) -> None:
        together = operator.make(rows, seeds, settings, layout)
        for i in range(len(seeds)):
            own = [lot[i : i + 1] for lot in rows]
            assert torch.equal(
                operator.make(own, seeds[i : i + 1], settings, layout)[0], together[i]
            )

    def test_parents_are_left_as_they_were_and_lent_to_no_child(
        self, operator: Operator, settings: Any, rows: Rows, seeds: Any, layout: Layout
    ) -> None:
        before = [lot.clone() for lot in rows]
        operator.make(rows, seeds, settings, layout).zero_()
        assert all(torch.equal(lot, old) for lot, old in zip(rows, before, strict=True))

    def test_one_row_that_stands_for_all_is_as_good_as_copies(
        self, operator: Operator, settings: Any, seeds: Any, layout: Layout
    ) -> None:
        row = torch.randn(1, layout.width)
        count = len(seeds)
        shared = operator.make([row.expand(count, -1)] * operator.parents, seeds, settings, layout)
        own = operator.make([row.repeat(count, 1)] * operator.parents, seeds, settings, layout)
        assert torch.equal(shared, own)

    def test_it_draws_from_nothing_but_its_seed(
        self, operator: Operator, settings: Any, rows: Rows, seeds: Any, layout: Layout
    ) -> None:
        children = []
        for other in (1, 2):
            random.seed(other)
            np.random.seed(other)
            torch.manual_seed(other)
            children.append(operator.make(rows, seeds, settings, layout))
        assert torch.equal(*children)

    # --- as DEAP calls it ---

    def test_individuals_change_in_place_and_their_old_nodes_stay(
        self, operator: Operator, case: Any, individuals: list[WeightGenome]
    ) -> None:
        old = [one.node for one in individuals]
        before = [one.weights for one in individuals]
        back = operator(*individuals, **case[1])
        assert isinstance(back, tuple)
        assert all(a is b for a, b in zip(back, individuals, strict=True))
        assert all(one.node not in old for one in individuals)
        assert all(torch.equal(made(n), w) for n, w in zip(old, before, strict=True))

    def test_a_call_draws_one_seed_and_makes_no_weights(
        self, operator: Operator, case: Any, individuals: list[WeightGenome]
    ) -> None:
        operator(*individuals, **case[1])
        after = random.random()
        random.seed(1)
        random.getrandbits(64)
        assert random.random() == after
        assert all(one.node.weights is None for one in individuals)

    def test_pythons_random_decides_the_child(
        self, operator: Operator, case: Any, layout: Layout
    ) -> None:
        found = []
        for seed in (3, 3, 4):
            random.seed(seed)
            found.append(operator(*self._parents(operator, layout), **case[1])[0])
        assert found[0] == found[1] != found[2]
        assert torch.equal(found[0].weights, found[1].weights)

    def test_a_child_survives_a_pickle(
        self, operator: Operator, case: Any, individuals: list[WeightGenome]
    ) -> None:
        if "<locals>" in operator.reference:
            pytest.skip("it is not at the top level of a module")
        assert find_operator(operator.reference) is operator
        child = operator(*individuals, **case[1])[0]
        assert torch.equal(made(pickle.loads(pickle.dumps(child.node))), child.weights)
