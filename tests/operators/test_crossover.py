"""``cx...``: what the children have from whom."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import deapnets as dn
from deapnets.genomes.layout import Layout
from deapnets.operators.crossover import choose
from deapnets.operators.parts import layer_leaders, unit_leaders

SEEDS = np.arange(40, dtype=np.uint64)
WIDTH = 2000


def children(operator, **parameters: object) -> tuple[torch.Tensor, ...]:
    """Return parents and children of 40 pairs, each ``[40, WIDTH]``."""
    parents = [torch.randn(len(SEEDS), WIDTH) for _ in range(2)]
    settings = operator.parameters(**parameters)
    lots = [operator.make(rows, SEEDS, settings) for rows in (parents, parents[::-1])]
    return (*parents, *lots)


def near(rate: float, p: float, count: int) -> bool:
    return abs(rate - p) <= 5 * (p * (1 - p) / count) ** 0.5


@pytest.mark.parametrize("indpb", [0.0, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0])
def test_children_of_uniform_crossover_are_complementary(indpb):
    a, b, first, second = children(dn.cxUniform, indpb=indpb)
    kept, swapped = (first == a) & (second == b), (first == b) & (second == a)
    assert bool((kept ^ swapped).all())
    assert near(float(swapped.double().mean()), indpb, swapped.numel())


def test_pairs_of_uniform_crossover_swap_different_weights():
    a, _, first, _ = children(dn.cxUniform, indpb=0.5)
    kept = first == a
    assert near(float((kept[0] == kept[1]).double().mean()), 0.5, WIDTH)


def test_children_of_arithmetic_crossover_share_the_sum_of_their_parents():
    a, b, first, second = children(dn.cxArithmetic)
    assert torch.allclose(first + second, a + b, rtol=1e-5, atol=1e-5)


def test_children_of_arithmetic_crossover_lie_between_their_parents():
    a, b, first, _ = children(dn.cxArithmetic)
    assert bool((first >= torch.minimum(a, b) - 1e-5).all())
    assert bool((first <= torch.maximum(a, b) + 1e-5).all())


def test_arithmetic_crossover_draws_one_share_a_pair():
    a, b, first, _ = children(dn.cxArithmetic)
    share = ((first - a) / (b - a)).median(dim=1, keepdim=True).values
    assert torch.allclose(a + share * (b - a), first, rtol=1e-3, atol=1e-3)
    assert len(share.unique()) == len(SEEDS)
    assert 0 < float(share.min()) < 0.2 < 0.8 < float(share.max()) < 1


@pytest.mark.parametrize("alpha", [0, 0.25, 0.5, 1])
def test_arithmetic_crossover_takes_the_share_it_is_given(alpha):
    a, b, first, second = children(dn.cxArithmetic, alpha=alpha)
    assert torch.allclose(first, (1 - alpha) * a + alpha * b, rtol=1e-5, atol=1e-6)
    assert torch.allclose(second, (1 - alpha) * b + alpha * a, rtol=1e-5, atol=1e-6)


def test_one_point_crossover_swaps_everything_from_one_point_on():
    a, b, first, second = children(dn.cxOnePoint)
    own = (first == a).long()
    point = own.sum(dim=1)
    assert torch.equal(own, (torch.arange(WIDTH) < point[:, None]).long())
    assert torch.equal(second, torch.where(own.bool(), b, a))
    assert 1 <= int(point.min()) < WIDTH / 4
    assert WIDTH * 3 / 4 < int(point.max()) < WIDTH


def test_one_point_crossover_reaches_every_point_between_two_weights():
    rows = [torch.zeros(500, 5), torch.ones(500, 5)]
    taken = dn.cxOnePoint.make(rows, np.arange(500, dtype=np.uint64), ()).sum(dim=1)
    assert sorted(taken.unique().tolist()) == [1, 2, 3, 4]


def test_one_point_crossover_of_a_single_weight_returns_the_parents():
    rows = [torch.zeros(9, 1), torch.ones(9, 1)]
    assert not dn.cxOnePoint.make(rows, np.arange(9, dtype=np.uint64), ()).any()


@given(n=st.integers(1, 5), width=st.integers(1, 40), seed=st.integers(0, 999))
def test_choice_by_bits_is_that_of_torch_where(n, width, seed):
    generator = torch.Generator().manual_seed(seed)
    first, second = (torch.randn(n, width, generator=generator) for _ in range(2))
    first[0, 0], second[0, 0] = torch.nan, -torch.inf
    mask = torch.rand(n, 2 * width, generator=generator)[:, ::2] < 0.5
    for chosen, other in ((first, second), (first[:1].expand(n, -1), second)):
        expected = torch.where(mask, chosen, other)
        assert torch.equal(
            choose(mask, chosen, other).view(torch.int32), expected.view(torch.int32)
        )


def test_choice_in_other_precisions_is_that_of_torch_where():
    mask = torch.tensor([[True, False]])
    for dtype in (torch.float64, torch.bfloat16):
        chosen = choose(mask, torch.ones(1, 2, dtype=dtype), torch.zeros(1, 2, dtype=dtype))
        assert chosen.tolist() == [[1, 0]]
        assert chosen.dtype == dtype


NET = torch.nn.Sequential(
    torch.nn.Conv2d(1, 4, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(4, 30)
)


def children_of_nets(operator, **parameters: object) -> tuple[torch.Tensor, ...]:
    """Return parents and children of 200 pairs of `NET`, and where they differ, ``[200, P]``."""
    layout = Layout.of(NET)
    parents = [torch.randn(200, layout.width) for _ in range(2)]
    seeds, settings = np.arange(200, dtype=np.uint64), operator.parameters(**parameters)
    lots = [operator.make(rows, seeds, settings, layout) for rows in (parents, parents[::-1])]
    return (*parents, *lots)


@pytest.mark.parametrize(
    ("operator", "leaders_of", "groups"),
    [(dn.cxNeuron, unit_leaders, 34), (dn.cxLayer, layer_leaders, 2)],
)
@pytest.mark.parametrize("indpb", [0.0, 0.1, 0.5, 1.0])
def test_what_belongs_together_is_swapped_together(operator, leaders_of, groups, indpb):
    a, b, first, second = children_of_nets(operator, indpb=indpb)
    kept, swapped = (first == a) & (second == b), (first == b) & (second == a)
    assert bool((kept ^ swapped).all())
    leaders = leaders_of(Layout.of(NET))
    assert torch.equal(swapped, swapped[:, leaders])
    by_group = swapped[:, leaders.unique()]
    assert by_group.shape[1] == groups
    assert near(float(by_group.double().mean()), indpb, by_group.numel())


def test_units_and_layers_are_swapped_independently_of_each_other():
    for operator, leaders_of in ((dn.cxNeuron, unit_leaders), (dn.cxLayer, layer_leaders)):
        a, _, first, _ = children_of_nets(operator, indpb=0.5)
        swapped = (first != a)[:, leaders_of(Layout.of(NET)).unique()]
        alike = float((swapped[:, 0] == swapped[:, 1]).double().mean())
        assert near(alike, 0.5, len(swapped))


def test_individuals_swap_whole_units(individual_class, net):
    one, other = (dn.initWeights(individual_class, net, sigma=1.0) for _ in range(2))
    before = [individual.state_dict() for individual in (one, other)]
    dn.cxNeuron(one, other, indpb=0.5)
    after = one.state_dict()
    for layer in ("0", "2"):
        for unit in range(len(after[f"{layer}.bias"])):
            owners = [
                [i for i in (0, 1) if torch.equal(before[i][name][unit], after[name][unit])]
                for name in (f"{layer}.weight", f"{layer}.bias")
            ]
            assert owners in ([[0], [0]], [[1], [1]])
