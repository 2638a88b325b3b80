"""Modules that compute with other weights than those they register."""

from __future__ import annotations

import collections
import types

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from deapnets.errors import EvaluationError

KEEPERS = {
    "a list": lambda both: list(both),
    "a tuple": lambda both: {"of": tuple(both)}["of"],
    "an object": lambda both: types.SimpleNamespace(both=both),
    "a queue": lambda both: collections.deque(both),
    "a dict": lambda both: dict(enumerate(both)),
}


class Kept(nn.Module):
    """Keeps its parameters in a plain attribute, too, and computes with these or with its own."""

    def __init__(self, keep, *, reads: bool) -> None:
        super().__init__()
        self.layer, self.reads = nn.Linear(3, 2), reads
        self.kept = keep((self.layer.weight, self.layer.bias))

    def forward(self, inputs):
        if not self.reads:
            return self.layer(inputs)
        kept = getattr(self.kept, "both", self.kept)
        return F.linear(inputs, kept[0], kept[1])


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("path", ["vmap", "loop"])
@pytest.mark.parametrize("keep", KEEPERS.values(), ids=KEEPERS)
def test_weights_that_are_read_elsewhere_are_refused(keep, path, mode, networks_of):
    networks = networks_of(Kept(keep, reads=True), path=path)
    said = (
        r"^Kept computes with weights that it does not read from its registered parameters: [^\n]+$"
    )
    for _ in range(2):
        with mode(), pytest.raises(EvaluationError, match=said):
            networks(torch.randn(6, 3))


def test_the_modules_own_weights_show_it_too(networks_of):
    module = Kept(list, reads=True)
    networks = networks_of(module, 1)
    networks.weights()[0] = torch.cat([module.layer.weight.detach().flatten(), module.layer.bias])
    with pytest.raises(EvaluationError, match=r"^Kept computes with weights that"):
        networks(torch.randn(6, 3))


@pytest.mark.parametrize("path", ["vmap", "loop"])
@pytest.mark.parametrize("keep", KEEPERS.values(), ids=KEEPERS)
def test_what_is_kept_and_not_read_does_no_harm(keep, path, networks_of, plain_loop):
    module, inputs = Kept(keep, reads=False), torch.randn(6, 3)
    networks = networks_of(module, path=path)
    torch.testing.assert_close(networks(inputs), plain_loop(module, networks, inputs))


def test_a_module_that_does_not_take_other_weights_is_not_judged(networks_of):
    class Careful(Kept):
        def forward(self, inputs):
            assert self.layer.weight.abs().max() < 1e-3
            return self.layer(inputs)

    networks = networks_of(Careful(list, reads=False), path="loop")
    networks.weights().mul_(1e-6)
    assert networks(torch.randn(6, 3)).shape == (5, 6, 2)
