"""The task ``xor``: four rows, two classes, a 2-4-2 network; the smallest run there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from deapnets.errors import at_least_one
from deapnets.evaluators.supervised import Fitness, Split, Splits, SupervisedTask

if TYPE_CHECKING:
    from torch import nn


@final
class Xor(SupervisedTask):
    """Exclusive or, by a small network of tanh units.

    Parameters
    ----------
    hidden
        Units of the hidden layer.
    fitness
        "loss" (minus the cross-entropy) or "accuracy".
    """

    settings: ClassVar = {
        "ga": {"population": 300, "spread": 1.0, "sigma": 0.5, "sigma_end": 0.1},
        "es": {"population": 100, "sigma": 0.3, "sigma_end": 0.1, "step": 0.2, "step_end": 0.02},
        "pgpe": {"population": 100, "sigma": 0.3, "step": 0.3, "step_end": 0.03},
        "snes": {"population": 100, "sigma": 0.5},
        "sepcma": {"population": 100, "sigma": 0.5},
        "random": {"sigma": 2.0},
        "adam": {"spread": 1.0, "rate": 0.05, "rate_end": 0.005},
    }

    def __init__(self, *, hidden: int = 4, fitness: Fitness = "loss") -> None:
        at_least_one(hidden=hidden)
        super().__init__(fitness=fitness)
        self._hidden = hidden

    def module(self) -> nn.Module:
        """Return a 2-hidden-2 network with weights of zero."""
        from torch import nn

        net = nn.Sequential(nn.Linear(2, self._hidden), nn.Tanh(), nn.Linear(self._hidden, 2))
        for parameter in net.parameters():
            nn.init.zeros_(parameter)
        return net

    def load(self) -> Splits:
        """Return the four rows, as training, validation and test split alike."""
        import torch

        inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        rows = Split(inputs, torch.tensor([0, 1, 1, 0]))
        return Splits(rows, rows, rows)
