import pytest
import torch
from torch import nn

from deapnets.genomes.layout import Layout
from deapnets.networks.crew import Crew
from deapnets.networks.looped import LoopPath


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


@pytest.mark.usefixtures("_threads_restored")
def test_the_loop_calls_the_module_once_a_network_and_twice_to_look_at_it():
    torch.set_num_threads(1)
    template = Counts()
    parameters = Layout.of(template).split(torch.randn(4, 8))
    path = LoopPath(Crew(template, torch.device("cpu")))
    for calls in (6, 10):
        outputs = path.forward(parameters, (torch.randn(6, 3),), each=False)
        assert (outputs.shape, template.calls) == ((4, 6, 2), calls)


def test_the_loop_leaves_the_template_as_it_was():
    template = nn.Linear(3, 2)
    before = template.weight.detach().clone()
    parameters = Layout.of(template).split(torch.randn(4, 8))
    LoopPath(Crew(template, torch.device("cpu"))).forward(
        parameters, (torch.randn(6, 3),), each=False
    )
    assert torch.equal(template.weight, before)
