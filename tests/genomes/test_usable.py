"""Which modules and parameters can be evolved, and what is said of the others."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

import deapnets as dn
from deapnets.errors import LayoutError, OptionError
from deapnets.genomes.layout import Layout


class Mixed(nn.Module):
    """A layer beside parameters of other kinds of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.places = nn.Parameter(torch.tensor([0, 2, 4]), requires_grad=False)
        self.turn = nn.Parameter(torch.full((2,), 2 + 1j))

    def forward(self, inputs):
        return self.layer(inputs[:, self.places]) * self.turn.real


@pytest.mark.parametrize("path", ["vmap", "loop"])
def test_parameters_that_nobody_evolves_may_be_integers_or_complex(individual_class, path):
    net, inputs = Mixed(), torch.randn(5, 6)
    individual = dn.initWeights(individual_class, net, sigma=0.1, parameters="layer.*")
    evaluator = dn.Supervised(net, inputs, torch.zeros(5, 2), loss="mse")
    with torch.no_grad():
        expected = -individual.module(net)(inputs).square().mean()
    (scores,) = dn.PopulationMap(device="cpu", path=path)(evaluator, [individual])
    assert scores[0] == pytest.approx(float(expected), rel=1e-5)


def test_a_complex_parameter_that_is_evolved_is_refused_by_name():
    said = (
        'Parameter "turn" of Mixed is torch.complex64; only floating-point parameters can be '
        "evolved. Make it a buffer: register_buffer; or leave it out, with parameters= or "
        "requires_grad_(False)."
    )
    with pytest.raises(LayoutError, match=f"^{re.escape(said)}$"):
        Layout.of(Mixed())


def test_a_network_without_a_single_weight_is_refused():
    net = nn.ParameterList([torch.zeros(0, 3), torch.zeros(2, 0)])
    said = r"^ParameterList has no weight to evolve: nothing is in 0\[0, 3\], 1\[2, 0\]\.$"
    with pytest.raises(LayoutError, match=said):
        Layout.of(net)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (nn.Linear, "got the class Linear. Give one of its instances: Linear(...)."),
        (3, "a torch.nn.Module; got 3."),
        (None, "a torch.nn.Module; got None."),
        ({"w": torch.ones(2)}, "a torch.nn.Module; got {'w': tensor([1., 1.])}."),
    ],
)
def test_what_is_no_network_is_refused_in_one_line(individual_class, given, said):
    message = f"^Weights are those of a network, {re.escape(said)}$"
    with pytest.raises(LayoutError, match=message):
        dn.initWeights(individual_class, given, sigma=0.1)


def test_an_individual_in_place_of_its_network_is_refused_in_one_line(individual_class, net):
    individual = dn.initWeights(individual_class, net, sigma=0.1)
    with pytest.raises(LayoutError, match=r"got IndividualOfTests\(\w{8}, 26 weights\)\.$"):
        dn.initWeights(individual_class, individual, sigma=0.1)


@pytest.mark.parametrize("given", [3, [torch.ones(2, 2)], ["0.*", 1]])
def test_patterns_that_are_none_are_refused_in_one_line(individual_class, net, given):
    said = r'^parameters= is a pattern of names such as "head\.\*", or a list of them; got .+\.$'
    with pytest.raises(OptionError, match=said):
        dn.initWeights(individual_class, net, sigma=0.1, parameters=given)


def test_a_network_that_divides_batches_is_refused_beside_the_one_inside():
    said = r"^DataParallel divides batches .* Give the network inside: net\.module\.$"
    with pytest.raises(LayoutError, match=said):
        Layout.of(nn.DataParallel(nn.Linear(2, 2)))
    with pytest.raises(LayoutError, match=r'^Part "0" of Sequential divides batches'):
        Layout.of(nn.Sequential(nn.DataParallel(nn.Linear(2, 2))))


def test_parameters_without_values_are_refused():
    said = r'^Parameter "0\.weight" of Sequential is on the meta device .* net\.to_empty\(device='
    with pytest.raises(LayoutError, match=said):
        Layout.of(nn.Sequential(nn.Linear(2, 2, device="meta")))
