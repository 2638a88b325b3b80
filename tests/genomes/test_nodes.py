"""Handles on weights and recipes: their names, their parents, and how they are let go."""

from __future__ import annotations

import gc
import pickle
import random
import weakref

import pytest
import torch

import deapnets as dn
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import made
from deapnets.genomes.nodes import DEEPEST, Node
from deapnets.genomes.weights import WeightGenome
from deapnets.operators.contract import operator


@operator(parents=1)
def mutBy(rows, draw, *, amount: float):
    return rows[0] + amount


def child(*parents: Node, operator=dn.cxUniform, seed: int = 7, **parameters: object) -> Node:
    return operator.child(parents, seed, operator.parameters(**parameters or {"indpb": 0.5}))


def longest_chain(node: Node) -> int:
    """Return how many recipes stand on each other below ``node``; by recursion, so not too many."""
    if node.recipe is None:
        return 0
    return 1 + max(longest_chain(parent) for parent in node.recipe.parents)


def test_leaves_of_equal_bytes_have_one_digest(leaf):
    assert leaf([1, 2]).digest == leaf([1, 2]).digest
    assert leaf([1, 2]).digest != leaf([2, 1]).digest
    assert len(leaf([1, 2]).digest) == 32


def test_digest_of_a_leaf_does_not_depend_on_how_its_weights_lie_in_memory(leaf):
    weights = torch.arange(10.0)
    strided = Node(leaf([0] * 5).layout, weights[::2])
    assert strided.digest == leaf([0, 2, 4, 6, 8]).digest


def test_recipes_of_equal_parts_have_one_digest(leaf):
    a, b = leaf([1, 2]), leaf([3, 4])
    assert child(a, b).digest == child(leaf([1, 2]), leaf([3, 4])).digest
    assert child(child(a, b), a).digest == child(child(a, b), a).digest


def test_each_part_of_a_recipe_changes_its_digest(leaf):
    a, b = leaf([1, 2]), leaf([3, 4])
    recipes = [
        child(a, b),
        child(b, a),
        child(a, a),
        child(a, b, seed=8),
        child(a, b, indpb=0.25),
        child(a, b, operator=dn.cxArithmetic, alpha=0.5),
        child(a, operator=dn.mutGaussian, sigma=0.5, indpb=0.25),
        child(a, operator=dn.mutGaussian, sigma=0.25, indpb=0.5),
        child(a, operator=dn.mutReset, sigma=0.25, indpb=0.5),
        child(child(a, b), b),
    ]
    assert len({node.digest for node in [a, b, *recipes]}) == 2 + len(recipes)


@pytest.mark.parametrize("first", [1, 1.0, True])
def test_equal_parameters_have_one_digest_whichever_came_first(leaf, first):
    nodes = [child(leaf([1, 2]), operator=mutBy, amount=v) for v in (first, 1, 1.0, True)]
    assert len({node.digest for node in nodes}) == 1
    assert child(leaf([1, 2]), operator=mutBy, amount=1.5).digest != nodes[0].digest


def test_digests_are_the_test_vectors(leaf):
    parent = leaf([1, 2, 3])
    mutated = child(parent, operator=dn.mutGaussian, sigma=0.1, indpb=1)
    assert parent.digest == "b04eeffb0e37766710f2e7f859e97c96"
    assert mutated.digest == "2e53afdbcf619f6638e88b4237600a11"
    assert child(parent, mutated, seed=2**64 - 1).digest == "128436f8484ca77724aec1c99ea9d86d"


def test_digest_makes_no_weights(leaf):
    @operator(parents=1)
    def mutNever(rows, draw):
        raise AssertionError("made")

    assert len(mutNever.child((leaf([1]),), 3, ()).digest) == 32


def test_settled_node_keeps_its_digest_and_weights(leaf):
    node, twin = (child(leaf([1, 2, 3]), leaf([4, 5, 6])) for _ in range(2))
    weights = made(node)
    node.settle(weights)
    assert node.recipe is None
    assert node.depth == 0
    assert node.digest == twin.digest != leaf(weights).digest
    assert torch.equal(made(node), made(twin))


def test_settled_node_lets_its_parents_go(leaf):
    parents = [leaf([1, 2]), leaf([3, 4])]
    node = child(*parents)
    held = [weakref.ref(parent) for parent in parents]
    del parents
    assert all(ref() is not None for ref in held)
    node.settle(made(node))
    assert all(ref() is None for ref in held)


def test_child_of_a_settled_node_keeps_its_digest(leaf):
    parent = child(leaf([1, 2]), leaf([3, 4]))
    before = child(parent, operator=dn.mutGaussian, sigma=1.0, indpb=1.0)
    parent.settle(made(parent))
    after = child(parent, operator=dn.mutGaussian, sigma=1.0, indpb=1.0)
    assert before.digest == after.digest
    assert torch.equal(made(before), made(after))


def test_depth_counts_the_recipes_below(leaf):
    a = leaf([1, 2])
    b = child(a, a)
    assert (a.depth, b.depth, child(a, b).depth, child(child(b, b), a).depth) == (0, 1, 2, 3)


def lineage(leaf, generations: int) -> tuple[WeightGenome, list[weakref.ref[Node]]]:
    """Return what comes of two individuals whose weights nobody asks for on the way."""
    pair = WeightGenome(leaf(range(30))), WeightGenome(leaf(range(30, 60)))
    ancestors = []
    for _ in range(generations):
        ancestors.append(weakref.ref(pair[0].node))
        dn.cxUniform(*pair, indpb=0.5)
        dn.mutGaussian(pair[0], sigma=0.1, indpb=0.1)
        assert max(individual.node.depth for individual in pair) <= DEEPEST
        assert longest_chain(pair[0].node) <= DEEPEST
    return pair[0], ancestors


def test_lineage_of_600_generations_nests_four_deep(leaf):
    individual, ancestors = lineage(leaf, 600)
    assert len(pickle.dumps(individual.node)) < 10_000
    assert torch.equal(pickle.loads(pickle.dumps(individual)).weights, individual.weights)
    gc.collect()
    assert sum(ref() is not None for ref in ancestors) <= DEEPEST
    del individual
    gc.collect()
    assert all(ref() is None for ref in ancestors)


def test_weights_do_not_depend_on_when_they_were_asked_for(leaf):
    random.seed(5)
    late, _ = lineage(leaf, 10)
    random.seed(5)
    early = WeightGenome(leaf(range(30))), WeightGenome(leaf(range(30, 60)))
    for _ in range(10):
        dn.cxUniform(*early, indpb=0.5)
        dn.mutGaussian(early[0], sigma=0.1, indpb=0.1)
        for individual in early:
            individual.node.settle(individual.weights)
    assert early[0] == late
    assert torch.equal(early[0].weights, late.weights)


def test_pickled_nodes_keep_sharing_their_parents(leaf):
    parent = child(leaf([1, 2, 3]), leaf([4, 5, 6]))
    nodes = [child(parent, leaf([7, 8, 9]), seed=seed) for seed in range(3)]
    back = pickle.loads(pickle.dumps(nodes))
    assert len({id(node.recipe.parents[0]) for node in back}) == 1
    assert [node.digest for node in back] == [node.digest for node in nodes]
    assert [node.depth for node in back] == [2, 2, 2]
    assert all(torch.equal(made(a), made(b)) for a, b in zip(nodes, back, strict=True))


def test_pickled_recipe_finds_its_operator_again(leaf):
    node = child(leaf([1, 2]), operator=mutBy, amount=1.0)
    back = pickle.loads(pickle.dumps(node))
    assert back.recipe.operator is mutBy
    assert made(back).tolist() == [2, 3]


def test_pickled_settled_node_keeps_its_digest(leaf):
    node = child(leaf([1, 2]), leaf([3, 4]))
    name = node.digest
    node.settle(made(node))
    assert pickle.loads(pickle.dumps(node)).digest == name


def test_pickled_row_of_a_chunk_does_not_carry_the_chunk(leaf):
    rows = torch.zeros(1000, 50)
    node = Node(leaf([0] * 50).layout, rows[3])
    assert len(pickle.dumps(node)) < 2000


def test_leaves_of_two_layouts_differ_whatever_their_bytes():
    zeros = torch.zeros(4)
    flat, square = Layout(("weight",), ((4,),)), Layout(("weight",), ((2, 2),))
    assert Node(flat, zeros).digest != Node(square, zeros).digest
    assert Node(flat, zeros).digest == Node(Layout(("weight",), ((4,),)), zeros).digest
