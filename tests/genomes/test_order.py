"""Which layers' units stand in an order that what is not evolved relies on."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from deapnets.genomes.layout import Layout


def chain(*between: nn.Module, width: int = 8, **more: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, width), *between, nn.Tanh(), nn.Linear(width, 2))


def trained(net: nn.Module) -> nn.Module:
    """Return a network whose running statistics have seen something."""
    net(torch.randn(50, 6) * 3 + 1)
    return net.eval()


def frozen(module: nn.Module, value: float | None = None) -> nn.Module:
    for parameter in module.parameters():
        nn.init.normal_(parameter) if value is None else nn.init.constant_(parameter, value)
    return module.requires_grad_(False)


class Masked(nn.Module):
    """Layers and something of the module's own that it uses somewhere among them."""

    def __init__(self, mask: torch.Tensor, *, evolved: bool = False) -> None:
        super().__init__()
        if evolved:
            self.mask = nn.Parameter(mask)
        else:
            self.register_buffer("mask", mask)
        self.first, self.second, self.last = nn.Linear(6, 5), nn.Linear(5, 4), nn.Linear(4, 2)


def convolutions(*between: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3), *between, nn.Conv2d(4, 4, 3), nn.Conv2d(4, 3, 3))


def twice() -> nn.Sequential:
    again = nn.Linear(6, 6)
    return nn.Sequential(nn.Linear(6, 6), again, nn.Linear(6, 6), again, nn.Linear(6, 2))


def tied() -> nn.Sequential:
    net = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 2))
    net[2].weight = net[0].weight
    return net


FREE = {
    "layers": lambda: chain(),
    "dropout": lambda: chain(nn.Dropout()),
    "fresh statistics": lambda: chain(nn.BatchNorm1d(8)),
    "no statistics": lambda: chain(nn.BatchNorm1d(8, track_running_stats=False)),
    "LayerNorm": lambda: chain(nn.LayerNorm(8)),
    "PReLU": lambda: chain(nn.PReLU(8)),
    "one group": lambda: chain(nn.GroupNorm(1, 8)),
    "a group a channel": lambda: chain(nn.GroupNorm(8, 8)),
    "frozen, alike": lambda: chain(frozen(nn.LayerNorm(8), 0.5)),
    "frozen number": lambda: chain(frozen(nn.PReLU())),
    "kernel for all": lambda: convolutions(frozen(nn.Conv2d(1, 1, 3))),
    "buffer of inputs": lambda: Masked(torch.randn(6)),
    "number": lambda: Masked(torch.randn(()), evolved=True),
    "weights of inputs": lambda: Masked(torch.randn(6), evolved=True),
    "one matrix": lambda: nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8)),
}
BOUND = {
    "statistics": (lambda: trained(chain(nn.BatchNorm1d(8))), ["0.weight"]),
    "statistics alone": (lambda: trained(chain(nn.BatchNorm1d(8, affine=False))), ["0.weight"]),
    "frozen norm": (lambda: chain(frozen(nn.LayerNorm(8))), ["0.weight"]),
    "frozen layer": (lambda: chain(frozen(nn.Linear(8, 8))), ["0.weight"]),
    "groups": (lambda: chain(nn.GroupNorm(2, 8)), ["0.weight"]),
    "groups alone": (lambda: chain(nn.GroupNorm(2, 8, affine=False)), ["0.weight"]),
    "neighbours": (lambda: convolutions(nn.LocalResponseNorm(3)), ["0.weight"]),
    "shuffled": (lambda: convolutions(nn.ChannelShuffle(2)), ["0.weight"]),
    "spread over pixels": (
        lambda: nn.Sequential(nn.Conv2d(1, 8, 3), nn.PixelShuffle(2), nn.Conv2d(2, 3, 3)),
        ["0.weight"],
    ),
    "grouped": (
        lambda: nn.Sequential(nn.Conv2d(2, 4, 3, groups=2), nn.Conv2d(4, 3, 3)),
        ["0.weight"],
    ),
    "transposed": (
        lambda: convolutions(nn.ConvTranspose2d(4, 4, 3)),
        ["0.weight", "1.weight"],
    ),
    "norm of images": (
        lambda: convolutions(nn.LayerNorm((4, 4, 4))),
        ["0.weight", "1.weight", "1.bias"],
    ),
    "twice": (twice, ["0.weight", "1.weight", "2.weight"]),
    "tied": (tied, ["0.weight", "1.weight"]),
    "norm twice": (
        lambda: nn.Sequential(
            nn.Linear(6, 6), norm := nn.LayerNorm(6), nn.Linear(6, 6), norm, nn.Linear(6, 2)
        ),
        ["0.weight", "2.weight"],
    ),
    "recurrent": (
        lambda: nn.Sequential(nn.Linear(4, 4), nn.RNNCell(4, 4)),
        ["0.weight", "1.weight_ih", "1.weight_hh"],
    ),
    "embedding": (
        lambda: nn.Sequential(nn.Embedding(5, 5), nn.Linear(5, 4), nn.Linear(4, 2)),
        ["0.weight"],
    ),
    "parametrized": (
        lambda: nn.Sequential(
            nn.Linear(6, 6), parametrizations.spectral_norm(nn.Linear(6, 6)), nn.Linear(6, 2)
        ),
        ["0.weight", "1.parametrizations.weight.original"],
    ),
    "sparse mask": (lambda: Masked(torch.arange(5.0).to_sparse()), ["first.weight"]),
    "mask": (lambda: Masked(torch.randn(5)), ["first.weight"]),
    "evolved mask": (lambda: Masked(torch.ones(5), evolved=True), ["first.weight"]),
    "part of it": (
        lambda: nn.Sequential(Masked(torch.randn(4)), nn.Linear(2, 4), nn.Linear(4, 1)),
        ["0.second.weight"],
    ),
}


@pytest.mark.parametrize("name", FREE)
def test_units_may_change_places_where_everything_follows(name):
    assert Layout.of(FREE[name]()).ordered == ()


@pytest.mark.parametrize("name", BOUND)
def test_units_keep_their_places_where_something_cannot_follow(name):
    make, bound = BOUND[name]
    assert list(Layout.of(make()).ordered) == bound


def test_what_a_pattern_leaves_out_cannot_follow():
    net = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 5), nn.Linear(5, 2))
    assert Layout.of(net, ["0.*", "2.*"]).ordered == ("0.weight",)
    assert Layout.of(net, ["1.*", "2.*"]).ordered == ()
    assert Layout.of(net, "*.weight").ordered == ("0.weight", "1.weight", "2.weight")
    for layer in net:
        nn.init.zeros_(layer.bias)
    assert Layout.of(net, "*.weight").ordered == ()


def test_a_large_tensor_is_looked_at_to_its_end():
    net = chain(nn.BatchNorm1d(200, affine=False), width=200)
    assert Layout.of(net).ordered == ()
    net[1].running_mean[-1] = 1.0
    assert Layout.of(net).ordered == ("0.weight",)


def test_layouts_that_differ_in_order_alone_are_equal_and_keep_it():
    net = chain(nn.BatchNorm1d(8))
    before, after = Layout.of(net), Layout.of(trained(net))
    assert (before.ordered, after.ordered) == ((), ("0.weight",))
    assert before == after
    assert hash(before) == hash(after)
    assert before.identity == after.identity
    assert pickle.loads(pickle.dumps(after)).ordered == after.ordered
