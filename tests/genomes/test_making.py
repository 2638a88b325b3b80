"""Nodes to rows: the same bits in any company, order, block, thread and process."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
import random
import subprocess
import sys
import weakref
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import deapnets as dn
from deapnets.genomes import making
from deapnets.genomes.making import made, make, shared_operands
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.operators.contract import operator

WIDTH = 150

MAKE_ELSEWHERE = """
import hashlib, pickle, sys, torch
from deapnets.genomes.making import make
nodes = pickle.load(sys.stdin.buffer)[::-1]
rows = torch.empty(len(nodes), nodes[0].layout.width)
make(nodes, rows)
print(hashlib.blake2b(rows.flip(0).numpy().tobytes()).hexdigest())
"""


@operator(parents=1)
def mutWide(rows, draw):
    """Compute in float64, as a core does that multiplies with what draw.uniform gives."""
    return rows[0] * (1 + draw.uniform()[:, None])


def family(leaf) -> list[Node]:
    """Return nodes of every kind, in no order: leaves, all operators, nested up to four deep."""
    random.seed(3)
    numbers = torch.Generator().manual_seed(3)
    leaves = [leaf(torch.randn(WIDTH, generator=numbers)) for _ in range(3)]
    individuals = [WeightGenome(node) for node in leaves]
    operators = [
        lambda a, b: dn.cxUniform(a, b, indpb=0.5),
        lambda a, b: dn.cxUniform(a, b, indpb=0.2),
        dn.cxOnePoint,
        dn.cxArithmetic,
        lambda a, b: dn.cxArithmetic(a, b, alpha=0.25),
        lambda a, _: dn.mutGaussian(a, sigma=0.1, indpb=0.1),
        lambda a, _: dn.mutGaussian(a, sigma=0.1, indpb=0.5),
        lambda a, _: dn.mutGaussian(a, sigma=0.1, indpb=1.0),
        lambda a, _: dn.mutReset(a, sigma=1.0, indpb=0.02),
        lambda a, _: mutWide(a),
    ]
    for _ in range(4):
        for apply in operators * 2:
            pair = copy.deepcopy(random.sample(individuals, 2))
            apply(*pair)
            individuals += pair
    nodes = [individual.node for individual in individuals]
    in_rows = twins(nodes[10:40])
    settle_in_rows(in_rows[:20])
    settle_in_rows(in_rows[20:])
    nodes += in_rows + [mutated(node, seed) for seed, node in enumerate(in_rows)]
    random.shuffle(nodes)
    return [pickle.loads(pickle.dumps(n)) if i % 3 == 0 else n for i, n in enumerate(nodes)]


def twins(nodes: list[Node]) -> list[Node]:
    return pickle.loads(pickle.dumps(nodes))


def settle_in_rows(nodes: list[Node]) -> torch.Tensor:
    """Settle ``nodes`` in rows that they share; return the rows."""
    rows = torch.empty(len(nodes), nodes[0].layout.width)
    make(nodes, rows)
    for row, node in enumerate(nodes):
        node.settle(rows, row)
    return rows


@pytest.fixture(scope="session")
def nodes(leaf) -> list[Node]:
    return family(leaf)


@pytest.fixture(scope="session")
def alone(nodes) -> torch.Tensor:
    """Return the weights of each node, made alone: ``[n, P]``."""
    return torch.stack([made(node) for node in nodes])


def rows_of(nodes: list[Node], dtype: torch.dtype = torch.float32) -> torch.Tensor:
    out = torch.full((len(nodes), nodes[0].layout.width), torch.nan, dtype=dtype)
    make(nodes, out)
    return out


def test_family_is_made_of_many_kinds_of_nodes(nodes):
    kinds = Counter(making._shape_of(node) for node in nodes)
    assert len(kinds) > 40
    assert max(kinds.values()) > 5
    assert {node.depth for node in nodes} == {0, 1, 2, 3, 4}


@given(data=st.data())
def test_node_has_the_same_bits_in_any_company_and_order(nodes, alone, data):
    indices = st.integers(0, len(nodes) - 1)
    picked = data.draw(st.lists(indices, min_size=1, max_size=40))
    assert torch.equal(rows_of([nodes[i] for i in picked]), alone[picked])


@pytest.mark.parametrize("block", [1, WIDTH, 2 * WIDTH, 5 * WIDTH, 1 << 30])
def test_node_has_the_same_bits_in_blocks_of_any_size(nodes, alone, block, monkeypatch):
    monkeypatch.setattr(making, "BLOCK", block)
    assert torch.equal(rows_of(nodes), alone)


@pytest.mark.parametrize("threads", [1, 3])
def test_node_has_the_same_bits_with_any_number_of_threads(nodes, alone, threads, monkeypatch):
    monkeypatch.setattr(making, "BLOCK", 2 * WIDTH)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert torch.equal(rows_of(nodes), alone)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_node_has_the_same_bits_in_another_process(nodes, alone):
    own = [node for node in nodes if "mutWide" not in operators_of(node)]
    kept = [i for i, node in enumerate(nodes) if "mutWide" not in operators_of(node)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "2"}
    answer = subprocess.run(
        [sys.executable, "-c", MAKE_ELSEWHERE],
        input=pickle.dumps(own),
        capture_output=True,
        check=True,
        env=environment,
    )
    here = hashlib.blake2b(alone[kept].numpy().tobytes()).hexdigest()
    assert answer.stdout.decode().strip() == here


def operators_of(node: Node) -> set[str]:
    if node.recipe is None:
        return set()
    return {node.recipe.operator.name}.union(*map(operators_of, node.recipe.parents))


@pytest.mark.gpu
def test_node_has_the_same_bits_on_cuda(leaf, alone):
    there = torch.empty(alone.shape, device="cuda")
    make(family(leaf), there)
    assert torch.equal(there.cpu(), alone)


def test_node_has_the_same_bits_when_its_parents_are_stored(leaf):
    def grandchild(settled: bool) -> torch.Tensor:
        random.seed(2)
        individual = WeightGenome(leaf(torch.linspace(0.1, 1, 40)))
        for _ in range(3):
            mutWide(individual)
            if settled:
                individual.node.settle(made(individual.node))
        return individual.weights

    assert torch.equal(grandchild(settled=False), grandchild(settled=True))


def test_nodes_that_settled_in_rows_are_who_they_were(nodes, alone):
    settled = twins([node for node in nodes if node.recipe is not None])
    names = [node.digest for node in settled]
    rows = settle_in_rows(settled)
    assert torch.equal(rows, alone[[node.recipe is not None for node in nodes]])
    assert [node.digest for node in settled] == names
    assert all(node.recipe is None and node.depth == 0 for node in settled)
    assert torch.equal(torch.stack([made(node) for node in settled]), rows)
    assert torch.equal(torch.stack([made(node) for node in twins(settled)]), rows)
    parents = [node for node in nodes if node.recipe is not None]
    assert torch.equal(*(rows_of([mutated(p, 5) for p in lot]) for lot in (parents, settled)))


def test_pickled_node_of_shared_rows_does_not_carry_the_others(leaf):
    lot = [mutated(leaf([0] * 100), seed) for seed in range(100)]
    settle_in_rows(lot)
    assert len(pickle.dumps(lot[7])) < 2000


def test_shared_rows_go_with_the_last_of_their_nodes(leaf):
    lot = [mutated(leaf([1, 2]), seed) for seed in range(3)]
    held = weakref.ref(settle_in_rows(lot))
    del lot[:2]
    assert held() is not None
    del lot[0]
    assert held() is None


def test_rows_of_half_the_width_are_rounded_weights(nodes, alone):
    assert torch.equal(rows_of(nodes, torch.bfloat16), alone.to(torch.bfloat16))


def test_no_nodes_need_no_rows():
    make([], torch.empty(0, 10))


def test_making_leaves_leaves_untouched(leaf):
    parents = [leaf(torch.randn(WIDTH)) for _ in range(2)]
    before = [parent.weights.clone() for parent in parents]
    rows_of(list(parents)).zero_()
    cores = {
        dn.cxUniform: {"indpb": 0.5},
        dn.cxOnePoint: {},
        dn.cxArithmetic: {},
        dn.mutGaussian: {"sigma": 1.0, "indpb": 0.1},
        dn.mutReset: {"sigma": 1.0, "indpb": 0.1},
    }
    for operator_, parameters in cores.items():
        lot = tuple(parents[: operator_.parents])
        rows_of([operator_.child(lot, 1, operator_.parameters(**parameters))] * 2).zero_()
    assert all(torch.equal(p.weights, b) for p, b in zip(parents, before, strict=True))


def test_made_gives_a_fresh_copy(nodes):
    for node in nodes[:20]:
        first = made(node)
        first.zero_()
        assert made(node).any()


def test_made_is_float32_on_the_cpu_whatever_torchs_defaults_are(nodes, alone):
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    rows = torch.zeros_like(alone)
    try:
        weights = [made(node) for node in nodes]
        make(nodes, rows)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    assert torch.equal(torch.stack(weights), alone)
    assert torch.equal(rows, alone)
    assert weights[0].dtype == torch.float32


def test_weights_made_without_gradients_can_be_trained(leaf):
    individual = WeightGenome(leaf([1, 2, 3]))
    with torch.inference_mode():
        dn.mutGaussian(individual, sigma=0.1, indpb=1.0)
        individual.node.settle(made(individual.node))
    weights = individual.weights.requires_grad_()
    weights.square().sum().backward()
    assert torch.equal(weights.grad, 2 * weights.detach())


def mutated(parent: Node, seed: int) -> Node:
    return dn.mutGaussian.child((parent,), seed, dn.mutGaussian.parameters(sigma=1.0, indpb=1.0))


def test_shared_operands_are_the_recipes_that_several_nodes_need(leaf):
    ancestor = leaf([1, 2])
    shared, own = mutated(ancestor, 1), mutated(ancestor, 2)
    children = [mutated(shared, 3), mutated(shared, 4), mutated(own, 5)]
    assert shared_operands(children) == [shared]


def test_shared_operands_hold_no_leaves(leaf):
    ancestor = leaf([1, 2])
    assert shared_operands([mutated(ancestor, seed) for seed in range(5)]) == []
    assert shared_operands([ancestor, ancestor]) == []


def test_shared_operands_stand_before_what_is_made_from_them(leaf):
    grandparent = mutated(leaf([1, 2]), 1)
    parents = [mutated(grandparent, 2), mutated(grandparent, 3)]
    children = [mutated(parent, seed) for parent in parents for seed in (4, 5)]
    operands = shared_operands(children)
    assert operands[0] is grandparent
    assert {id(node) for node in operands[1:]} == {id(node) for node in parents}


def test_recipe_that_is_its_own_partner_is_shared(leaf):
    parent = mutated(leaf([1, 2]), 1)
    child = dn.cxUniform.child((parent, parent), 2, dn.cxUniform.parameters(indpb=0.5))
    assert shared_operands([child]) == [parent]
