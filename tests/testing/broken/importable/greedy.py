"""Evaluators that can be imported by name, which costs too much."""

from __future__ import annotations

import numpy as np

from deapnets import ArchitectureEvaluator, Evaluator

ROWS = np.ones((4, 3), dtype=np.float32)


class Greedy(Evaluator):
    """It loads numpy when it is imported, and nobody explains its option."""

    def __init__(self, *, width: int = 2) -> None:
        self.width, self.net = width, None

    def genome(self):
        from torch import nn

        if self.net is None:
            self.net = nn.Linear(3, self.width)
        return self.net

    def evaluate(self, networks):
        import torch

        return networks(torch.from_numpy(ROWS)).mean((1, 2))


class GreedySearch(ArchitectureEvaluator):
    """It loads numpy when it is imported."""

    def __init__(self) -> None:
        from deapnets.evaluators.bitstring import BitSpace

        self.own = BitSpace(8)

    def space(self):
        return self.own

    def evaluate_one(self, individual, fidelity, rng):
        from deapnets.evaluators.architectures import Outcome

        return Outcome((float(np.mean(individual.genes)),))
