import array
import json
import math
import random

import numpy as np
import pytest
import torch
from deap import creator
from hypothesis import given
from hypothesis import strategies as st

import deapnets as dn
from deapnets.errors import RunError
from deapnets.genomes.making import made
from deapnets.runs.packing import Packed, pack, unpack


def through(state, *classes):
    """The state as it comes back from its JSON text and tensors."""
    packed = pack(state)
    tensors = {
        name: torch.stack(value) if isinstance(value, list) else value.clone()
        for name, value in packed.tensors.items()
    }
    return unpack(
        Packed(json.loads(json.dumps(packed.document, allow_nan=False)), tensors), classes
    )


@pytest.fixture
def population(individual_class, net):
    """Three individuals: a leaf, a mutant of it, and a child of the two."""
    individuals = [dn.initWeights(individual_class, net, sigma=0.0) for _ in range(3)]
    dn.mutGaussian(individuals[1], sigma=0.1, indpb=0.5)
    individuals[2].node = individuals[1].node
    dn.cxUniform(individuals[2], individuals[0].__deepcopy__({}), indpb=0.5)
    for value, individual in enumerate(individuals[:2]):
        individual.fitness.values = (value / 3,)
    return individuals


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.just("$"), inner)
    ),
)


@given(plain)
def test_plain_values_come_back_as_they_were(value):
    back = through(value)
    assert back == value
    assert repr(back) == repr(value)


def test_what_json_has_no_word_for_comes_back_too():
    nan, infinity = through([math.nan, -math.inf])
    assert math.isnan(nan)
    assert infinity == -math.inf
    assert through(array.array("d", [0.1, math.inf])) == array.array("d", [0.1, math.inf])
    assert through(np.float32(0.1)) == float(np.float32(0.1))
    back = through({"a": np.arange(6, dtype=np.uint32).reshape(2, 3)})["a"]
    assert (back.dtype, back.tolist()) == (np.uint32, [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_tensors_keep_their_kind_and_shape(dtype):
    for tensor in (torch.ones(2, 3), torch.tensor(1), torch.ones(0)):
        back = through((tensor.to(dtype),))[0]
        assert back.dtype == dtype
        assert torch.equal(back, tensor.to(dtype))


def test_a_state_that_is_loaded_shares_no_memory_with_what_was_read():
    packed = pack(torch.zeros(2))
    unpack(packed).fill_(1.0)
    assert unpack(packed).tolist() == [0.0, 0.0]


def test_individuals_come_back_with_network_fitness_records_and_attributes(population):
    first = population[0]
    first.records = {"accuracy": 0.5, "scores": (1.0, 2.0)}
    first.strategy = array.array("d", [0.1])
    first.fitness.crowding_dist = math.inf
    back = through(population, type(first))
    assert [type(one) for one in back] == [type(first)] * 3
    assert [one.digest for one in back] == [one.digest for one in population]
    assert all(torch.equal(a.weights, b.weights) for a, b in zip(back, population, strict=True))
    assert [one.fitness.valid for one in back] == [True, True, False]
    assert [one.fitness.values for one in back[:2]] == [(0.0,), (1 / 3,)]
    assert (back[0].records, back[0].strategy) == (first.records, first.strategy)
    assert back[0].fitness.crowding_dist == math.inf
    assert not hasattr(back[1], "strategy")


def test_recipes_stay_recipes_and_no_weight_of_theirs_is_stored(population):
    packed = pack(population)
    assert [len(rows) for rows in packed.tensors.values()] == [1]
    assert packed.nbytes == 26 * 4
    back = through(population)
    assert [one.node.depth for one in back] == [0, 1, 2]
    assert back[2].node.recipe.parents[0] is back[1].node


def test_a_settled_network_keeps_the_digest_of_its_recipe(population):
    child = population[2]
    digest = child.digest
    child.node.settle(made(child.node))
    back = through(child)
    assert (back.node.depth, back.digest) == (0, digest)
    assert torch.equal(back.weights, child.weights)


def test_networks_are_stored_once_however_many_individuals_share_them(population):
    clones = [population[0].__deepcopy__({}) for _ in range(5)]
    packed = pack({"population": population, "hall": clones})
    assert len(packed.document["networks"]) == 3
    assert len(packed.document["individuals"]) == 8
    back = through(clones)
    assert all(one.node is back[0].node for one in back)
    assert len({id(one) for one in back}) == 5


def test_one_individual_in_two_places_is_one_individual_again(population):
    back = through({"a": population, "best": population[1]})
    assert back["best"] is back["a"][1]


def test_a_child_of_what_came_back_is_the_child_of_what_was_stored(population):
    back = through(population)
    for individuals in (population, back):
        random.seed(3)
        dn.mutGaussian(individuals[2], sigma=0.1, indpb=0.3)
    assert back[2].digest == population[2].digest
    assert torch.equal(back[2].weights, population[2].weights)


def test_individuals_take_a_given_class_of_their_name_or_the_one_of_the_creator(population):
    fitness = type(population[0].fitness)
    other = creator.MetaCreator("IndividualOfTests", dn.WeightGenome, {"fitness": fitness})
    assert type(through(population, other)[0]) is other
    assert type(through(population)[0]) is creator.IndividualOfTests


def test_a_class_that_is_not_there_is_named_with_what_to_do(population, monkeypatch):
    monkeypatch.delattr(creator, "IndividualOfTests")
    with pytest.raises(RunError) as caught:
        through(population)
    assert str(caught.value) == (
        'The individuals are of class "deap.creator:IndividualOfTests", which is not there: create '
        "it (creator.create, or import deap.creator) before the snapshot is loaded."
    )


def test_what_cannot_be_stored_is_named_by_its_place(population):
    population[1].strategy = {1, 2}
    with pytest.raises(RunError) as caught:
        pack({"loop": {"population": population}})
    assert str(caught.value) == (
        f"A snapshot cannot hold individual {population[1].digest[:8]} > strategy: it is set. "
        "A state is made of dicts, lists, numbers, text, tensors, arrays and WeightGenome "
        "individuals."
    )
    with pytest.raises(RunError, match="cannot hold loop > item 1: it is object"):
        pack({"loop": [0, object()]})


def test_a_recipe_that_gives_another_network_is_damage(population):
    packed = pack(population)
    packed.document["networks"][1][3] += 1
    with pytest.raises(RunError, match=r"The recipe of network \w+ by mutGaussian gives \w+: the"):
        unpack(packed)


def test_weights_stored_in_bfloat16_come_back_as_such(individual_class, net):
    dtype = torch.bfloat16
    lot = [dn.initWeights(individual_class, net, sigma=s, dtype=dtype) for s in (0.0, 0.1)]
    back = through(lot, individual_class)
    assert [one.layout for one in back] == [one.layout for one in lot]
    assert back == lot
    assert all(torch.equal(a.weights, b.weights) for a, b in zip(back, lot, strict=True))
