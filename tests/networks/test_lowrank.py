"""Children whose weights are never made: equal to those whose weights are, bits and all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from deapnets.errors import EvaluationError
from deapnets.genomes.factors import draw_factors, factoring
from deapnets.genomes.layout import Layout
from deapnets.networks import lowrank_batched, lowrank_looped, lowrank_stacked
from deapnets.networks.chunk import Networks
from deapnets.networks.convolutions import convolvable
from deapnets.networks.lowrank import LowRankNetworks
from deapnets.networks.lowrank_batched import BatchedLowRank
from deapnets.networks.lowrank_looped import LoopedLowRank
from deapnets.networks.lowrank_stacked import StackedLowRank
from deapnets.networks.paths import choose_path
from deapnets.networks.stacked import StackedPath
from deapnets.randomness import Draw


def frozen(*layers: int) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        net = nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 4))
        for layer in layers:
            net[layer].requires_grad_(False)
        return net

    return make


def frozen_bias() -> nn.Module:
    net = frozen()()
    net[0].bias.requires_grad_(False)
    return net


CHAINS = {
    "three layers": frozen(),
    "first layer frozen": frozen(0),
    "middle layer frozen": frozen(2),
    "bias frozen": frozen_bias,
    "no bias": lambda: nn.Sequential(nn.Linear(6, 7, bias=False), nn.GELU(), nn.Linear(7, 3)),
    "one layer": lambda: nn.Linear(6, 4),
    "starts with an activation": lambda: nn.Sequential(nn.Tanh(), nn.Linear(6, 4)),
    "ends with an activation": lambda: nn.Sequential(nn.Linear(6, 4), nn.Sigmoid()),
}


@pytest.fixture(params=CHAINS)
def net(request):
    return CHAINS[request.param]()


@pytest.fixture
def family() -> Callable[..., LowRankNetworks]:
    """Return a function that makes the children of a module by their seeds."""

    def family(
        module: nn.Module, seeds, rank: int = 1, scale: float = 0.3, convolved=LoopedLowRank
    ) -> LowRankNetworks:
        layout = Layout.of(module)
        plan = factoring(layout, rank)
        draw = Draw(np.array(seeds, dtype=np.uint64), layout.width)
        path = choose_path(module, layout, torch.device("cpu"))
        if isinstance(path, StackedPath):
            low_rank = StackedLowRank(path)
        elif convolved is StackedLowRank:
            low_rank = StackedLowRank(path.stacked)
        else:
            low_rank = convolved(convolvable(module, layout, torch.device("cpu")))
        base = layout.flatten(module)
        factors = draw_factors(draw, plan, scale)
        return LowRankNetworks(path, low_rank, layout, base, factors, plan)

    return family


def made(module: nn.Module, networks: LowRankNetworks) -> Networks:
    """Return the same networks with their weights made."""
    layout = Layout.of(module)
    path = choose_path(module, layout, torch.device("cpu"), "loop")
    return Networks(path, layout, networks.weights())


@pytest.mark.parametrize("rows", [2, 8])  # few: later matrices are larger than what comes in
@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_outputs_are_those_of_the_made_weights_to_rounding(net, rows, rank, count, family):
    inputs = torch.randn(rows, 6)
    networks = family(net, range(count), rank)
    assert len(networks) == count
    torch.testing.assert_close(networks(inputs), made(net, networks)(inputs))


@pytest.mark.parametrize("count", [1, 5])
def test_each_network_gets_its_own_inputs(net, count, family):
    inputs = torch.randn(count, 8, 6)
    networks = family(net, range(count))
    expected = made(net, networks)(inputs, each=True)
    torch.testing.assert_close(networks(inputs, each=True), expected)


def test_images_are_flattened_and_batch_dimensions_kept(family):
    net = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
    networks = family(net, range(3))
    inputs = torch.randn(5, 1, 2, 3)
    torch.testing.assert_close(networks(inputs), made(net, networks)(inputs))
    net = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
    networks = family(net, range(3))
    inputs = torch.randn(5, 2, 6)
    torch.testing.assert_close(networks(inputs), made(net, networks)(inputs))


WIDE = {
    "mlp": lambda: nn.Sequential(nn.Linear(19, 33), nn.ReLU(), nn.Linear(33, 10)),
    "deep": lambda: nn.Sequential(nn.Linear(19, 8), nn.Tanh(), nn.Linear(8, 8), nn.Linear(8, 3)),
}


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_a_childs_bits_do_not_depend_on_its_company(name, rank, batch, family):
    torch.manual_seed(3)
    net, inputs = WIDE[name](), torch.randn(batch, 19)
    together = family(net, range(64), rank)(inputs)
    for chunk in (1, 3, 16):
        parts = [family(net, range(64)[k : k + chunk], rank)(inputs) for k in range(0, 64, chunk)]
        assert torch.equal(torch.cat(parts), together)


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.usefixtures("_threads_restored")
def test_a_childs_bits_do_not_depend_on_threads(name, family):
    torch.manual_seed(3)
    net, inputs = WIDE[name](), torch.randn(100, 19)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(family(net, range(200), 2)(inputs))
    assert torch.equal(*found)


def test_blocks_of_few_children_give_the_bits_of_all_at_once(family, monkeypatch):
    net, inputs = WIDE["mlp"](), torch.randn(50, 19)
    at_once = family(net, range(11))(inputs)
    each = torch.randn(11, 50, 19)
    own = family(net, range(11))(each, each=True)
    monkeypatch.setitem(lowrank_stacked._ACTIVATIONS, "cpu", 1)  # four at a time
    assert torch.equal(family(net, range(11))(inputs), at_once)
    assert torch.equal(family(net, range(11))(each, each=True), own)


def test_forwards_are_counted_for_every_child(family):
    networks = family(WIDE["mlp"](), range(7))
    networks(torch.randn(10, 19))
    assert networks.forwards == 70


def test_weights_are_made_for_those_who_ask(family):
    net = WIDE["mlp"]()
    networks = family(net, range(4))
    parts = networks.parameters()
    assert networks.weights().shape == (4, Layout.of(net).width)
    assert torch.equal(parts["0.weight"].flatten(1), networks.weights()[:, : 19 * 33])
    spread = networks.weights() - Layout.of(net).flatten(net)
    assert spread.std() == pytest.approx(0.3, rel=0.2)


def test_inputs_that_do_not_fit_are_refused(family):
    with pytest.raises(EvaluationError, match=r"first layer takes inputs \[\.\.\., 19\]"):
        family(WIDE["mlp"](), range(3))(torch.randn(4, 18))


def convolutional(*frozen: int) -> nn.Module:
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3, stride=2, bias=False),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(20, 6),
        nn.Tanh(),
        nn.Linear(6, 3),
    )
    for layer in frozen:
        net[layer].requires_grad_(False)
    return net


CONVOLUTIONS = {
    "convolutions": convolutional,
    "first frozen": lambda: convolutional(0),
    "head frozen": lambda: convolutional(6, 8),
    "no linear layer": lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.AvgPool2d(2)),
    "starts in place": lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(2, 4, 3)),
    "starts flat in place": lambda: nn.Sequential(
        nn.Flatten(), nn.ReLU(inplace=True), nn.Linear(288, 3)
    ),
    "starts with a pool": lambda: nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(2, 4, 3)),
}


@pytest.fixture(params=CONVOLUTIONS)
def images_net(request):
    return CONVOLUTIONS[request.param]()


@pytest.mark.parametrize("way", [LoopedLowRank, BatchedLowRank, StackedLowRank])
@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("each", [False, True])
def test_convolutions_equal_those_of_the_made_weights(images_net, way, rank, count, each, family):
    networks = family(images_net, range(count), rank, convolved=way)
    inputs = torch.randn(*([count] if each else []), 7, 2, 12, 12)
    before = inputs.clone()
    outputs = networks(inputs, each=each)
    assert torch.equal(inputs, before)
    expected = made(images_net, networks)(inputs, each=each)
    torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("way", [LoopedLowRank, StackedLowRank])
@pytest.mark.parametrize("batch", [5, 64, 100])
def test_a_childs_bits_after_convolutions_do_not_depend_on_its_company(way, batch, family):
    torch.manual_seed(3)
    net, inputs = convolutional(), torch.randn(batch, 2, 12, 12)
    together = family(net, range(9), convolved=way)(inputs)
    for chunk in (1, 3):
        parts = [range(9)[first : first + chunk] for first in range(0, 9, chunk)]
        outputs = [family(net, seeds, convolved=way)(inputs) for seeds in parts]
        assert torch.equal(together, torch.cat(outputs))


@pytest.mark.usefixtures("_threads_restored")
def test_a_childs_bits_after_stacked_convolutions_do_not_depend_on_threads(family):
    torch.manual_seed(3)
    net, inputs, found = convolutional(), torch.randn(50, 2, 12, 12), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(family(net, range(30), 2, convolved=StackedLowRank)(inputs))
    assert torch.equal(*found)


@pytest.mark.parametrize("each", [False, True])
def test_blocks_of_stacked_children_give_the_bits_of_all_at_once(each, family, monkeypatch):
    net, inputs = convolutional(), torch.randn(*([9] if each else []), 7, 2, 12, 12)
    at_once = family(net, range(9), convolved=StackedLowRank)(inputs, each=each)
    monkeypatch.setitem(lowrank_stacked._ACTIVATIONS, "cpu", 1)  # four at a time
    parts = family(net, range(9), convolved=StackedLowRank)(inputs, each=each)
    assert torch.equal(parts, at_once)


@pytest.mark.parametrize("each", [False, True])
def test_blocks_of_children_give_what_all_at_once_give(each, family, monkeypatch):
    net, inputs = convolutional(), torch.randn(*([5] if each else []), 7, 2, 12, 12)
    at_once = family(net, range(5), convolved=BatchedLowRank)(inputs, each=each)
    monkeypatch.setattr(lowrank_batched, "_ACTIVATIONS", 1)  # two at a time
    parts = family(net, range(5), convolved=BatchedLowRank)(inputs, each=each)
    torch.testing.assert_close(parts, at_once)


def test_a_batch_in_parts_equals_a_batch_at_once(family, monkeypatch):
    net, inputs = convolutional(), torch.randn(10, 2, 12, 12)
    at_once = family(net, range(3))(inputs)
    monkeypatch.setattr(lowrank_looped, "_IMAGES", 3)
    torch.testing.assert_close(family(net, range(3))(inputs), at_once)


def hooked() -> nn.Module:
    net = convolutional()
    net[0].register_forward_hook(lambda *_: None)
    return net


def tied() -> nn.Module:
    layer = nn.Conv2d(2, 2, 3, padding=1)
    return nn.Sequential(layer, nn.ReLU(), layer)


OTHERS = {
    "norm": lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4)),
    "groups": lambda: nn.Sequential(nn.Conv2d(2, 4, 3, groups=2), nn.ReLU()),
    "circular": lambda: nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular")),
    "one dimension": lambda: nn.Sequential(nn.Conv1d(2, 4, 3)),
    "hooked": hooked,
    "tied": tied,
    "class of its own": lambda: nn.TransformerEncoderLayer(8, 2, 8),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_module_that_is_no_such_chain_is_left_to_made_weights(name):
    net = OTHERS[name]()
    assert convolvable(net, Layout.of(net), torch.device("cpu")) is None
