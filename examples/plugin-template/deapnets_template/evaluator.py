"""The evaluator ``template``: points inside and outside of a ring."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import deapnets as dn
from deapnets.errors import OptionError
from deapnets.evaluators.supervised import Fitness

if TYPE_CHECKING:  # what is heavy is imported where it is used: `deapnets plugins show` stays quick
    from torch import nn


class Template(dn.SupervisedTask):
    """Points inside and outside of a ring, told apart by one hidden layer of tanh units.

    Parameters
    ----------
    hidden
        Units of the hidden layer.
    points
        Points of the training split; validation and test have half as many each.
    fitness
        "loss" (minus the cross-entropy) or "accuracy".
    """

    settings: ClassVar = {"ga": {"spread": 1.0, "sigma": 0.5, "sigma_end": 0.05}}

    def __init__(self, *, hidden: int = 8, points: int = 400, fitness: Fitness = "loss") -> None:
        if hidden < 1 or points < 2:
            raise OptionError(f"hidden is at least 1, points 2; got {hidden} and {points}.")
        super().__init__(fitness=fitness)
        self.hidden, self.points = hidden, points

    def module(self) -> nn.Module:
        """Return the network whose weights are evolved."""
        from torch import nn

        return nn.Sequential(nn.Linear(2, self.hidden), nn.Tanh(), nn.Linear(self.hidden, 2))

    def load(self) -> dn.Splits:
        """Return the points, the same each time."""
        return dn.Splits(
            train=_ring(self.points, seed=1),
            validation=_ring(self.points // 2, seed=2),
            test=_ring(self.points // 2, seed=3),
        )


def _ring(count: int, seed: int) -> dn.Split:
    """Return points ``[count, 2]`` of a square, and whether each is inside a ring."""
    import torch

    points = 2 * torch.rand(count, 2, generator=torch.Generator().manual_seed(seed)) - 1
    inside = (points.norm(dim=1) - 0.6).abs() < 0.2
    return dn.Split(points, inside.long())
