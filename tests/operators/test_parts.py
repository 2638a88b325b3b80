"""Which columns of a row belong together."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deapnets.genomes.layout import Layout
from deapnets.operators.parts import layer_leaders, layers_of, parameter_numbers, unit_leaders

MODULES = {
    "linear": (nn.Linear(3, 2), [["weight", "bias"]]),
    "no bias": (nn.Linear(3, 2, bias=False), [["weight"]]),
    "convolution": (nn.Conv2d(2, 3, 3), [["weight", "bias"]]),
    "norm": (nn.BatchNorm1d(4), [["weight", "bias"]]),
    "embedding": (nn.Embedding(5, 2), [["weight"]]),
    "recurrent": (
        nn.LSTM(2, 3),
        [["weight_ih_l0", "bias_ih_l0"], ["weight_hh_l0", "bias_hh_l0"]],
    ),
    "attention": (
        nn.MultiheadAttention(4, 2),
        [["in_proj_weight", "in_proj_bias"], ["out_proj.weight", "out_proj.bias"]],
    ),
    "two layers": (
        nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 2)),
        [["0.weight", "0.bias"], ["2.weight", "2.bias"]],
    ),
    # Its rows are inputs, so its bias is no part of them.
    "transposed": (nn.ConvTranspose2d(2, 3, 3), [["weight"], ["bias"]]),
}


@pytest.mark.parametrize(("module", "names"), MODULES.values(), ids=MODULES)
def test_a_layer_is_a_parameter_with_its_bias(module, names):
    layers = layers_of(Layout.of(module))
    assert [[part.name for part in layer] for layer in layers] == names


@pytest.mark.parametrize("module", [module for module, _ in MODULES.values()], ids=MODULES)
def test_parts_are_where_the_layout_splits_a_row(module):
    layout = Layout.of(module)
    row = torch.arange(layout.width)
    named = layout.split(row)
    for layer in layers_of(layout):
        for part in layer:
            assert torch.equal(row[part.start : part.end].view(part.shape), named[part.name])


def test_a_unit_is_a_row_with_its_element_of_the_bias():
    net = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(2, 2))
    assert unit_leaders(Layout.of(net)).tolist() == [
        *[0, 0, 0, 0, 4, 4, 4, 4, 0, 4],  # two filters of four weights, then their biases
        *[10, 10, 12, 12, 10, 12],  # two rows of two weights, then their biases
    ]


def test_a_layers_leader_is_its_first_weight():
    net = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1))
    assert layer_leaders(Layout.of(net)).tolist() == [0, 0, 0, 0, 4, 4, 4]


def test_parameters_are_numbered_in_their_order():
    net = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1))
    assert parameter_numbers(Layout.of(net)).tolist() == [0, 0, 1, 1, 2, 2, 3]


def test_a_number_without_dimensions_is_a_unit():
    layout = Layout(("scale", "shift"), ((), ()))
    assert unit_leaders(layout).tolist() == [0, 1]
