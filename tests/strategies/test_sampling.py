"""The children of a strategy, and the sums over their noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from deapnets.genomes.making import made
from deapnets.genomes.nodes import Node
from deapnets.operators.ancestors import ancestor_of
from deapnets.strategies import sampling
from deapnets.strategies.sampling import Isotropic, LowRank, Separable

SEEDS = np.arange(1, 30, dtype=np.uint64)


@pytest.fixture
def centre(net) -> Node:
    return ancestor_of(net)


def deviations(centre: Node) -> Node:
    return Node(centre.layout, torch.linspace(0.1, 2.0, centre.layout.width))


SAMPLERS = {
    "isotropic": lambda centre: Isotropic(centre, 0.5),
    "laplace": lambda centre: Isotropic(centre, 0.5, "laplace"),
    "separable": lambda centre: Separable(centre, deviations(centre)),
    "rank 1": lambda centre: LowRank(centre, 0.5, 1),
    "rank 2": lambda centre: LowRank(centre, 0.5, 2),
}


@pytest.fixture(params=SAMPLERS)
def sampler(request, centre):
    return SAMPLERS[request.param](centre)


def noise_of(sampler, centre) -> torch.Tensor:
    """Return the noise of each seed with deviation 1, from the children themselves."""
    rows = torch.stack([made(sampler.child(int(seed), False)) for seed in SEEDS])
    scale = 0.5 if not isinstance(sampler, Separable) else deviations(centre).weights
    return (rows - centre.weights) / scale


def test_a_mirrored_child_lies_as_far_on_the_other_side_of_the_centre(sampler, centre):
    plus, minus = (made(sampler.child(5, mirrored)) for mirrored in (False, True))
    assert not torch.equal(plus, minus)
    torch.testing.assert_close(plus + minus, 2 * centre.weights)


def test_children_of_the_same_seed_are_the_same_and_of_others_are_not(sampler):
    first, again, other = (made(sampler.child(seed, False)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_first_sum_is_that_of_the_childrens_noise(sampler, centre):
    weights = torch.linspace(-1, 1, len(SEEDS))
    expected = weights @ noise_of(sampler, centre)
    torch.testing.assert_close(sampler.sums(SEEDS, weights)[0], expected, rtol=1e-4, atol=1e-4)


def test_the_second_sum_is_that_of_the_noises_squares(centre):
    sampler = Separable(centre, deviations(centre))
    first, second = torch.linspace(-1, 1, len(SEEDS)), torch.linspace(2, 3, len(SEEDS))
    linear, squares = sampler.sums(SEEDS, first, second)
    noise = noise_of(sampler, centre)
    torch.testing.assert_close(linear, first @ noise, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(squares, second @ noise.square(), rtol=1e-4, atol=1e-4)


def test_sums_over_several_blocks_are_those_over_one(sampler, monkeypatch):
    weights = torch.linspace(-1, 1, len(SEEDS))
    at_once = sampler.sums(SEEDS, weights)[0]
    monkeypatch.setattr(sampling, "BLOCK", 100)  # a few seeds each
    torch.testing.assert_close(sampler.sums(SEEDS, weights)[0], at_once, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("make", [Isotropic, lambda *args: LowRank(*args, 1)])
def test_sums_have_the_same_bits_with_any_number_of_threads(make):
    centre = ancestor_of(nn.Sequential(nn.Linear(300, 257), nn.ReLU(), nn.Linear(257, 10)))
    weights = torch.linspace(-1, 1, len(SEEDS))
    before = torch.get_num_threads()
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(make(centre, 0.1).sums(SEEDS, weights)[0])
    torch.set_num_threads(before)
    assert torch.equal(*found)


def test_separable_children_have_the_deviations_of_their_weights(centre):
    spread = deviations(centre)
    sampler = Separable(centre, spread)
    rows = torch.stack([made(sampler.child(seed, False)) for seed in range(2000)])
    torch.testing.assert_close(rows.std(0), spread.weights, rtol=0.1, atol=0.0)
