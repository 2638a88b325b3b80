"""Tensors in tuples, lists and dicts."""

from __future__ import annotations

import re
from collections import namedtuple

import pytest
import torch

from deapnets.errors import EvaluationError
from deapnets.networks.trees import join_trees, require_tensors, stack_trees, tensors_of

Pair = namedtuple("Pair", "mean spread")


def tree(value: float):
    return {"a": torch.full((2,), value), "b": [Pair(torch.tensor(value), None), ()]}


def test_trees_are_stacked_in_their_own_form():
    stacked = stack_trees([tree(1.0), tree(2.0), tree(3.0)], "Net")
    assert stacked["a"].tolist() == [[1, 1], [2, 2], [3, 3]]
    assert isinstance(stacked["b"][0], Pair)
    assert stacked["b"][0].mean.tolist() == [1, 2, 3]
    assert (stacked["b"][0].spread, stacked["b"][1]) == (None, ())
    joined = join_trees([stacked, stacked])
    assert [tuple(tensor.shape) for tensor in tensors_of(joined)] == [(6, 2), (6,)]


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ("text", "Net returned str; a network must return a tensor"),
        ((torch.zeros(2), 1), "Net returned tuple with int; "),
        ({"a": [object()]}, "Net returned dict with object; "),
        ((None, []), "Net returned None; "),
    ],
)
def test_what_is_no_tensor_is_named(outputs, said):
    with pytest.raises(EvaluationError, match=said):
        require_tensors(outputs, "Net")


def test_trees_of_different_numbers_of_tensors_are_refused():
    one, two = (torch.zeros(2),), (torch.zeros(2), torch.zeros(3))
    said = r"Net returned outputs of different shapes for different weights: \[2\] and \[2\], \[3\]"
    with pytest.raises(EvaluationError, match=said):
        stack_trees([one, two], "Net")


def test_nested_tensors_are_refused():
    nested = torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)], layout=torch.jagged)
    said = "Net returned a nested tensor, and those of several networks cannot be stacked. Pad it: "
    for outputs in (nested, (torch.zeros(2), nested)):
        with pytest.raises(EvaluationError, match=re.escape(said)):
            require_tensors(outputs, "Net")
