"""Children of low rank through the map: with and without their weights."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

import deapnets as dn
from deapnets.engines import scoring
from deapnets.engines.families import families


class Rows(dn.Evaluator):
    """Outputs on a few rows; notes who was scored together, and whether weights were asked for."""

    def __init__(self, net):
        self.net, self.kinds, self.sizes = net, [], []
        self.inputs = torch.linspace(-1, 1, 3 * 6).view(6, 3)

    def genome(self):
        return self.net

    def evaluate(self, networks):
        self.kinds.append(type(networks).__name__)
        self.sizes.append(len(networks))
        networks.record("first", networks(self.inputs)[:, 0])
        return networks(self.inputs).square().mean((1, 2))


@pytest.fixture
def mixed(individual_class, net):
    """Return parents, children of low rank of each of them, and children of these, shuffled."""
    parents = [dn.initWeights(individual_class, net, sigma=0.5) for _ in range(3)]
    population = list(parents)
    for parent in parents:
        for rank in (1, 2):
            child = individual_class(parent.node)
            dn.mutLowRank(child, sigma=0.1, rank=rank)
            grandchild = individual_class(child.node)
            dn.mutLowRank(grandchild, sigma=0.1)
            population += [child, grandchild]
    random.shuffle(population)
    return population


def test_families_share_base_and_noise(mixed):
    related, others = families([one.node for one in mixed])
    assert len(others) == 3
    assert sum(len(family.members) for family in related) == 12
    for family in related:
        for member in family.members:
            assert mixed[member].node.recipe.parents == (family.base,)
            assert mixed[member].node.recipe.parameters == family.parameters


def test_scores_and_records_come_back_to_those_they_belong_to(mixed, net):
    evaluator = Rows(net)
    scores = dn.PopulationMap(device="cpu")(evaluator, mixed)
    for one, values in zip(mixed, scores, strict=True):
        outputs = one.module(net)(evaluator.inputs).detach()
        assert values[0] == pytest.approx(float(outputs.square().mean()), rel=1e-4)
        assert one.records["first"] == pytest.approx(outputs[0].tolist(), rel=1e-3, abs=1e-5)
    assert set(evaluator.kinds) == {"Networks", "LowRankNetworks"}


def test_a_familys_weights_are_never_kept(mixed, net):
    dn.PopulationMap(device="cpu")(Rows(net), mixed)
    kept = [one for one in mixed if one.node.recipe is None]
    assert len(kept) == 3  # the parents


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_scores_do_not_depend_on_the_chunk(chunk, individual_class, net):
    strategy = dn.OpenES(net, 0.1, 0.1, 24, rank=1)
    population = strategy.generate(individual_class)
    whole = dn.PopulationMap(device="cpu")(Rows(net), population)
    evaluator = Rows(net)
    assert dn.PopulationMap(device="cpu", chunk=chunk)(evaluator, population) == whole
    assert max(evaluator.sizes) == chunk


def test_scores_do_not_depend_on_the_memory_budget(mixed, net):
    whole = dn.PopulationMap(device="cpu")(Rows(net), mixed[:7])
    budget = 3 * 4 * len(mixed[0])
    assert dn.PopulationMap(device="cpu", memory=budget)(Rows(net), mixed[:7]) == whole


def test_scores_do_not_depend_on_the_lot(mixed, net, monkeypatch):
    whole = dn.PopulationMap(device="cpu")(Rows(net), mixed)
    monkeypatch.setattr(scoring, "LOT", 4)
    evaluator = Rows(net)
    assert dn.PopulationMap(device="cpu")(evaluator, mixed) == whole
    assert len(evaluator.sizes) > 5


def test_a_module_that_does_not_allow_it_has_its_weights_made_which_is_said_once(individual_class):
    net = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    strategy = dn.OpenES(net, 0.1, 0.1, 6, rank=1)
    mapping, evaluator = dn.PopulationMap(device="cpu"), Rows(net)
    population = strategy.generate(individual_class)
    with pytest.warns(UserWarning, match="Children of low rank are evaluated without"):
        scores = mapping(evaluator, population)
    assert mapping(evaluator, population) == scores  # a warning would be an error
    assert set(evaluator.kinds) == {"Networks"}
    outputs = population[0].module(net)(evaluator.inputs).detach()
    assert scores[0][0] == pytest.approx(float(outputs.square().mean()), rel=1e-4)


def test_a_path_that_was_asked_for_is_taken_without_a_word(individual_class, net):
    population = dn.OpenES(net, 0.1, 0.1, 6, rank=1).generate(individual_class)
    evaluator = Rows(net)
    dn.PopulationMap(device="cpu", path="loop")(evaluator, population)
    assert set(evaluator.kinds) == {"Networks"}
