"""Cells become networks of torch."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

import deapnets as dn
from deapnets.architectures.decoding import PairsNetwork
from deapnets.architectures.operations import NASBENCH201_OPERATIONS, NASNET_OPERATIONS
from deapnets.errors import ArchitectureError


@pytest.mark.parametrize("seed", range(4))
def test_drawn_cells_become_networks_that_learn(small, pairs, seed):
    random.seed(seed)
    for space in (small, pairs):
        genome = dn.CellGenome(space, space.draw())
        if "out(0)" in genome.canonical:
            continue
        net = genome.module(classes=7, channels=1)
        logits = net(torch.randn(2, 1, 12, 12))
        assert logits.shape == (2, 7)
        logits.square().sum().backward()
        assert net.parameters().__next__().grad is not None


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    "operation",
    [*NASBENCH201_OPERATIONS, *NASNET_OPERATIONS],
    ids=lambda operation: operation.name,
)
@pytest.mark.parametrize("size", [7, 8])
def test_operations_keep_channels_and_divide_the_size(operation, stride, size):
    made = operation.build(6, stride)(torch.randn(2, 6, size, size))
    assert made.shape == (2, 6, -(-size // stride), -(-size // stride))
    weights = sum(p.numel() for p in operation.build(6, stride).parameters())
    assert (weights > 0) == (operation.kind_at(stride) == "weighted")


def test_cells_without_a_path_are_refused(small):
    genome = small.parse("|none~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|nor_conv_1x1~2|")
    with pytest.raises(ArchitectureError, match="computes nothing: no path leads from the input"):
        genome.module()


def test_stack_and_width_say_how_many_cells_and_channels_there_are():
    space = dn.CellSpace("mine", combinations=2, stack=3, width=6)
    net = dn.CellGenome(space, space.draw()).module()
    assert isinstance(net, PairsNetwork)
    assert len(net.cells) == 3 * 3 + 2
    widths = [cell.last[1].out_channels for cell in net.cells]
    assert widths == [6] * 3 + [12] * 4 + [24] * 4


def test_counting_makes_no_weights_and_draws_nothing(pairs):
    genome = dn.CellGenome(pairs, pairs.draw())
    torch.manual_seed(1)
    before = torch.get_rng_state()
    parameters, flops = genome.parameters(), genome.flops()
    assert torch.equal(before, torch.get_rng_state())
    assert parameters == sum(p.numel() for p in genome.module().parameters())
    assert flops > 0


def test_operations_of_ones_own_become_part_of_the_network():
    double = dn.Operation("double", lambda channels, stride: nn.AvgPool2d(stride), "pure")
    space = dn.CellSpace("mine", operations=[double], combinations=1, stack=1, width=2)
    genome = dn.CellGenome(space, space.draw())
    assert genome.module()(torch.randn(1, 3, 8, 8)).shape == (1, 10)
    assert "double(" in genome.canonical
