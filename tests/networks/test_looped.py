import pytest
import torch
from torch import nn

from deapnets.errors import EvaluationError
from deapnets.genomes.layout import Layout
from deapnets.networks.looped import LoopPath, single_output


class Counts(nn.Module):
    """A module that notes how often it is called."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.calls = 0

    def forward(self, inputs):
        self.calls += 1
        return self.layer(inputs)


@pytest.mark.parametrize("count", [1, 4])
def test_the_loop_equals_plain_torch_bit_for_bit(count, networks_of, plain_loop):
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(18, 2))
    networks = networks_of(module, count, "loop")
    inputs = torch.randn(6, 1, 5, 5)
    assert torch.equal(networks(inputs), plain_loop(module, networks, inputs))


def test_the_loop_calls_the_module_once_a_network():
    template = Counts()
    rows = torch.randn(4, 8)
    parameters = Layout.of(template).split(rows)
    outputs = LoopPath(template).forward(parameters, (torch.randn(6, 3),), each=False)
    assert (outputs.shape, template.calls) == ((4, 6, 2), 4)


def test_the_loop_leaves_the_template_as_it_was():
    template = nn.Linear(3, 2)
    before = template.weight.detach().clone()
    parameters = Layout.of(template).split(torch.randn(4, 8))
    LoopPath(template).forward(parameters, (torch.randn(6, 3),), each=False)
    assert torch.equal(template.weight, before)


def test_an_output_that_is_no_tensor_is_refused():
    said = "Linear returned dict; a network must return one tensor"
    with pytest.raises(EvaluationError, match=said):
        single_output({"logits": torch.zeros(2)}, nn.Linear(3, 2))
