"""Graphs that grow: mutations, texts, networks, what is refused."""

from __future__ import annotations

import copy
import random
from dataclasses import replace

import pytest
import torch
from deap import base, creator
from hypothesis import given
from hypothesis import strategies as st

import deapnets as dn
from deapnets.architectures.growing import MUTATIONS, Edge, Graph, seed_graph
from deapnets.architectures.merging import fitted
from deapnets.errors import ArchitectureError, OperatorError, OptionError
from deapnets.testing import GenomeContract, SpaceContract

SPACE = dn.GraphSpace((1, 8, 8))


class TestSpace(SpaceContract):
    cases = [(dn.GraphSpace, {"shape": (1, 8, 8)}), (dn.GraphSpace, {"shape": (3, 32, 32)})]


class TestGraphs(GenomeContract):
    genome = dn.GraphGenome
    cases = [(dn.initGraph, {"space": SPACE})]

    def vary(self, individual):
        dn.mutGraph(individual)

    def test_two_that_were_drawn_differ(self):
        """Every graph grows from one seed."""
        assert dn.initGraph(dn.GraphGenome, SPACE) == dn.initGraph(dn.GraphGenome, SPACE)


def grown(seed, steps):
    """Return a graph after so many mutations."""
    random.seed(seed)
    genome = dn.initGraph(dn.GraphGenome, SPACE)
    for _ in range(steps):
        dn.mutGraph(genome)
    return genome


def test_a_seed_is_a_linear_classifier_without_a_convolution():
    genome = dn.initGraph(dn.GraphGenome, SPACE)
    assert str(genome) == "lr=0.1 0:linear 1:linear 0-1:identity"
    assert genome.parameters() == 64 * 10 + 10


@given(st.integers(0, 2**32), st.integers(0, 30))
def test_whatever_grows_is_sound(seed, steps):
    grown(seed, steps).genes.require_sound()


@pytest.mark.parametrize("seed", range(8))
def test_whatever_grows_is_a_network_that_learns(seed):
    genome = grown(seed, 40)
    net = genome.module(classes=7)
    logits = net(torch.randn(3, 1, 8, 8))
    assert logits.shape == (3, 7)
    logits.square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert genome.parameters(7) == sum(p.numel() for p in net.parameters())


def test_each_of_the_eleven_mutations_applies_to_a_graph_that_has_everything():
    assert len(MUTATIONS) == 11
    skipped = "lr=0.1 0:linear 1:relu 2:linear 3:linear 0-1:conv3x3x4/1 1-2:identity 2-3:identity"
    graph = SPACE.parse_genes(f"{skipped} 0-2:identity")
    for name, mutation in MUTATIONS.items():
        changed = mutation(graph, SPACE)
        assert changed is not None, name
        assert (changed == graph) == (name == "identity"), name


BODY = SPACE.parse_genes(
    "lr=0.1 0:linear 1:relu 2:linear 0-1:conv3x3x16/1 1-2:identity 0-2:identity"
)


def only(before, after):
    """Return the one edge that changed, before and after."""
    (pair,) = [(a, b) for a, b in zip(before.edges, after.edges, strict=True) if a != b]
    return pair


def test_alter_learning_rate_multiplies_by_up_to_two():
    rates = [MUTATIONS["alter_learning_rate"](BODY, SPACE).learning_rate for _ in range(300)]
    assert 0.05 <= min(rates) < 0.055
    assert 0.18 < max(rates) <= 0.2


def test_identity_changes_nothing_and_reset_weights_says_so():
    assert MUTATIONS["identity"](BODY, SPACE) == BODY
    assert MUTATIONS["reset_weights"](BODY, SPACE) == replace(BODY, fresh=True)


def test_insert_convolution_is_3x3_and_as_wide_as_its_input():
    strides = set()
    for _ in range(40):
        after = MUTATIONS["insert_convolution"](BODY, SPACE)
        assert len(after.relu) == 4
        new = after.edges[-1]
        assert (new.size, new.channels) == ((3, 3), 16)
        strides.add(new.stride)
        after.require_sound()
    assert strides == {1, 2}


def test_insert_one_to_one_adds_a_vertex_behind_an_identity():
    kinds = set()
    for _ in range(40):
        after = MUTATIONS["insert_one_to_one"](BODY, SPACE)
        assert not after.edges[-1].channels
        kinds.add(after.relu[after.edges[-1].target])
    assert kinds == {True, False}


def test_remove_convolution_leaves_an_identity():
    before, after = only(BODY, MUTATIONS["remove_convolution"](BODY, SPACE))
    assert (before.channels, after) == (16, Edge(0, 1))


def test_alter_stride_channels_and_filter_change_one_convolution():
    strides, channels, sizes = set(), set(), set()
    for _ in range(200):
        strides.add(only(BODY, MUTATIONS["alter_stride"](BODY, SPACE))[1].stride)
        channels.add(MUTATIONS["alter_number_of_channels"](BODY, SPACE).edges[0].channels)
        sizes.add(MUTATIONS["filter_size"](BODY, SPACE).edges[0].size)
    assert strides == {2, 4}
    assert (min(channels), max(channels)) == (8, 32)
    assert sizes == {(1, 3), (3, 1), (5, 3), (3, 5)}


def test_skips_come_and_go_and_first_edges_stay():
    graph = replace(BODY, edges=BODY.edges[:2])
    with_skip = MUTATIONS["add_skip"](graph, SPACE)
    assert with_skip.edges == BODY.edges
    assert MUTATIONS["add_skip"](with_skip, SPACE) is None
    assert MUTATIONS["remove_skip"](with_skip, SPACE) == graph
    assert MUTATIONS["remove_skip"](graph, SPACE) is None


def test_a_mutation_that_does_not_apply_is_drawn_again():
    random.seed(0)
    assert all(SPACE.vary(seed_graph()) is not None for _ in range(50))


def test_a_vertex_that_leads_nowhere_is_pruned():
    graph = Graph(
        0.1, (False, True, True, False), (Edge(0, 1, 4), Edge(0, 2, 8), Edge(2, 3))
    ).pruned()
    assert graph == Graph(0.1, (False, True, False), (Edge(0, 1, 8), Edge(1, 2)))


def test_what_meets_is_made_to_fit_the_first_edge():
    x = torch.arange(8.0).reshape(1, 2, 2, 2)
    larger = fitted(x, torch.Size((1, 3, 4, 4)))
    assert larger[0, 0, 0].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert larger[0, 2].abs().sum() == 0
    smaller = fitted(x, torch.Size((1, 1, 1, 1)))
    assert smaller.tolist() == [[[[0.0]]]]


def test_the_sum_is_of_the_fitted_states():
    genome = SPACE.parse("lr=0.1 0:linear 1:linear 0-1:conv1x1x2/1 0-1:identity")
    net = genome.module()
    x = torch.randn(2, 1, 8, 8)
    convolved = net.edges[0][0](x)
    convolved[:, :1] += x
    torch.testing.assert_close(net(x), net.head(convolved.flatten(1)))


def test_a_graph_that_is_too_large_says_why():
    space = dn.GraphSpace((1, 8, 8), largest=600)
    with pytest.raises(ArchitectureError, match="650 weights, more than the 600"):
        dn.initGraph(dn.GraphGenome, space).module()


def test_a_mutation_remembers_the_parent_and_leaves_the_clone():
    creator.create("FitnessOfGraphs", base.Fitness, weights=(1.0,))
    creator.create("GraphOfTests", dn.GraphGenome, fitness=creator.FitnessOfGraphs)
    individual = dn.initGraph(creator.GraphOfTests, SPACE)
    clone = copy.deepcopy(individual)
    random.seed(4)
    (child,) = dn.mutGraph(clone)
    assert child is clone
    assert child.parent == individual.key
    assert individual.parent is None
    assert individual.genes == seed_graph()


def test_key_is_the_same_whether_weights_are_fresh_or_not():
    assert SPACE.key(replace(BODY, fresh=True)) == SPACE.key(BODY)
    assert SPACE.text(replace(BODY, fresh=True)) != SPACE.text(BODY)


@pytest.mark.parametrize(
    "text", ["", "lr=0.1", "lr=0.1 0:linear 2:linear 0-2:identity", "lr=0.1 0:tanh 1:linear"]
)
def test_a_text_that_is_no_graph_is_refused(text):
    with pytest.raises((OptionError, ArchitectureError)):
        SPACE.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr=x 0:linear 1:linear 0-1:identity", "begins with lr=NUMBER, got 'lr=x'"),
        ("lr=1 0:linear 1:linear 1-0:identity", "An edge leads forwards, from 0 to 1"),
        ("lr=1 0:linear 1:linear 2:linear 0-2:identity", "Every vertex but the input has an edge"),
        ("lr=1 0:linear 1:linear 0-1:conv2x3x4/1", "A filter has odd sides, got"),
        ("lr=1 0:linear 1:linear 0-1:conv3x3x4/0", "Strides are at least 1"),
    ],
)
def test_what_is_wrong_with_a_graph_is_said(text, message):
    with pytest.raises((OptionError, ArchitectureError), match=message):
        SPACE.parse(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (1, 8)}, "shape is channels, height and width"),
        ({"shape": (1, 0, 8)}, "shape is channels, height and width"),
        ({"largest": 0}, "largest is at least 1, got 0"),
        ({"least": 0}, "least is at least 1, got 0"),
    ],
)
def test_a_space_that_cannot_be_is_refused(options, message):
    with pytest.raises(OptionError, match=message):
        dn.GraphSpace(**options)


def test_operators_refuse_genomes_of_other_kinds():
    with pytest.raises(OperatorError, match="mutGraph works on GraphGenome individuals, got Cell"):
        dn.mutGraph(dn.CellGenome(dn.NASBENCH201, (0,) * 6))
    with pytest.raises(OperatorError, match="mutCell works on CellGenome individuals, got Graph"):
        dn.mutCell(grown(1, 1))
    with pytest.raises(OperatorError, match="initGraph takes a GraphSpace, got CellSpace"):
        dn.initGraph(dn.GraphGenome, dn.NASNET)
    with pytest.raises(ArchitectureError, match="A genome of graph is a Graph, got tuple"):
        dn.GraphGenome(SPACE, (1, 2))
