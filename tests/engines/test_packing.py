import pickle
import random

import pytest
import torch

import deapnets as dn
from deapnets.engines.packing import Place, pack, unpack
from deapnets.engines.shipping import Shipment, leaves_of
from deapnets.genomes.making import make
from deapnets.genomes.nodes import Node

pytest.importorskip("cloudpickle", reason="workers need cloudpickle")


def family(individual_class, net, count=12, generations=2, **options):
    population = [dn.initWeights(individual_class, net, sigma=0.3, **options) for _ in range(count)]
    for _ in range(generations):
        for first, second in zip(population[::2], population[1::2], strict=True):
            dn.cxUniform(first, second, indpb=0.5)
        random.shuffle(population)
        for one in population[::3]:
            dn.mutGaussian(one, sigma=0.1, indpb=0.2)
    return [one.node for one in population]


def travelled(nodes):
    """Return the nodes after they were packed, pickled and unpacked, their blocks beside them."""
    shipment = Shipment(None, lambda block: block, "test")
    shipment.add(nodes)
    packed = pickle.loads(pickle.dumps(pack(nodes, shipment.place)))
    layout = nodes[0].layout
    blocks = {
        name: torch.from_numpy(shipment.supply(name)).view(layout.dtype) for name in packed.blocks
    }
    return unpack(packed, layout, blocks)


def rows_of(nodes):
    rows = torch.empty(len(nodes), nodes[0].layout.width)
    make(nodes, rows)
    return rows


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nodes_have_the_same_weights_and_digests_after_a_journey(individual_class, net, dtype):
    nodes = family(individual_class, net, dtype=dtype)
    there = travelled(nodes)
    assert torch.equal(rows_of(there), rows_of(nodes))
    assert [node.digest for node in there] == [node.digest for node in nodes]


def test_wide_leaves_travel_one_by_one_under_their_digests(individual_class):
    wide = torch.nn.Linear(200, 100)
    nodes = family(individual_class, wide, count=4, generations=1)
    shipment = Shipment(None, lambda block: block, "test")
    shipment.add(nodes)
    (ancestor,) = leaves_of(nodes)
    assert list(shipment._blocks) == [ancestor.digest]
    assert torch.equal(rows_of(travelled(nodes)), rows_of(nodes))


def test_what_nodes_share_travels_once(individual_class, net):
    one = dn.initWeights(individual_class, net, sigma=0.3)
    packed = pack([one.node] * 5, lambda leaf: Place("block", 0))
    assert (len(packed.seeds), packed.roots.tolist()) == (1, [0] * 5)


def test_leaves_are_nodes_too(leaf):
    nodes = [leaf([1.0, 2.0]), leaf([3.0, 4.0])]
    assert rows_of(travelled(nodes)).tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_leaf_that_was_a_recipe_a_moment_ago_is_found(individual_class, net):
    """A child and its parent may be scored in one call: the parent's weights are kept first."""
    nodes = family(individual_class, net)
    shipment = Shipment(None, lambda block: block, "test")
    shipment.add(nodes)
    parent = nodes[0].recipe.parents[0]
    expected = rows_of(nodes)
    parent.settle(rows_of([parent])[0])
    packed = pack(nodes, shipment.place)
    blocks = {
        name: torch.from_numpy(shipment.supply(name)).view(torch.float32) for name in packed.blocks
    }
    assert torch.equal(rows_of(unpack(packed, nodes[0].layout, blocks)), expected)
    assert isinstance(parent, Node)
