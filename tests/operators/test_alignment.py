"""Crossover of matched units."""

from __future__ import annotations

import re
from itertools import pairwise, permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call

import deapnets as dn
from deapnets.errors import OperatorError
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import made, make
from deapnets.operators.alignment import aligned, chain_of
from deapnets.operators.exact import whole

CHAINS = {
    "linear": (
        nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)),
        torch.randn(4, 3),
        [["0.weight", "0.bias"], ["2.weight", "2.bias"], ["4.weight", "4.bias"]],
    ),
    "no bias": (
        nn.Sequential(nn.Linear(3, 6, bias=False), nn.Tanh(), nn.Linear(6, 2, bias=False)),
        torch.randn(4, 3),
        [["0.weight"], ["2.weight"]],
    ),
    "convolution": (
        nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.PReLU(),
            nn.Conv2d(4, 6, 3),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(24, 5),
            nn.LayerNorm(5),
            nn.Linear(5, 3),
        ),
        torch.randn(4, 1, 8, 8),
        [
            ["0.weight", "0.bias", "1.weight", "1.bias"],
            ["3.weight", "3.bias"],
            ["6.weight", "6.bias", "7.weight", "7.bias"],
            ["8.weight", "8.bias"],
        ],
    ),
}
each_chain = pytest.mark.parametrize("name", CHAINS)


def rows_of(net: nn.Module, count: int) -> torch.Tensor:
    return torch.randn(count, Layout.of(net).width)


def outputs(net: nn.Module, rows: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    net.eval()
    layout = Layout.of(net)
    return torch.stack([functional_call(net, layout.split(row), inputs) for row in rows])


def shuffled(net: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    """Return networks that compute the same with their hidden units in another order."""
    layout, chain = Layout.of(net), chain_of(Layout.of(net))
    result = rows.clone()
    for link, after in pairwise(chain):
        order = torch.arange(link.units).roll(1)
        for row in result:
            named = layout.split(row)
            for part in link.parts:
                named[part.name].copy_(named[part.name][order].clone())
            columns = named[after.weight.name].view(after.weight.height, link.units, -1)
            columns.copy_(columns[:, order].clone())
    return result


@each_chain
def test_a_chain_has_a_link_for_each_layer(name):
    net, _, expected = CHAINS[name]
    chain = chain_of(Layout.of(net))
    assert [[part.name for part in link.parts] for link in chain] == expected


@each_chain
def test_an_aligned_parent_computes_what_it_did(name):
    net, inputs, _ = CHAINS[name]
    own, other = rows_of(net, 5), rows_of(net, 5)
    changed = aligned(own, other, Layout.of(net))
    assert not torch.equal(changed, other)
    torch.testing.assert_close(outputs(net, changed, inputs), outputs(net, other, inputs))


@each_chain
def test_a_network_whose_units_were_shuffled_is_put_back_into_order(name):
    net, inputs, _ = CHAINS[name]
    own = rows_of(net, 5)
    other = shuffled(net, own)
    assert not torch.equal(own, other)
    torch.testing.assert_close(outputs(net, other, inputs), outputs(net, own, inputs))
    assert torch.equal(aligned(own, other, Layout.of(net)), own)


@each_chain
def test_crossover_of_one_network_in_two_orders_gives_it_back(name):
    net = CHAINS[name][0]
    own = rows_of(net, 5)
    seeds, settings = np.arange(5, dtype=np.uint64), dn.cxAligned.parameters(indpb=0.5)
    parents = [own, shuffled(net, own)]
    assert torch.equal(dn.cxAligned.make(parents, seeds, settings, Layout.of(net)), own)
    plain = dn.cxUniform.make(parents, seeds, settings, Layout.of(net))
    assert not torch.equal(plain, own)


@given(seed=st.integers(0, 999), units=st.integers(2, 5))
def test_matched_units_are_nearest_among_all_orders_of_one_hidden_layer(seed, units):
    net = nn.Sequential(nn.Linear(2, units), nn.Tanh(), nn.Linear(units, 2))
    layout = Layout.of(net)
    generator = torch.Generator().manual_seed(seed)
    own, other = (torch.randn(1, layout.width, generator=generator) for _ in range(2))

    def by_unit(row: torch.Tensor) -> torch.Tensor:
        named = layout.split(row[0])
        parts = [named["0.weight"], named["0.bias"][:, None], named["2.weight"].T]
        return torch.cat(parts, 1)

    def distance(units_of_other: torch.Tensor) -> float:
        return float((by_unit(own) - units_of_other).square().sum())

    found = distance(by_unit(aligned(own, other, layout)))
    least = min(distance(by_unit(other)[list(order)]) for order in permutations(range(units)))
    assert found == pytest.approx(least, rel=1e-4)


@pytest.mark.parametrize("indpb", [0.0, 0.3, 0.5, 1.0])
def test_weights_come_from_the_aligned_parent_where_uniform_crossover_swaps(indpb):
    net = CHAINS["convolution"][0]
    layout, seeds = Layout.of(net), np.arange(9, dtype=np.uint64)
    own, other = rows_of(net, 9), rows_of(net, 9)
    settings = dn.cxAligned.parameters(indpb=indpb)
    child = dn.cxAligned.make([own, other], seeds, settings, layout)
    expected = dn.cxUniform.make([own, aligned(own, other, layout)], seeds, settings, layout)
    assert torch.equal(child, expected)


def test_a_matching_depends_neither_on_company_nor_on_threads():
    net = nn.Sequential(nn.Linear(300, 40), nn.ReLU(), nn.Linear(40, 10))
    layout = Layout.of(net)
    own, other = rows_of(net, 8), rows_of(net, 8)
    together, threads = aligned(own, other, layout), torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            for i in range(8):
                alone = aligned(own[i : i + 1], other[i : i + 1], layout)
                assert torch.equal(alone[0], together[i])
    finally:
        torch.set_num_threads(threads)


def test_products_of_matching_are_exact():
    left, right = (whole(torch.randn(1, 30, 3000), 3000)[0] for _ in range(2))
    forwards = left @ right.transpose(1, 2)
    backwards = left.flip(2) @ right.flip(2).transpose(1, 2)
    assert torch.equal(forwards, backwards)


def test_networks_without_a_hidden_layer_are_crossed_uniformly(individual_class):
    one, other = (dn.initWeights(individual_class, nn.Linear(3, 2), sigma=1.0) for _ in range(2))
    weights = torch.stack([one.weights, other.weights])
    dn.cxAligned(one, other, indpb=0.5)
    children = torch.stack([one.weights, other.weights])
    assert torch.equal(children.sort(0).values, weights.sort(0).values)


def test_weights_that_are_not_finite_are_matched_somehow():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    own, other = rows_of(net, 2), rows_of(net, 2)
    own[0, 0], other[1, 3] = torch.inf, torch.nan
    assert aligned(own, other, Layout.of(net)).shape == other.shape


def seen(net: nn.Module) -> nn.Module:
    """Return a network whose running statistics have seen something."""
    net(torch.randn(50, 6) * 3 + 1)
    return net.eval()


def images(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Unflatten(1, (6, 1, 1)), *layers)


def around(*between: nn.Module) -> nn.Sequential:
    """Return layers whose first units cannot be matched, and whose second ones can."""
    return nn.Sequential(
        nn.Linear(6, 8), *between, nn.Tanh(), nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 2)
    )


def standing_twice() -> nn.Sequential:
    again = nn.Linear(6, 6)
    return nn.Sequential(
        nn.Linear(6, 6), nn.Tanh(), again, nn.Tanh(), again, nn.Tanh(), nn.Linear(6, 2)
    )


STAYING = {
    "statistics": (lambda: seen(around(nn.BatchNorm1d(8))), None),
    "statistics alone": (lambda: seen(around(nn.BatchNorm1d(8, affine=False))), None),
    "groups": (lambda: around(nn.GroupNorm(2, 8)), None),
    "frozen": (lambda: around(nn.Linear(8, 8).requires_grad_(False)), None),
    "unselected": (lambda: around(nn.Linear(8, 8)), ["[035].*"]),
    "weights": (around, "*.weight"),
    "twice": (standing_twice, None),
    "transposed": (
        lambda: images(
            nn.ConvTranspose2d(6, 6, 1), nn.Tanh(), nn.ConvTranspose2d(6, 6, 1), nn.Flatten()
        ),
        None,
    ),
    "grouped": (
        lambda: images(nn.Conv2d(6, 8, 1, groups=2), nn.Tanh(), nn.Conv2d(8, 2, 1), nn.Flatten()),
        None,
    ),
}


@pytest.mark.parametrize("name", STAYING)
def test_an_aligned_parent_computes_what_it_did_where_units_cannot_move(individual_class, name):
    make, parameters = STAYING[name]
    net, inputs = make(), torch.randn(9, 6)
    one, other = (
        dn.initWeights(individual_class, net, 1.0, "independent", parameters=parameters)
        for _ in range(2)
    )
    with torch.no_grad():
        expected = other.module(net)(inputs)
        dn.cxAligned(one, other, indpb=1.0)
        torch.testing.assert_close(one.module(net)(inputs), expected)


def test_units_of_the_other_layers_are_matched_all_the_same():
    net = seen(around(nn.BatchNorm1d(8)))
    own, other = rows_of(net, 4), rows_of(net, 4)
    layout = Layout.of(net)
    changed = layout.split(aligned(own, other, layout))
    before = layout.split(other)
    for name in ("0.weight", "0.bias", "1.weight"):
        assert torch.equal(changed[name], before[name])
    assert not torch.equal(changed["3.weight"], before["3.weight"])
    assert torch.equal(changed["3.weight"].sort(1).values, before["3.weight"].sort(1).values)


def test_a_layer_whose_units_stay_is_crossed_unit_by_unit():
    net = seen(around(nn.BatchNorm1d(8, affine=False)))
    layout, seeds = Layout.of(net), np.arange(20, dtype=np.uint64)
    own, other = rows_of(net, 20), rows_of(net, 20)
    child = layout.split(
        dn.cxAligned.make([own, other], seeds, dn.cxAligned.parameters(indpb=0.5), layout)
    )
    whole = layout.split(
        dn.cxNeuron.make([own, other], seeds, dn.cxNeuron.parameters(indpb=0.5), layout)
    )
    for name in ("0.weight", "0.bias"):
        assert torch.equal(child[name], whole[name])
    assert not torch.equal(child["5.weight"], whole["5.weight"])


def test_who_keeps_an_order_does_not_depend_on_the_company(individual_class):
    net = around(nn.BatchNorm1d(8))
    pairs = []
    for _ in range(2):
        pairs.append([dn.initWeights(individual_class, net, sigma=1.0) for _ in range(2)])
        dn.cxAligned(*pairs[-1], indpb=0.5)
        seen(net)
    nodes = [pair[0].node for pair in pairs]
    together = torch.empty(2, nodes[0].layout.width)
    make(nodes, together)
    for node, row in zip(nodes, together, strict=True):
        assert torch.equal(made(node), row)


class Apart(nn.Module):
    """Two layers that do not feed each other."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(4, 3), nn.Linear(5, 2)


@pytest.mark.parametrize(
    ("net", "said"),
    [
        (Apart(), "right.weight[2, 5] does not take what left.weight[3, 4] gives"),
        (nn.LSTM(2, 3), "weight_hh_l0[12, 3] does not take what weight_ih_l0[12, 2] gives"),
        (
            nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=4)),
            "1.weight[4, 1, 3, 3] does not take what 0.weight[4, 1, 3, 3] gives",
        ),
        (
            nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(5)),
            "1.weight[5] does not take what 0.weight[4, 3] gives",
        ),
    ],
    ids=["apart", "recurrent", "grouped", "norm"],
)
def test_what_is_no_chain_is_refused(individual_class, net, said):
    one, other = (dn.initWeights(individual_class, net, sigma=1.0) for _ in range(2))
    dn.cxAligned(one, other, indpb=0.5)
    message = f"cxAligned matches units along a chain of layers, but {said}. Use cxNeuron or cxUni"
    with pytest.raises(OperatorError, match=f"^{re.escape(message)}"):
        _ = one.weights
