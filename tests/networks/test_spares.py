"""The bits of vmapped networks with few numbers each: the same in every chunk, on any threads."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from deapnets.networks.chunk import Networks
from deapnets.networks.spares import Sizes


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.gate = nn.Linear(6, 3), nn.Parameter(torch.ones(3))

    def forward(self, inputs):
        return self.layer(inputs) * F.softplus(self.gate)


class Averaged(Gated):
    def forward(self, inputs):
        return torch.sigmoid(self.layer(inputs).mean(0))


class Tempered(Gated):
    def __init__(self):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, inputs):
        return self.layer(inputs) * torch.exp(self.gate)


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(6))

    def forward(self, inputs):
        return (inputs @ self.weight).logsumexp(0)


class Spectrum(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 6))

    def forward(self, inputs):
        return torch.fft.rfft(self.weight @ inputs.mT).abs()


def thin():
    return nn.Sequential(
        nn.Linear(6, 5), nn.LayerNorm(5), nn.GELU(), nn.Linear(5, 1), nn.Softmax(0)
    )


def convolution():
    return nn.Sequential(nn.Conv2d(6, 1, 2, bias=False), nn.Sigmoid())


@pytest.mark.usefixtures("_threads_restored")
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (Gated, (64, 6)),
        (Averaged, (64, 6)),
        (Tempered, (64, 6)),
        (Pooled, (8, 6)),
        (Spectrum, (8, 6)),
        (thin, (2, 6)),
        (convolution, (3, 6, 2, 2)),
    ],
)
def test_the_bits_of_small_results_depend_on_no_chunk_and_no_threads(make, shape, networks_of):
    whole, inputs = networks_of(make(), 200, "vmap"), torch.randn(*shape)
    torch.set_num_threads(1)
    expected = whole(inputs)
    assert whole._path.name == "vmap"
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for chunk in (1, 3, 16, 64):
            parts = [
                Networks(whole._path, whole._layout, whole.weights()[first : first + chunk])(inputs)
                for first in range(0, 200, chunk)
            ]
            assert torch.equal(torch.cat(parts), expected), f"chunk {chunk}, {threads} threads"


@pytest.mark.parametrize(
    ("call", "spares"),
    [
        (lambda: torch.ones(64, 10) @ torch.ones(10, 3), 1),
        (lambda: torch.ones(3).add(1).relu().sum(), 1),
        (lambda: torch.ones(8, 4).tanh(), 1),
        (lambda: torch.ones(8).tanh(), 4),
        (lambda: torch.ones(()).exp_(), 32),
        (lambda: torch.ones(3, dtype=torch.int64).pow(2), 1),
        (lambda: F.conv1d(torch.ones(4, 2, 3), torch.ones(2, 2, 2)).tanh(), 8),
    ],
    ids=["product", "sum", "many", "few", "one", "integers", "convolution"],
)
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_spares_follow_from_the_smallest_result_that_is_rounded_by_its_place(call, spares, mode):
    with mode(), Sizes() as sizes:
        call()
    assert sizes.spares(4) == spares


def test_a_wide_network_that_would_need_many_spares_is_looped(networks_of, plain_loop):
    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.scale = nn.Linear(200, 200), nn.Parameter(torch.zeros(()))

        def forward(self, inputs):
            return self.layer(inputs) * torch.exp(self.scale)

    module, inputs = Wide(), torch.randn(8, 200)
    networks = networks_of(module, 3, "vmap")
    assert torch.equal(networks(inputs), plain_loop(module, networks, inputs))
