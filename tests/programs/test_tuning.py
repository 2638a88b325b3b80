"""Constants are tuned: a known one is found, and nothing gets worse."""

import random

import pytest
import torch

from deapnets.errors import OptionError
from deapnets.programs.trees import constants_of
from deapnets.programs.tuning import tune_adam, tune_es

X, Y = torch.linspace(-2, 2, 41), torch.zeros(41)


def loss_of(space, nodes):
    output = space.parse(space.text(nodes)).function()(X, Y)
    return float(torch.square(output - (3.0 * X + 0.5)).mean())


def test_adam_finds_the_constants_of_a_line(space):
    nodes = space.parse_genes("add(mul(x, 1.0), 0.0)")
    tuned = tune_adam(
        nodes, space.pset, (X, Y), lambda out: torch.square(out - (3.0 * X + 0.5)).mean(), 300
    )
    assert constants_of(tuned) == pytest.approx([3.0, 0.5], abs=0.05)


def test_es_gets_nearer_and_never_worse(space):
    random.seed(2)
    nodes = space.parse_genes("add(mul(x, 1.0), 0.1)")
    tuned, score = tune_es(nodes, lambda one: -loss_of(space, one), 200)
    assert -score < 0.05 * loss_of(space, nodes)
    assert loss_of(space, tuned) == pytest.approx(-score)
    assert tune_es(nodes, lambda one: float("nan"), 5)[1] == float("-inf")


def test_trees_without_constants_stay(space):
    nodes = space.parse_genes("add(x, y)")
    assert tune_adam(nodes, space.pset, (X, Y), torch.sum) == nodes
    assert tune_es(nodes, lambda one: 1.0) == (nodes, 1.0)


def test_a_loss_that_is_not_finite_leaves_the_constants(space):
    nodes = space.parse_genes("mul(x, 2.0)")
    tuned = tune_adam(nodes, space.pset, (X, Y), lambda out: out.sum() * float("nan"))
    assert constants_of(tuned) == [2.0]


def test_numbers_that_cannot_be_used_are_refused(space):
    with pytest.raises(OptionError, match="steps >= 0 and a finite sigma"):
        tune_es(space.draw(), lambda one: 0.0, -1)
    with pytest.raises(OptionError, match="steps >= 0 and a finite rate"):
        tune_adam(space.draw(), space.pset, (X, Y), torch.sum, rate=0.0)
