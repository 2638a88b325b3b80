"""Crossover of programs: DEAP's, but for the order in which types are drawn."""

import copy
import random

import torch
from deap import gp

import deapnets as dn
from deapnets.operators.programs import swap_subtrees


def test_trees_of_one_type_swap_what_deap_swaps():
    space = dn.ProgramSpace(dn.primitive_set("small", ["x", "y"]), height=5, size=40, most=4)
    random.seed(2)
    pairs = [[gp.PrimitiveTree(space.draw()) for _ in range(2)] for _ in range(100)]
    differ = 0
    for number, pair in enumerate(pairs):
        ours, deaps = copy.deepcopy(pair), copy.deepcopy(pair)
        random.seed(number)
        swap_subtrees(*ours)
        random.seed(number)
        gp.cxOnePoint(*deaps)
        assert [list(tree) for tree in ours] == [list(tree) for tree in deaps]
        differ += ours != pair
    assert differ > 50


def test_types_are_drawn_in_the_order_of_the_first_tree(monkeypatch):
    class One(torch.Tensor): ...

    class Two(torch.Tensor): ...

    class Three(torch.Tensor): ...

    pset = gp.PrimitiveSetTyped("typed", [One, Two, Three], One)
    pset.addPrimitive(torch.add, [Three, Two], One, name="join")
    pset.addPrimitive(torch.mul, [Three, One], Three, name="pair")
    first = gp.PrimitiveTree.from_string("join(pair(ARG2, ARG0), ARG1)", pset)
    second = gp.PrimitiveTree.from_string("join(ARG2, ARG1)", pset)
    drawn = []
    choice = random.choice
    monkeypatch.setattr(random, "choice", lambda found: drawn.append(found) or choice(found))
    swap_subtrees(first, second)
    kinds, here, there = drawn
    assert kinds == [Three, Two]
    assert (here, there) in (([1, 2], [1]), ([4], [2]))
    assert {node.ret for node in (first[0], second[0])} == {One}
