"""Networks that are held as weights are stored by the recipes behind them, and made again."""

import json
import random

import pytest
import torch

import deapnets as dn
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import made
from deapnets.runs.networks import Lineage, layout_of, layout_spec
from deapnets.runs.packing import pack, unpack


@dn.operator(parents=1, keep=True)
def mutStored(rows, draw):
    """Add one: an operator whose result is stored."""
    return rows[0] + 1


@pytest.fixture
def bred(individual_class, net):
    """Return a function that breeds some generations; it tells the lineage, as a map would."""

    def bred(generations, lineage, start=None, mutate=dn.mutGaussian, **options):
        population = start or [dn.initWeights(individual_class, net, sigma=0.1) for _ in range(6)]
        for _ in range(generations):
            chosen = [random.choice(population) for _ in population]
            population = [one.__deepcopy__({}) for one in chosen]
            for first, second in zip(population[::2], population[1::2], strict=True):
                dn.cxUniform(first, second, indpb=0.5)
            for one in population:
                mutate(one, **options)
                lineage.note(one.node)
                one.node.settle(made(one.node))
        return population

    return bred


GAUSSIAN = {"sigma": 0.1, "indpb": 0.5}


def test_generations_behind_a_snapshot_come_back_to_the_bit_without_their_weights(
    bred, individual_class
):
    lineage = Lineage()
    start = bred(1, lineage, **GAUSSIAN)
    lineage.forget()
    snapshot = pack(start)
    known = {network[0] for network in snapshot.document["networks"]}
    chain, population = [snapshot], start
    for generations in (3, 1, 5):
        population = bred(generations, lineage, population, **GAUSSIAN)
        change = pack(population, known, lineage.origins)
        lineage.forget()
        assert change.nbytes == 0
        known.update(network[0] for network in change.document["networks"])
        chain.append(change)
    for one in chain:
        one.tensors = {
            name: torch.stack(value) if isinstance(value, list) else value
            for name, value in one.tensors.items()
        }
    back = unpack(chain[-1], [individual_class], chain[:-1])
    assert [one.digest for one in back] == [one.digest for one in population]
    assert all(one.node.depth == 0 for one in back)  # they were held as weights
    assert all(torch.equal(a.weights, b.weights) for a, b in zip(back, population, strict=True))


def test_only_ancestors_of_those_who_live_are_stored(bred):
    lineage = Lineage()
    start = bred(1, lineage, **GAUSSIAN)
    lineage.forget()
    known = {network[0] for network in pack(start).document["networks"]}
    population = bred(6, lineage, start, **GAUSSIAN)
    stored = pack(population, known, lineage.origins).document["networks"]
    assert len(stored) < len(lineage.origins)


def test_a_network_whose_parents_are_not_stored_is_stored_by_its_weights(bred):
    lineage = Lineage()
    population = bred(2, lineage, **GAUSSIAN)
    lineage.forget()
    population = bred(1, lineage, population, **GAUSSIAN)
    packed = pack(population, (), lineage.origins)
    assert packed.nbytes == len({one.digest for one in population}) * 26 * 4


def test_what_an_operator_stores_is_stored_by_its_weights(bred):
    lineage = Lineage()
    start = bred(1, lineage, **GAUSSIAN)
    lineage.forget()
    known = {network[0] for network in pack(start).document["networks"]}
    population = bred(1, lineage, start, mutate=mutStored)
    assert lineage.origins == {}
    packed = pack(population, known, lineage.origins)
    assert packed.nbytes == len({one.digest for one in population}) * 26 * 4


def test_a_stored_layout_keeps_whose_units_stay_in_their_order():
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.GroupNorm(2, 4), torch.nn.Linear(4, 2)
    )
    layout = Layout.of(net, dtype=torch.bfloat16)
    back = layout_of(json.loads(json.dumps(layout_spec(layout))))
    assert back == layout
    assert back.ordered == layout.ordered == ("0.weight",)
