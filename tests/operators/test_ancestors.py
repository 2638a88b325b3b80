"""Populations that start from trained weights."""

from __future__ import annotations

import copy
import gc
import itertools
import random
import re
import weakref
from collections import Counter
from pathlib import Path

import pytest
import torch
from deap import tools
from torch import nn

import deapnets as dn
from deapnets.errors import LayoutError, OptionError
from deapnets.operators.ancestors import ancestor_of


def state_of(net: nn.Module, value: float) -> dict[str, torch.Tensor]:
    """Return a state_dict of the net in which every parameter has the same value."""
    return {name: torch.full_like(held, value) for name, held in net.state_dict().items()}


@pytest.fixture
def start(individual_class, net):
    """Return a function that makes an individual of ``net`` from state_dicts."""

    def start(*states, sigma: float = 0, **keywords):
        return dn.initWeights(individual_class, net, sigma, state_dicts=states, **keywords)

    return start


def test_individuals_start_from_a_state_dict_and_not_from_the_module(start, net):
    assert torch.equal(start(state_of(net, 2.0)).weights, torch.full((26,), 2.0))
    noisy = start(state_of(net, 2.0), sigma=0.1).weights
    assert 0 < float((noisy - 2).abs().max()) < 0.5
    assert not torch.equal(ancestor_of(net).weights, torch.full((26,), 2.0))


def test_each_of_several_state_dicts_is_drawn_about_equally_often(start, net):
    states = [state_of(net, value) for value in (1.0, 2.0, 3.0)]
    values = Counter(float(start(*states).weights[0]) for _ in range(300))
    assert values.keys() == {1.0, 2.0, 3.0}
    assert min(values.values()) > 70


def test_python_random_governs_which_one_is_drawn(start, net):
    states = [state_of(net, value) for value in (1.0, 2.0)]
    lots = []
    for _ in range(2):
        random.seed(5)
        lots.append([start(*states, sigma=0.1) for _ in range(10)])
    assert lots[0] == lots[1]


def test_one_state_dict_draws_nothing_but_the_seed(start, net):
    start(state_of(net, 1.0), sigma=0.1)
    after = random.random()
    random.seed(1)
    random.getrandbits(64)
    assert random.random() == after


def test_as_many_of_each_come_from_deaps_own_cycle(individual_class, net):
    def of(value: float):
        states = [state_of(net, value)]
        return lambda: dn.initWeights(individual_class, net, 0, state_dicts=states)

    population = tools.initCycle(list, (of(1.0), of(2.0)), n=5)
    assert [float(one.weights[0]) for one in population] == [1.0, 2.0] * 5


def test_individuals_of_one_state_dict_share_its_leaf(start, net):
    first, second = state_of(net, 1.0), state_of(net, 2.0)
    lot = [start(state, sigma=0.1) for state in (first, second, first, copy.deepcopy(second))]
    leaves = [one.node.recipe.parents[0] for one in lot]
    assert leaves[0] is leaves[2]
    assert leaves[1] is leaves[3]
    assert leaves[0] is not leaves[1]


def test_leaves_go_with_the_individuals_that_need_them(start, net):
    individual = start(state_of(net, 1.0))
    held = weakref.ref(individual.node)
    start(state_of(net, 2.0))
    assert held() is not None
    del individual
    gc.collect()
    assert held() is None


def test_a_state_dict_of_the_evolved_part_is_enough(start, net):
    state = {name: value for name, value in state_of(net, 3.0).items() if name.startswith("2.")}
    assert start(state, parameters="2.*").weights.tolist() == [3.0] * 10


def test_an_individuals_own_state_dict_starts_a_population(start, net):
    individual = start(state_of(net, 2.0), sigma=0.1)
    assert torch.equal(start(individual.state_dict()).weights, individual.weights)
    assert torch.equal(start(individual.state_dict(net)).weights, individual.weights)


def test_state_dict_of_tied_parameters_is_taken_by_every_name(individual_class):
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    state = state_of(net, 4.0)
    individual = dn.initWeights(individual_class, net, 0, state_dicts=[state])
    assert individual.weights.tolist() == [4.0] * 15
    whole = individual.state_dict(net)
    assert list(whole) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert whole["0.weight"].data_ptr() != whole["1.weight"].data_ptr()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda state: state.update({"2.wieght": state.pop("2.weight")}),
            '[1] has "2.wieght", which Sequential has not. Did you mean "2.weight"?',
        ),
        (
            lambda state: state.update({"0.weight": torch.zeros(5, 3)}),
            '[1] is of another network: its "0.weight" is [5, 3], Sequential has [4, 3].',
        ),
        (lambda state: state.pop("2.bias"), '[1] lacks "2.bias", which is evolved.'),
    ],
)
def test_state_dict_of_another_network_is_refused_with_the_first_difference(
    start, net, change, said
):
    state = state_of(net, 1.0)
    change(state)
    good = state_of(net, 2.0)
    with pytest.raises(LayoutError, match=re.escape(f"state_dicts{said}")):
        list(itertools.starmap(start, itertools.repeat((good, state), 64)))


def test_state_dict_that_differs_in_a_shared_part_is_refused(individual_class):
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).eval()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    dn.initWeights(individual_class, net, 0, state_dicts=[state])
    state["1.running_mean"] += 1
    said = (
        'state_dicts[0] has other numbers than Sequential in "1.running_mean", which is not '
        "evolved but shared by all. Load it into the module first, or leave it out"
    )
    with pytest.raises(LayoutError, match=re.escape(said)):
        dn.initWeights(individual_class, net, 0, state_dicts=[state])
    del state["1.running_mean"]
    dn.initWeights(individual_class, net, 0, state_dicts=[state])


@pytest.mark.parametrize(
    "given",
    [
        lambda net: net.state_dict(),
        lambda net: net,
        lambda net: [net],
        lambda net: (net.state_dict() for _ in range(1)),
        lambda net: {name: value.numpy() for name, value in net.state_dict().items()},
        lambda net: ({name: value.numpy() for name, value in net.state_dict().items()},),
        lambda net: (dict(net.state_dict().items()), net),
    ],
    ids=["mapping", "module", "in a list", "generator", "arrays", "several arrays", "both"],
)
def test_trained_weights_may_come_in_many_ways(individual_class, net, given):
    trained = copy.deepcopy(net)
    nn.init.constant_(trained[0].weight, 2.0)
    individual = dn.initWeights(individual_class, net, 0, state_dicts=given(trained))
    expected = torch.cat([value.reshape(-1) for value in trained.state_dict().values()])
    assert torch.equal(individual.weights, expected)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (
            lambda state: "runs/best.pt",
            OptionError,
            'state_dicts takes the weights themselves, got the path "runs/best.pt". Read it first:',
        ),
        (
            lambda state: [Path("best.pt")],
            OptionError,
            'state_dicts[0] takes the weights themselves, got the path "best.pt". Read it first:',
        ),
        (lambda state: 3, OptionError, "state_dicts are a list of state_dicts, got 3."),
        (
            lambda state: torch.ones(2),
            OptionError,
            "state_dicts are a list of state_dicts, got tensor([1., 1.]).",
        ),
        (lambda state: [None], OptionError, "state_dicts[0] is no state_dict, got None."),
        (
            lambda state: iter(()),
            OptionError,
            "state_dicts is an iterator with nothing left: the first individual takes it all.",
        ),
        (
            lambda state: {"epoch": 3, "optimizer": {"lr": 1.0}, "model": state},
            LayoutError,
            'state_dicts[0] is a checkpoint that holds a state_dict under "model". Give that one: '
            'checkpoint["model"].',
        ),
        (
            lambda state: [{"weights": state}],
            LayoutError,
            'state_dicts[0] is a checkpoint that holds a state_dict under "weights". Give that',
        ),
        (
            lambda state: {**state, "note": "best"},
            LayoutError,
            "state_dicts[0] holds no array under \"note\" but 'best'.",
        ),
        (
            lambda state: {f"module.{name}": value for name, value in state.items()},
            LayoutError,
            'state_dicts[0] has names that begin with "module.": nn.DataParallel saved it; strip '
            'the prefix, {name.removeprefix("module."): value for',
        ),
        (
            lambda state: {f"_orig_mod.{name}": value for name, value in state.items()},
            LayoutError,
            'state_dicts[0] has names that begin with "_orig_mod.": torch.compile saved it; strip',
        ),
        (
            lambda state: {f"net.{name}": value for name, value in state.items()},
            LayoutError,
            'state_dicts[0] has names that begin with "net.": strip the prefix',
        ),
    ],
)
def test_what_is_no_state_dict_is_refused_beside_what_was_found(
    individual_class, net, given, error, said
):
    with pytest.raises(error, match=f"^{re.escape(said)}"):
        dn.initWeights(individual_class, net, 0, state_dicts=given(state_of(net, 1.0)))


@pytest.mark.parametrize("parameters", ["1.weight", None])
def test_a_tied_parameter_is_taken_by_its_second_name_alone(individual_class, parameters):
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    state = state_of(net, 4.0)
    del state["0.weight"]
    part = state if parameters is None else {"1.weight": state["1.weight"]}
    individual = dn.initWeights(individual_class, net, 0, parameters=parameters, state_dicts=[part])
    assert set(individual.weights.tolist()) == {4.0}


@pytest.mark.parametrize(("states", "spread"), [(0, "ancestor"), (1, "independent")])
def test_state_dicts_that_nobody_could_start_from_are_refused(start, net, states, spread):
    said = rf"^initWeights starts from state_dicts only .* got {states} and spread=\"{spread}\"\.$"
    with pytest.raises(OptionError, match=said):
        start(*[state_of(net, 1.0)] * states, sigma=1.0, spread=spread)


def test_what_a_module_keeps_beside_its_tensors_is_left_out(individual_class):
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def get_extra_state(self):
            return {"steps": 3}

        def set_extra_state(self, state):
            pass

    net = Counting()
    for given in (net, net.state_dict(), [net]):
        one = dn.initWeights(individual_class, net, sigma=0.0, state_dicts=given)
        assert torch.equal(one.weights[:6], net.layer.weight.detach().flatten())
