"""Back-propagation as a baseline: torch's own Adam, on the rows that a population would see."""

import re

import pytest
import torch
from torch import nn
from torch.nn import functional

import deapnets as dn
from deapnets.algorithms.descent import BACKWARD, AdamSettings
from deapnets.errors import OptionError


@pytest.fixture
def task(net):
    inputs = torch.randn(40, 3)
    return dn.Supervised(net, inputs, (inputs[:, 0] > 0).long(), batch_size=10)


def begin(task, **settings):
    return AdamSettings(**settings).begin(task, dn.PopulationMap(device="cpu", seed=1))


def test_steps_are_those_of_torch_on_the_same_batches(task, net):
    algorithm = begin(task, rate=0.01, rate_end=0.01)
    twin = nn.Sequential(*[type(net)(*net)])
    twin.load_state_dict({f"0.{name}": value.clone() for name, value in net.state_dict().items()})
    optimiser = torch.optim.Adam(twin.parameters(), lr=0.01)
    for _ in range(7):
        (network,) = algorithm.step(0.0).population
        ours = torch.cat([value.reshape(-1) for value in network.state_dict().values()])
        theirs = torch.cat([value.detach().reshape(-1) for value in twin.parameters()])
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
        rows = task._batches.present
        loss = functional.cross_entropy(twin(rows.inputs), rows.targets)
        assert network.fitness.values[0] == pytest.approx(-loss.item(), rel=1e-5)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def test_step_counts_as_a_forward_pass_and_a_backward_pass(task):
    algorithm = begin(task)
    for count in (1, 2):
        assert algorithm.step(0.0).evaluations == 1 + BACKWARD
        assert algorithm._mapping.evaluations == count * (1 + BACKWARD)
        assert algorithm._mapping.forwards == count * (1 + BACKWARD) * 10


def test_module_of_the_evaluator_stays_as_it_is(task, net):
    before = [parameter.clone() for parameter in net.parameters()]
    begin(task).step(0.0)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_step_size_falls_with_the_budget(task):
    algorithm = begin(task, rate=0.1, rate_end=0.001)
    for spent, rate in ((0.0, 0.1), (0.5, 0.01), (1.0, 0.001)):
        algorithm.step(spent)
        assert algorithm.figures()["rate"] == pytest.approx(rate)


def test_evaluator_without_a_loss_is_refused_in_one_line(net):
    class Game(dn.Evaluator):
        def genome(self):
            return net

        def evaluate(self, networks):
            return torch.zeros(len(networks))

    expected = 'Evaluator "Game" has no loss to differentiate, so adam cannot train on it.'
    with pytest.raises(OptionError, match=f"^{re.escape(expected)}"):
        begin(Game())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population": 2}, "adam trains one network: population is 1, got 2."),
        ({"rate": 0.1, "rate_end": 0.2}, "The step size falls from rate to rate_end"),
        ({"spread": -1.0}, "spread is a finite number of at least 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(OptionError, match=f"^{re.escape(message)}"):
        AdamSettings(**options)
