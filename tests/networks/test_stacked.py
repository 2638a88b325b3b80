import re

import pytest
import torch
from torch import nn

from deapnets.errors import EvaluationError
from deapnets.genomes.layout import Layout
from deapnets.networks.stacked import stackable

ACTIVATIONS = [
    nn.ReLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.Identity,
    nn.GELU,
    nn.SiLU,
    nn.ELU,
    nn.LeakyReLU,
    nn.Softplus,
    nn.Hardtanh,
    nn.SELU,
    nn.Mish,
]


def frozen_first(requires_grad: bool = False) -> nn.Module:
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    net[0].requires_grad_(requires_grad)
    return net


def frozen_last() -> nn.Module:
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    net[2].bias.requires_grad_(False)
    return net


def repeated_activation() -> nn.Module:
    tanh = nn.Tanh()
    return nn.Sequential(nn.Linear(3, 4), tanh, nn.Linear(4, 4), tanh, nn.Linear(4, 2), tanh)


CHAINS = {
    "one layer": lambda: nn.Linear(3, 2),
    "no bias": lambda: nn.Sequential(nn.Linear(3, 4, bias=False), nn.Tanh(), nn.Linear(4, 2)),
    "no bias anywhere": lambda: nn.Linear(3, 2, bias=False),
    "nested": lambda: nn.Sequential(
        nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU())), nn.Sequential(nn.Linear(4, 2))
    ),
    "starts in place": lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2)),
    "ends in place": lambda: nn.Sequential(nn.Linear(3, 2), nn.Sigmoid()),
    "two activations": lambda: nn.Sequential(nn.Linear(3, 2), nn.ELU(inplace=True), nn.ReLU()),
    "repeated activation": repeated_activation,
    "frozen first layer": frozen_first,
    "frozen last bias": frozen_last,
    "dropout": lambda: nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 4), nn.Dropout(0.5)),
    "double precision": lambda: frozen_first().double(),
}


@pytest.fixture(params=CHAINS)
def chain(request):
    return CHAINS[request.param]()


@pytest.fixture
def inputs():
    return torch.randn(6, 3)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_chain_equals_plain_torch_to_rounding(chain, count, inputs, networks_of, plain_loop):
    networks = networks_of(chain, count, "stacked")
    expected = plain_loop(chain.float(), networks, inputs)
    torch.testing.assert_close(networks(inputs), expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_equals_plain_torch_to_rounding(activation, inputs, networks_of, plain_loop):
    net = nn.Sequential(nn.Linear(3, 4), activation(), nn.Linear(4, 2))
    networks = networks_of(net, path="stacked")
    torch.testing.assert_close(networks(inputs), plain_loop(net, networks, inputs))


@pytest.mark.parametrize("count", [1, 5])
def test_each_network_gets_its_own_inputs(chain, count, networks_of, plain_loop):
    networks = networks_of(chain, count, "stacked")
    inputs = torch.randn(count, 6, 3)
    expected = plain_loop(chain.float(), networks, inputs, each=True)
    torch.testing.assert_close(networks(inputs, each=True), expected)


@pytest.mark.parametrize("each", [False, True])
def test_images_are_flattened_first(each, networks_of, plain_loop):
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 2))
    networks = networks_of(net, 3, "stacked")
    inputs = torch.randn(*([3] if each else []), 5, 1, 3, 4)
    expected = plain_loop(net, networks, inputs, each=each)
    torch.testing.assert_close(networks(inputs, each=each), expected)


@pytest.mark.parametrize("leading", [(), (1,), (5,), (5, 4), (2, 3, 4)])
@pytest.mark.parametrize("count", [1, 3])
def test_any_number_of_batch_dimensions_equals_plain_torch(leading, count, networks_of, plain_loop):
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    networks = networks_of(net, count, "stacked")
    inputs = torch.randn(*leading, 3)
    torch.testing.assert_close(networks(inputs), plain_loop(net, networks, inputs))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("shape", [(6, 1), (1, 1), (6, 3)])
@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Identity])
def test_inputs_are_never_changed(count, shape, each, activation, networks_of):
    net = nn.Sequential(activation(), nn.Identity(), nn.ReLU(inplace=True), nn.Linear(shape[1], 2))
    inputs = torch.randn(*([count] if each else []), *shape)
    before = inputs.clone()
    networks_of(net, count, "stacked")(inputs, each=each)
    assert torch.equal(inputs, before)


@pytest.mark.parametrize("count", [1, 3])
def test_weights_are_never_changed(chain, count, inputs, networks_of):
    networks = networks_of(chain, count, "stacked")
    before = networks.weights().clone()
    networks(inputs)
    assert torch.equal(networks.weights(), before)


@pytest.mark.parametrize(
    ("inputs", "got"),
    [
        (torch.zeros(6, 4), "got [6, 4] of torch.float32"),
        (torch.zeros(6, 3, dtype=torch.int64), "got [6, 3] of torch.int64"),
        (torch.zeros(6, 3, dtype=torch.float64), "got [6, 3] of torch.float64"),
    ],
)
def test_inputs_that_do_not_fit_the_first_layer_are_refused(inputs, got, networks_of):
    networks = networks_of(frozen_first(), path="stacked")
    wanted = "The network's first layer takes inputs [..., 3] of torch.float32, "
    with pytest.raises(EvaluationError, match=re.escape(wanted + got)):
        networks(inputs)


def tied_layers() -> nn.Module:
    layer = nn.Linear(3, 3)
    return nn.Sequential(layer, nn.Tanh(), layer)


def tied_weights() -> nn.Module:
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    net[2].weight = net[0].weight
    return net


class Chained(nn.Sequential):
    def forward(self, inputs):
        return -super().forward(inputs)


@pytest.mark.parametrize(
    "module",
    [
        tied_layers(),
        tied_weights(),
        Chained(nn.Linear(3, 2)),
        nn.Sequential(nn.Linear(3, 2), nn.Softmax(1)),
        nn.Sequential(nn.Linear(3, 2), nn.Flatten()),
        nn.Sequential(nn.Flatten(2), nn.Linear(3, 2)),
        nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 2)),
        nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2)),
        nn.LayerNorm(3),
    ],
    ids=repr,
)
def test_what_is_no_chain_is_not_stacked(module):
    assert stackable(module, Layout.of(module)) is None


def test_a_chain_without_a_linear_layer_is_not_stacked():
    evolved_elsewhere = Layout(("weight",), ((1,),))
    assert stackable(nn.Sequential(nn.ReLU()), evolved_elsewhere) is None
    assert stackable(nn.Sequential(), evolved_elsewhere) is None


@pytest.mark.parametrize("where", ["", "0", "1"])
@pytest.mark.parametrize("kind", ["register_forward_hook", "register_forward_pre_hook"])
def test_a_module_with_forward_hooks_is_not_stacked(where, kind):
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    assert stackable(net, Layout.of(net)) is not None
    getattr(net.get_submodule(where), kind)(lambda *arguments: None)
    assert stackable(net, Layout.of(net)) is None


def test_a_forward_hook_is_called_by_the_default_path(inputs, networks_of, plain_loop):
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    net[0].register_forward_hook(lambda module, arguments, outputs: 2 * outputs)
    networks = networks_of(net)
    torch.testing.assert_close(networks(inputs), plain_loop(net, networks, inputs))


@pytest.mark.parametrize("where", ["", "0", "1"])
def test_a_replaced_forward_is_called_by_the_default_path(where, inputs, networks_of, plain_loop):
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    layer = net.get_submodule(where)
    plain = layer.forward
    layer.forward = lambda values: 2 * plain(values) + 1
    networks = networks_of(net)
    torch.testing.assert_close(networks(inputs), plain_loop(net, networks, inputs))


@pytest.mark.parametrize("kind", ["hook", "pre_hook"])
def test_hooks_of_all_modules_forbid_stacking(kind):
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    handle = getattr(nn.modules.module, f"register_module_forward_{kind}")(lambda *arguments: None)
    try:
        assert stackable(net, Layout.of(net)) is None
    finally:
        handle.remove()
    assert stackable(net, Layout.of(net)) is not None


@pytest.mark.parametrize("make", [tied_layers, tied_weights])
def test_tied_weights_equal_plain_torch_by_the_default_path(make, inputs, networks_of, plain_loop):
    net = make()
    networks = networks_of(net)
    torch.testing.assert_close(networks(inputs), plain_loop(net, networks, inputs))
