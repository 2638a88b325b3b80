"""`SeparableStrategy`: a deviation for each weight, in a leaf beside the centre."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import nn

from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.strategies.base import Strategy, Told, require_positive
from deapnets.strategies.sampling import Sampler, Separable


class SeparableStrategy(Strategy):
    """What strategies share whose children have a deviation for each weight.

    Parameters
    ----------
    centroid, lambda_, mirrored, ngen
        As in `Strategy`.
    sigma
        Deviation of every weight as it begins.
    """

    def __init__(
        self,
        centroid: nn.Module | WeightGenome,
        sigma: float,
        lambda_: int,
        mirrored: bool,
        ngen: int | None,
    ) -> None:
        require_positive("sigma", sigma)
        self._first_sigma = sigma
        super().__init__(centroid, lambda_, mirrored, ngen)
        self.deviations = torch.full_like(self.weights, sigma)

    @abstractmethod
    def _moved(self, told: Told, sampler: Sampler) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the next centre and the next deviations, ``[P]`` each."""

    def _reach(self) -> float:
        return float(self._first_sigma * self.node.layout.width**0.5)

    def _sample(self) -> Sampler:
        self.deviations = self.deviations.to(self.weights.device)
        return Separable(self.node, Node(self.node.layout, self.deviations))

    def _follow(self, told: Told, sampler: Sampler) -> torch.Tensor:
        self.deviations = self.deviations.to(self.weights.device)
        centre, self._next = self._moved(told, sampler)
        return centre

    def _fault(self, centre: torch.Tensor) -> str:
        fault = super()._fault(centre)
        if not fault and not bool(torch.isfinite(self._next).all()):
            return "a deviation is not finite."
        return fault

    def _accept(self, centre: torch.Tensor) -> None:
        self.deviations = self._next

    @property
    def sigma(self) -> float:
        """Mean deviation of the children."""
        return float(self.deviations.double().mean())

    def figures(self) -> dict[str, float]:
        """Return ``sigma``, the mean deviation."""
        return {"sigma": self.sigma}

    def state_dict(self) -> dict[str, Any]:
        """Return centre and deviations."""
        return {**super().state_dict(), "deviations": self.deviations.cpu()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        super().load_state_dict(state)
        self.deviations = state["deviations"].to(self.weights.device)
