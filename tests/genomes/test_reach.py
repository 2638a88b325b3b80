"""What leads to a parameter beside the parameter itself, and what cannot be copied."""

from __future__ import annotations

import re
import threading
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)
from torch.nn.utils import parametrizations, prune

import deapnets as dn
from deapnets.errors import LayoutError
from deapnets.genomes.layout import Layout


class Kept(nn.Module):
    """A layer whose parameters stand in a plain attribute, too."""

    def __init__(self, kind) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.__dict__["kept"] = kind(list(self.layer.parameters()))

    def forward(self, inputs):
        return self.layer(inputs)


class Stores(nn.Module):
    """A layer that stores on itself what it computed."""

    def __init__(self, store) -> None:
        super().__init__()
        self.layer, self.store = nn.Linear(3, 2), store

    def forward(self, inputs):
        outputs = self.layer(inputs)
        self.last = self.store(outputs)
        return outputs


def frozen_beside(tensor: torch.Tensor) -> nn.Module:
    """Return a layer beside a parameter that is not evolved."""
    module = nn.Sequential(nn.Linear(3, 2))
    module.register_parameter("frozen", nn.Parameter(tensor, requires_grad=False))
    return module


def views(*pick) -> nn.Module:
    """Return a module whose parameters are views of one matrix of 6 x 9."""
    whole, module = torch.randn(6, 9), nn.Module()
    for number, part in enumerate(pick):
        module.register_parameter(f"p{number}", nn.Parameter(part(whole)))
    return module


@pytest.mark.parametrize(
    "module",
    [
        nn.LSTM(3, 4, 2),
        nn.ParameterList([nn.Parameter(torch.ones(2))]),
        Kept(lambda both: [one.detach().clone() for one in both]),
        Kept(lambda both: torch.optim.SGD(both, lr=0.1)),
        Kept(lambda both: ["a", 1, None, (2.5, {})]),
        Kept(lambda both: [torch.eye(3).to_sparse(), torch.ones(0)]),
        Kept(list),
        Kept(lambda both: {"decay": [both[0]], "none": both[1].data}),
        frozen_beside(torch.eye(3).to_sparse()),
    ],
    ids=[
        "recurrent",
        "parameter list",
        "copies",
        "optimiser",
        "plain",
        "sparse",
        "list",
        "groups",
        "sparse parameter",
    ],
)
def test_what_modules_keep_beside_their_parameters_is_accepted(module):
    assert Layout.of(module).width


@pytest.mark.parametrize(
    "hold",
    [
        lambda net: net.register_buffer("seen", net.bias.detach()),
        lambda net: setattr(net, "seen", net.bias.data),
    ],
    ids=["buffer", "attribute"],
)
def test_a_tensor_that_is_a_parameters_memory_is_refused(hold):
    net = nn.Linear(3, 2)
    hold(net)
    said = (
        '"seen" of Linear is the memory of its parameter "bias", where every network would find '
        "the same numbers. Read self.bias in forward instead, or keep a copy: detach().clone()."
    )
    with pytest.raises(LayoutError, match=f"^{re.escape(said)}$"):
        Layout.of(net)


def test_modules_in_a_plain_list_are_accepted():
    net = nn.Sequential(nn.Linear(2, 2))
    net.layers = [net[0], nn.Linear(2, 2)]
    assert Layout.of(net).names == ("0.weight", "0.bias")


class Auto(nn.Module):
    """An autoencoder whose decoder is tied to the encoder, by a view or by identity."""

    def __init__(self, *, view: bool) -> None:
        super().__init__()
        self.enc, self.dec = nn.Linear(6, 2), nn.Linear(2, 6)
        own = self.enc.weight
        self.dec.weight = nn.Parameter(own.t()) if view else own

    def forward(self, inputs):
        return F.linear(torch.tanh(self.enc(inputs)), self.dec.weight.t(), self.dec.bias)


def test_parameters_in_one_memory_are_refused():
    said = (
        'Parameters "enc.weight" and "dec.weight" of Auto are two views of one memory, and would '
        "be evolved as two. Tie them by identity, self.dec.weight = self.enc.weight, and transpose "
        "or slice in forward."
    )
    with pytest.raises(LayoutError, match=f"^{re.escape(said)}$"):
        Layout.of(Auto(view=True))
    assert Layout.of(Auto(view=False)).width == 12 + 2 + 6


def test_an_evolved_parameter_in_the_memory_of_a_frozen_one_is_refused():
    net = Auto(view=True)
    net.enc.weight.requires_grad_(False)
    with pytest.raises(LayoutError, match="two views of one memory"):
        Layout.of(net)
    net.dec.weight.requires_grad_(False)
    assert Layout.of(net).names == ("enc.bias", "dec.bias")


@pytest.mark.parametrize(
    ("picked", "shared"),
    [
        ((lambda m: m[:3], lambda m: m[3:]), False),
        ((lambda m: m[:, :3], lambda m: m[:, 3:6], lambda m: m[:, 6:]), False),
        ((lambda m: m[:, ::3], lambda m: m[:, 1::3], lambda m: m[:, 2::3].t()), False),
        ((lambda m: m, lambda m: m[:0]), False),
        ((lambda m: m[:, ::3], lambda m: m[:, 1::2]), True),
        ((lambda m: m[:, :4], lambda m: m[:, 6:], lambda m: m[:, 3:6]), True),
        ((lambda m: m[:4], lambda m: m[5], lambda m: m[3:5]), True),
        ((lambda m: m[2], lambda m: m), True),
    ],
)
def test_whether_memory_is_shared_is_told_to_the_element(picked, shared):
    module = views(*picked)
    if shared:
        with pytest.raises(LayoutError, match="two views of one memory"):
            Layout.of(module)
    else:
        assert len(Layout.of(module).names) == len(picked)


def test_a_tensor_with_a_gradients_history_is_refused_by_its_name():
    net = nn.Sequential(Stores(lambda outputs: outputs))
    assert Layout.of(net).width == 8
    net(torch.ones(1, 3))
    said = (
        '"0.last" of Sequential is a tensor that was computed with gradients, so the module '
        "cannot be copied for a population. Detach it where it is stored, or remove it."
    )
    with pytest.raises(LayoutError, match=f"^{re.escape(said)}$"):
        Layout.of(net)
    net = Stores(lambda outputs: [outputs.detach()])
    net(torch.ones(1, 3))
    assert Layout.of(net).width == 8


def test_a_buffer_with_a_gradients_history_is_refused():
    net = nn.Linear(2, 2)
    net.register_buffer("seen", None)
    assert Layout.of(net).width == 6
    net.seen = net(torch.ones(1, 2))
    with pytest.raises(LayoutError, match=r'^"seen" of Linear is a tensor that was computed'):
        Layout.of(net)


def test_weights_that_hooks_compute_are_refused_beside_what_does_the_same():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        normed = nn.Sequential(nn.utils.weight_norm(nn.Linear(3, 2)))
    with pytest.raises(LayoutError, match=r'^"0\.weight" .*parametrizations\.weight_norm inst'):
        Layout.of(normed)
    assert Layout.of(parametrizations.weight_norm(nn.Linear(3, 2))).width == 6 + 2 + 2
    pruned = prune.l1_unstructured(nn.Linear(3, 2), "weight", 0.5)
    with pytest.raises(LayoutError, match=r'prune\.remove\(module, "weight"\)\.$'):
        Layout.of(pruned)
    assert Layout.of(prune.remove(pruned, "weight")).width == 8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        normed = nn.utils.spectral_norm(nn.Linear(3, 2))
    assert Layout.of(normed).width == 8
    normed(torch.ones(1, 3))
    with pytest.raises(LayoutError, match=r'^"weight" .*parametrizations\.spectral_norm inst'):
        Layout.of(normed)


def test_an_attribute_that_cannot_be_copied_is_refused_by_its_name():
    net = nn.Sequential(nn.Linear(3, 2))
    net[0].lock = threading.Lock()
    said = (
        r'^Attribute "0\.lock" of Sequential cannot be copied, and populations are evaluated with '
        r"copies: cannot pickle '_thread\.lock' object\. Remove it, or make it in forward where"
    )
    for _ in range(2):
        with pytest.raises(LayoutError, match=said):
            Layout.of(net)
    del net[0].lock
    assert Layout.of(net).width == 8


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda net: setattr(net, "lock", threading.Lock()), 'Attribute "lock" of Linear cannot'),
        (lambda net: setattr(net, "seen", net.weight * 2), '"seen" of Linear is a tensor that was'),
    ],
)
def test_a_module_that_a_genome_meets_later_is_looked_at_too(spoil, said):
    layout, other = Layout.of(nn.Linear(3, 2)), nn.Linear(3, 2)
    layout.require_in(other)
    other = nn.Linear(3, 2)
    spoil(other)
    with pytest.raises(LayoutError, match=said):
        layout.require_in(other)


def test_individuals_say_why_they_cannot_become_a_network(individual_class):
    net = nn.Linear(3, 2)
    individual = dn.initWeights(individual_class, net, sigma=0.1)
    net.lock = threading.Lock()
    with pytest.raises(LayoutError, match=r'^Attribute "lock" of Linear cannot be copied, and'):
        individual.module(net)
    del net.lock
    net.seen = net(torch.ones(1, 3))
    with pytest.raises(LayoutError, match=r'^"seen" of Linear is a tensor that was computed'):
        individual.state_dict(net)
    with pytest.raises(LayoutError, match=r"got the class Linear\. Give one of its instances"):
        individual.module(nn.Linear)
