"""Proxies of untrained networks, by hand and against what they are to leave alone."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from deapnets.architectures.proxies import PROXIES, flops, naswot, parameters, synflow


@pytest.fixture
def net():
    torch.manual_seed(1)
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5)]
    return nn.Sequential(*layers)


@pytest.fixture
def inputs():
    return torch.randn(8, 3, 6, 6, generator=torch.Generator().manual_seed(2))


def test_sizes_are_those_of_the_layers(net, inputs):
    assert parameters(net, inputs) == 3 * 4 * 9 + 4 + 8 + 64 * 5 + 5
    assert flops(net, inputs) == 2 * (3 * 9 * 4 * 16 + 64 * 5)


def test_synaptic_flow_of_a_chain_is_that_of_its_product():
    torch.manual_seed(1)
    chain = nn.Sequential(nn.Linear(4, 3, bias=False), nn.Linear(3, 2, bias=False))
    first, second = (layer.weight.detach().double().abs() for layer in chain)
    through = (second @ first @ torch.ones(4, dtype=torch.float64)).sum()
    assert synflow(chain, torch.randn(5, 4)) == pytest.approx(math.log(2 * through))


def test_codes_are_compared_by_the_relus_that_they_switch():
    class Split(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(x)

    inputs = torch.tensor([[1.0, 1.0, -1.0], [1.0, -1.0, -1.0]])
    kernel = torch.tensor([[3.0, 2.0], [2.0, 3.0]], dtype=torch.float64)  # switched alike
    assert naswot(Split(), inputs) == pytest.approx(math.log(torch.linalg.det(kernel)))
    assert naswot(Split(), inputs[:1].repeat(2, 1)) == -math.inf
    assert naswot(nn.Linear(3, 1), inputs) == -math.inf


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_leaves_the_network_alone_and_says_the_same_again(net, inputs, name):
    before, mode = copy.deepcopy(net.state_dict()), net.training
    first = PROXIES[name](net, inputs)
    assert PROXIES[name](net, inputs) == first
    assert math.isfinite(first)
    assert net.training == mode
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(layer._forward_hooks for layer in net.modules())
