"""Weights stored in bfloat16: rounded by chance, from their own recipe's bits."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest
import torch
from torch import nn

import deapnets as dn
from deapnets.engines.keeping import Keeper, Store
from deapnets.errors import LayoutError
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import made, make
from deapnets.genomes.nodes import Node
from deapnets.genomes.rounding import rounded

HALF = torch.bfloat16


def seeds(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint64)


def test_the_mean_of_many_roundings_is_the_number():
    numbers = torch.tensor([1.001, -0.3, 1e-3, -12345.678, 3e-39])
    children = rounded(numbers.expand(20_000, -1), seeds(20_000)).double()
    step = (children.amax(0) - children.amin(0)).clamp(min=1e-45)
    assert ((children.mean(0) - numbers.double()) / step).abs().max() < 5 * 0.5 / 20_000**0.5


def test_a_number_becomes_one_of_its_two_neighbours():
    numbers = torch.randn(1, 1000)
    lower = (numbers.view(torch.int32) & -65536).view(torch.float32)
    upper = ((numbers.view(torch.int32) & -65536) + 65536).view(torch.float32)
    children = rounded(numbers.expand(50, -1), seeds(50)).float()
    assert ((children == lower) | (children == upper)).all()
    assert (children == lower).any(0).double().mean() > 0.95
    assert (children == upper).any(0).double().mean() > 0.95


def test_what_is_a_bfloat16_already_or_not_finite_stays():
    special = torch.tensor([[0.0, -0.0, 1.5, torch.inf, -torch.inf, torch.nan, 1.001]])
    whole = torch.full((1, 1), 0x7FFFFFFF, dtype=torch.int32).view(torch.float32)  # also a NaN
    for seed in range(50):
        child = rounded(special, np.array([seed], dtype=np.uint64))
        assert child[0, :5].tolist() == special[0, :5].tolist()
        assert torch.signbit(child[0, 1])
        assert child[0, 5].isnan()
        assert rounded(whole, np.array([seed], dtype=np.uint64)).isnan().all()


@pytest.fixture
def population(individual_class):
    """Return 30 individuals in bfloat16, bred three times from one ancestor."""
    random.seed(4)
    net = nn.Linear(30, 5)
    lot = [dn.initWeights(individual_class, net, sigma=0.01, dtype=HALF) for _ in range(30)]
    for _ in range(2):
        for first, second in zip(lot[::2], lot[1::2], strict=True):
            dn.cxArithmetic(first, second)
            dn.mutGaussian(first, sigma=0.001, indpb=0.1)
        random.shuffle(lot)
    return lot


def rows_of(nodes: list[Node]) -> torch.Tensor:
    rows = torch.empty(len(nodes), nodes[0].layout.width)
    make(nodes, rows)
    return rows


def test_weights_are_numbers_of_bfloat16_held_in_half_the_memory(population):
    rows = rows_of([one.node for one in population])
    assert torch.equal(rows, rows.to(HALF).float())
    node = population[0].node
    node.settle(made(node))
    assert (node.weights.dtype, node.weights.nbytes) == (HALF, 2 * 155)
    assert population[0].weights.dtype == torch.float32


def test_a_child_has_the_same_bits_alone_in_company_kept_and_pickled(population):
    nodes = [one.node for one in population]
    rows = rows_of(nodes)
    assert torch.equal(torch.stack([made(node) for node in nodes]), rows)
    copies = pickle.loads(pickle.dumps(nodes))
    assert torch.equal(rows_of(copies), rows)
    for copied in copies:
        copied.settle(made(copied))
    again = pickle.loads(pickle.dumps(copies))
    assert torch.equal(rows_of(again), rows)
    assert [node.digest for node in again] == [node.digest for node in nodes]


def test_a_grandchild_is_the_same_whether_its_parents_were_kept(population):
    def grandchildren(keep: bool) -> torch.Tensor:
        lot = pickle.loads(pickle.dumps([one.node for one in population]))
        if keep:
            Keeper(Store(1 << 30), lot, 0).keep(lot, rows_of(lot))
            assert all(node.recipe is None and node.block.dtype == HALF for node in lot)
        settings = dn.mutGaussian.parameters(sigma=0.001, indpb=1.0)
        return rows_of([dn.mutGaussian.child((node,), 9, settings) for node in lot])

    assert torch.equal(grandchildren(keep=True), grandchildren(keep=False))


def test_small_steps_add_up_where_rounding_to_the_nearest_would_lose_each(individual_class):
    net = nn.Linear(100, 100, bias=False)
    nn.init.ones_(net.weight)
    child = dn.initWeights(individual_class, net, sigma=0, dtype=HALF)
    for _ in range(60):  # steps of 0.0005; the next number after 1 is 1.0078
        dn.mutGaussian(child, sigma=0.0005, indpb=1.0)
    spread = float((child.weights - 1).std())
    assert 0.01 < spread < 0.02


def test_genomes_of_two_dtypes_do_not_mate(individual_class):
    net = nn.Linear(3, 2)
    pair = [dn.initWeights(individual_class, net, 0.1, dtype=d) for d in (torch.float32, HALF)]
    with pytest.raises(LayoutError, match=r"8 weights in torch\.bfloat16"):
        dn.cxUniform(*pair, indpb=0.5)


def test_assigned_weights_are_rounded_to_the_nearest(individual_class):
    individual = dn.initWeights(individual_class, nn.Linear(1, 1), 0.1, dtype=HALF)
    individual.weights = torch.tensor([1.001, 1.006])
    assert individual.weights.tolist() == [1.0, 1.0078125]


def test_leaves_of_two_dtypes_have_two_digests():
    names, shapes = ("weight",), ((2,),)
    nodes = [Node(Layout(names, shapes, d), torch.zeros(2)) for d in (torch.float32, HALF)]
    assert nodes[0].digest != nodes[1].digest


@pytest.mark.gpu
def test_rounding_on_cuda_gives_the_bits_of_the_cpu():
    numbers = torch.randn(40, 1000)
    assert torch.equal(rounded(numbers.cuda(), seeds(40)).cpu(), rounded(numbers, seeds(40)))
