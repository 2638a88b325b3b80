"""Random numbers in ``forward``: the same for every network and call, wherever they come from."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn


class Noisy(nn.Module):
    """Adds a number that ``draw`` draws."""

    def __init__(self, draw):
        super().__init__()
        self.layer, self.draw = nn.Linear(3, 2), draw

    def forward(self, inputs):
        return self.layer(inputs) + self.draw()


class Owner(nn.Module):
    """Has a generator of its own."""

    def __init__(self, generator, draw):
        super().__init__()
        self.layer, self.generator, self.draw = nn.Linear(3, 2), generator, draw

    def forward(self, inputs):
        return self.layer(inputs) + self.draw(self.generator)


class Later(nn.Module):
    """Draws where there are many rows."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, inputs):
        more = torch.randn(()) if len(inputs) > 4 else 0.0
        return self.layer(inputs) + more


MODULES = {
    "torch": lambda: Noisy(lambda: torch.rand(())),
    "python": lambda: Noisy(random.random),
    "numpy": lambda: Noisy(lambda: np.random.random()),
    "own torch": lambda: Owner(
        torch.Generator().manual_seed(3), lambda own: torch.rand((), generator=own)
    ),
    "own python": lambda: Owner(random.Random(3), lambda own: own.random()),
    "own numpy": lambda: Owner(np.random.default_rng(3), lambda own: own.random()),
    "own legacy numpy": lambda: Owner(np.random.RandomState(3), lambda own: own.random()),
}


def added(networks, inputs):
    """Return what was added to the outputs of each network, which are all the same but for that."""
    shift = networks(inputs) - networks.layer(inputs)
    torch.testing.assert_close(shift, shift[:, :1, :1].expand_as(shift))
    return shift[:, 0, 0]


@pytest.fixture
def networks(networks_of):
    """Return a function that makes five networks of a module, which know their layer's outputs."""

    def make(module, path):
        networks = networks_of(module, path=path)
        rows = networks.parameters()
        networks.layer = lambda inputs: (
            inputs @ rows["layer.weight"].mT + rows["layer.bias"][:, None]
        )
        return networks

    return make


@pytest.mark.usefixtures("_threads_restored")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("path", ["vmap", "loop"])
@pytest.mark.parametrize("kind", MODULES)
def test_every_network_draws_the_same_in_every_call(kind, path, threads, networks):
    torch.set_num_threads(threads)
    five, inputs = networks(MODULES[kind](), path), torch.randn(6, 3)
    first, second = added(five, inputs), added(five, inputs)
    torch.testing.assert_close(first, first[:1].expand(5))
    assert torch.equal(first, second)
    assert abs(float(first[0])) > 1e-3


@pytest.mark.parametrize("path", ["vmap", "loop"])
@pytest.mark.parametrize("kind", MODULES)
def test_the_generators_of_others_are_where_they_were(kind, path, networks):
    def states():
        legacy = np.random.get_state()
        return torch.get_rng_state().tolist(), random.getstate(), legacy[1].tolist(), legacy[2:]

    five, before = networks(MODULES[kind](), path), states()
    for _ in range(2):
        five(torch.randn(6, 3, generator=torch.Generator().manual_seed(1)))
        assert states() == before


@pytest.mark.parametrize("path", ["vmap", "loop"])
def test_what_is_drawn_in_some_calls_alone_is_the_same_too(path, networks):
    five = networks(Later(), path)
    assert float(added(five, torch.randn(2, 3)).abs().max()) < 1e-5
    before = torch.get_rng_state()
    inputs = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    first, second = added(five, inputs), added(five, inputs)
    torch.testing.assert_close(first, first[:1].expand(5))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)
