"""The trivial answer has the least loss that a constant can have."""

import pytest
import torch

import deapnets as dn
from deapnets.evaluators import losses
from deapnets.evaluators.constants import constant

CLASSES = torch.tensor([0, 0, 0, 1, 1, 3])
NUMBERS = torch.tensor([[0.1], [0.9], [0.4], [0.2], [0.25]])
YES = torch.tensor([[1.0], [0.0], [1.0], [1.0]])


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (losses.cross_entropy, CLASSES),
        (losses.mse, NUMBERS),
        (losses.l1, NUMBERS),
        (losses.bce_with_logits, YES),
    ],
)
def test_no_other_constant_has_less_loss(loss, targets):
    best = constant(loss, targets)
    least = float(loss(best.expand(1, len(targets), *best.shape), targets))
    for _ in range(50):
        other = best + 0.1 * torch.randn_like(best)
        assert float(loss(other.expand(1, len(targets), *best.shape), targets)) > least - 0.02 * (
            loss is losses.cross_entropy
        )


def test_losses_of_ones_own_have_no_known_constant():
    assert constant(losses.resolve(torch.nn.MSELoss()), NUMBERS) is None
    assert constant(losses.cross_entropy, torch.zeros(3, 4, dtype=torch.long)) is None


def test_baseline_is_the_most_frequent_class_on_the_test_split(net):
    train = torch.randn(6, 3), torch.tensor([1, 1, 1, 1, 0, 0])
    test = torch.randn(5, 3), torch.tensor([1, 0, 0, 0, 1])
    task = dn.Supervised(net, *train, test=test)
    assert task.baseline()["test_accuracy"] == pytest.approx(2 / 5)
    assert task.baseline()["test_loss"] > 0.6
    assert "train_accuracy" in dn.Supervised(net, *train).baseline()


def test_an_evaluator_has_no_baseline_unless_it_says_so(net):
    class Game(dn.Evaluator):
        def genome(self):
            return net

        def evaluate(self, networks):
            return torch.zeros(len(networks))

    assert (Game().baseline(), Game().differentiable) == ({}, False)
