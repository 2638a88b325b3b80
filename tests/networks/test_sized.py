"""Convolutions as products of patches: what plain torch makes of them, while images are small."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deapnets.errors import EvaluationError
from deapnets.genomes.layout import Layout
from deapnets.networks import sized
from deapnets.networks.chunk import Networks
from deapnets.networks.looped import LoopPath
from deapnets.networks.paths import choose_path
from deapnets.networks.sized import SizedPath

CPU = torch.device("cpu")


def frozen_kernels() -> nn.Module:
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 63, 3))
    net[0].requires_grad_(False)
    return net


CHAINS = {
    "a convolution alone": lambda: nn.Conv2d(2, 4, 3),
    "strides": lambda: nn.Sequential(nn.Conv2d(2, 4, 3, stride=(2, 3)), nn.Tanh()),
    "padding": lambda: nn.Sequential(nn.Conv2d(2, 4, 5, padding=(2, 1))),
    "padding valid": lambda: nn.Sequential(nn.Conv2d(2, 4, 3, padding="valid")),
    "dilation": lambda: nn.Sequential(nn.Conv2d(2, 4, 3, dilation=2), nn.ReLU()),
    "kernel of one": lambda: nn.Sequential(nn.Conv2d(2, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1)),
    "two convolutions": lambda: nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.SiLU(), nn.Conv2d(4, 3, 3, bias=False)
    ),
    "overlapping pools": lambda: nn.Sequential(nn.Conv2d(2, 4, 2), nn.MaxPool2d(3, 2)),
    "dilated pools": lambda: nn.Sequential(nn.Conv2d(2, 4, 2), nn.MaxPool2d(2, 1, dilation=3)),
    "average pools": lambda: nn.Sequential(nn.Conv2d(2, 4, 2), nn.AvgPool2d((3, 2)), nn.Sigmoid()),
    "pool first": lambda: nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(2, 4, 2)),
    "mean of all places": lambda: nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softplus(), nn.Linear(4, 3)
    ),
    "starts in place": lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(2, 4, 3)),
    "nested, with dropout": lambda: nn.Sequential(
        nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Dropout(0.5)),
        nn.Sequential(nn.Flatten(), nn.Linear(4 * 63, 5), nn.Tanh(), nn.Linear(5, 3)),
    ),
    "frozen kernels": frozen_kernels,
}


@pytest.fixture(params=CHAINS)
def chain(request) -> nn.Module:
    return CHAINS[request.param]()


def images(count: int, each: bool) -> torch.Tensor:
    return torch.randn(*([count] if each else []), 6, 2, 9, 11)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("each", [False, True])
def test_a_chain_of_convolutions_equals_plain_torch(chain, count, each, networks_of, plain_loop):
    networks = networks_of(chain, count, "stacked")
    assert networks._path.most is None  # of any size
    inputs = images(count, each)
    before = inputs.clone()
    outputs = networks(inputs, each=each)
    assert torch.equal(inputs, before)
    expected = plain_loop(chain, networks, inputs, each=each)
    torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-5)


def test_not_a_number_goes_through_pools_as_in_torch(networks_of, plain_loop):
    net = nn.Sequential(nn.Conv2d(2, 3, 1), nn.MaxPool2d(2), nn.AvgPool2d(2))
    inputs = images(1, False)
    inputs[0, 0, 0, 0] = torch.nan
    networks = networks_of(net, 3, "stacked")
    expected = plain_loop(net, networks, inputs)
    assert expected.isnan().any()
    torch.testing.assert_close(networks(inputs), expected, equal_nan=True)


OTHERS = {
    "padding same": lambda: nn.Sequential(nn.Conv2d(2, 4, 3, padding="same")),
    "groups": lambda: nn.Sequential(nn.Conv2d(2, 4, 3, groups=2)),
    "circular": lambda: nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular")),
    "padded pool": lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.MaxPool2d(2, padding=1)),
    "pool rounded up": lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.AvgPool2d(2, ceil_mode=True)),
    "pool to a size": lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.AdaptiveAvgPool2d(3)),
    "pool with a divisor": lambda: nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.AvgPool2d(2, divisor_override=3)
    ),
    "flattened in part": lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(2), nn.Linear(63, 2)),
    "linear across": lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.Linear(9, 2)),
    "softmax": lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.Softmax(1)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_convolutions_are_looped_and_equal_plain_torch(name, networks_of, plain_loop):
    net = OTHERS[name]()
    networks = networks_of(net, 3)
    assert networks._path.name == "loop"
    inputs = images(3, False)
    torch.testing.assert_close(networks(inputs), plain_loop(net, networks, inputs))


@pytest.fixture
def looped(monkeypatch) -> list[int]:
    """Return the list that grows by the networks of each call of the loop."""
    calls: list[int] = []
    plain = LoopPath.forward

    def counting(self, parameters, inputs, each):
        calls.append(len(next(iter(parameters.values()))))
        return plain(self, parameters, inputs, each)

    monkeypatch.setattr(LoopPath, "forward", counting)
    return calls


@pytest.mark.parametrize("each", [False, True])
def test_large_images_are_looped(looped, each, networks_of, monkeypatch):
    net = CHAINS["two convolutions"]()
    networks, inputs = networks_of(net, 5), images(5, each)
    small = networks(inputs, each=each)
    assert isinstance(networks._path, SizedPath)
    assert looped == []
    monkeypatch.setattr(networks._path, "most", 6 * 4 * 9 * 7 * 9 - 1)  # of the second one
    large = networks(inputs, each=each)
    assert looped == [5]
    torch.testing.assert_close(large, small, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("each", [False, True])
def test_networks_in_lots_have_the_bits_of_all_at_once(each, networks_of, monkeypatch):
    networks, inputs = networks_of(CHAINS["two convolutions"](), 7), images(7, each)
    at_once = networks(inputs, each=each)
    monkeypatch.setattr(sized, "_HELD", 1)  # two at a time
    assert torch.equal(networks(inputs, each=each), at_once)


@pytest.mark.parametrize(
    "inputs",
    [
        torch.zeros(4, 3, 9, 9),
        torch.zeros(4, 2, 2, 2),
        torch.zeros(4, 2, 9, 9, dtype=torch.float64),
        torch.zeros(4, 2, 8, 9),
    ],
    ids=["channels", "too small", "double", "other size"],
)
def test_inputs_that_do_not_fit_are_told_as_the_loop_tells_them(inputs):
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(4 * 49, 3))
    layout = Layout.of(net)
    said = []
    for wish in ("", "stacked", "loop"):
        networks = Networks(choose_path(net, layout, CPU, wish), layout, layout.flatten(net)[None])
        with pytest.raises((RuntimeError, EvaluationError)) as error:
            networks(inputs)
        said.append(str(error.value))
    assert said[0] == said[1] == said[2]


def test_images_without_a_batch_go_the_other_way(networks_of, plain_loop):
    net = CHAINS["strides"]()
    networks, inputs = networks_of(net, 3), torch.randn(2, 9, 11)
    torch.testing.assert_close(networks(inputs), plain_loop(net, networks, inputs))
