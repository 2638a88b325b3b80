"""Modules that work in place on what goes in: every network sees the inputs as they were given."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deapnets.errors import EvaluationError


class Halves(nn.Module):
    """In place at once."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, inputs):
        inputs /= 2
        return self.layer(inputs)


class Shifts(Halves):
    """In place, by what is evolved: vmap refuses that."""

    def forward(self, inputs):
        inputs[:, :2] += self.layer.bias
        return self.layer(inputs)


class Activated(Halves):
    """As ``Sequential`` does it whose first layer works in place."""

    def forward(self, inputs):
        return self.layer(nn.functional.layer_norm(nn.functional.elu_(inputs), (3,)))


class Rectified(Halves):
    """In place, to no effect where numbers are not negative."""

    def forward(self, inputs):
        return self.layer(nn.functional.layer_norm(inputs.relu_(), (3,)))


class Sometimes(Halves):
    """In place where there are many rows."""

    def forward(self, inputs):
        if len(inputs) > 4:
            inputs *= 2
        return self.layer(inputs)


def convolving():
    return nn.Sequential(
        nn.LeakyReLU(0.5, inplace=True), nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2)
    )


@pytest.mark.filterwarnings("ignore:Shifts cannot be vmapped")
@pytest.mark.parametrize("make", [Halves, Shifts, Activated])
@pytest.mark.parametrize("path", ["", "vmap", "loop"])
@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_inputs_stay_as_they_were(make, path, each, mode, networks_of):
    module, inputs = make(), torch.randn(*([5] if each else []), 6, 3)
    networks, before = networks_of(module, path=path), inputs.clone()
    with mode():
        outputs = [networks(inputs, each=each) for _ in range(2)]
    assert torch.equal(inputs, before)
    for output in outputs:
        torch.testing.assert_close(output, expected(module, networks, before, each))


def expected(module, networks, inputs, each):
    """Return what plain torch makes of a copy of the inputs for each network."""
    rows = []
    for index in range(len(networks)):
        own = {name: value[index] for name, value in networks.parameters().items()}
        lot = (inputs[index] if each else inputs).clone()
        rows.append(torch.func.functional_call(module, own, lot).detach())
    return torch.stack(rows)


@pytest.mark.parametrize("path", ["", "vmap", "loop"])
def test_images_stay_as_they_were(path, networks_of):
    module, inputs = convolving(), torch.randn(6, 1, 4, 4)
    networks, before = networks_of(module, path=path), inputs.clone()
    outputs = networks(inputs)
    assert torch.equal(inputs, before)
    torch.testing.assert_close(outputs, expected(module, networks, before, each=False))


@pytest.mark.parametrize("path", ["vmap", "loop"])
def test_what_the_first_call_did_not_show_is_said(path, networks_of):
    networks = networks_of(Sometimes(), path=path)
    networks(torch.randn(2, 3))
    said = r"^Sometimes changes its inputs in place in some calls: .* x = x / 2, not x /= 2\.$"
    with pytest.raises(EvaluationError, match=said):
        networks(torch.randn(6, 3))


@pytest.mark.parametrize("path", ["", "vmap", "loop"])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_inputs_that_come_out_of_the_first_call_as_they_were_are_copied_too(
    path, mode, networks_of
):
    module, networks = Rectified(), networks_of(Rectified(), path=path)
    with mode():
        networks(torch.rand(6, 3))
        inputs = torch.randn(6, 3)
        before = inputs.clone()
        outputs = networks(inputs)
    assert torch.equal(inputs, before)
    torch.testing.assert_close(outputs, expected(module, networks, before.clone(), each=False))
