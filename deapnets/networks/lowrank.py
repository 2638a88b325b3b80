"""`LowRankNetworks`: children of one base whose weights are never made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple, final

import torch

from deapnets.genomes.factors import Factoring, Factors, add_noise, factors_of
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import aligned_rows
from deapnets.networks.base import Path
from deapnets.networks.chunk import Networks


class Noise(NamedTuple):
    """The noise of ``n`` children: factors of each matrix, numbers of each other parameter."""

    factors: Mapping[str, tuple[torch.Tensor, torch.Tensor]]  # [n, height, rank], [n, rank, width]
    numbers: Mapping[str, torch.Tensor]  # [n, size]
    children: int

    @classmethod
    def of(cls, factors: Factors, plan: Factoring) -> Noise:
        """Return the noise under the parameters' names, every factor's rows aligned alike."""
        matrices = {}
        for matrix in plan.matrices:
            left, right = factors_of(factors, matrix, plan.rank)
            matrices[matrix.name] = (left, aligned(right))
        rest = {part.name: factors.rest[:, part.at] for part in plan.rest}
        return cls(matrices, rest, len(factors.left))

    def block(self, start: int, end: int) -> Noise:
        """Return the noise of some of the children, two at least: one is taken twice."""
        end = min(end, self.children)

        def pick(values: torch.Tensor) -> torch.Tensor:
            chosen = values[start:end]
            return chosen if len(chosen) > 1 else chosen.expand(2, *chosen.shape[1:])

        return Noise(
            {name: (pick(left), pick(right)) for name, (left, right) in self.factors.items()},
            {name: pick(values) for name, values in self.numbers.items()},
            end - start,
        )


class LowRankPath(ABC):
    """One way to send inputs through children of one base without making their weights."""

    @abstractmethod
    def forward(
        self,
        base: Mapping[str, torch.Tensor],
        noise: Noise,
        inputs: torch.Tensor,
        each: bool,
    ) -> torch.Tensor:
        """Return the outputs ``[n, batch, ...]``.

        Parameters
        ----------
        base
            The base's weights ``[*shape]`` under the names of the evolved parameters.
        noise
            The children's.
        inputs
            ``[batch, ...]`` shared by all, or ``[n, batch, ...]`` when ``each``.
        """


@final
class LowRankNetworks(Networks):
    """``n`` children of one base: its weights, and noise of low rank for each.

    Parameters
    ----------
    path
        How inputs go through networks whose weights are made.
    low_rank
        How they go through these.
    layout
        What the elements of a row are.
    base
        Weights of the base, float32 ``[P]``.
    factors, plan
        The children's noise.
    """

    def __init__(
        self,
        path: Path,
        low_rank: LowRankPath,
        layout: Layout,
        base: torch.Tensor,
        factors: Factors,
        plan: Factoring,
    ) -> None:
        super().__init__(path, layout, base[None])
        self._low_rank = low_rank
        self._base = layout.split(base)
        self._factors, self._plan = factors, plan
        self._noise = Noise.of(factors, plan)
        self._made: torch.Tensor | None = None

    def __len__(self) -> int:
        return self._noise.children

    def weights(self) -> torch.Tensor:
        """Return the children's weights ``[n, P]``, made for those who ask; read only."""
        if self._made is None:
            made = aligned_rows(len(self), self._layout.width, self.device)
            made.copy_(self._rows.expand(len(self), -1))
            add_noise(made, self._factors, self._plan)
            self._made = made
        return self._made

    def parameters(self) -> dict[str, torch.Tensor]:
        """Return the children's weights under the parameters' names; read only."""
        return self._layout.split(self.weights())

    def _some(self, networks: slice) -> LowRankNetworks:
        factors = Factors(*(values[networks] for values in self._factors))
        ways = self._path, self._low_rank
        return LowRankNetworks(*ways, self._layout, self._rows[0], factors, self._plan)

    def _outputs(self, inputs: tuple[Any, ...], each: bool) -> Any:
        if len(inputs) != 1 or not isinstance(inputs[0], torch.Tensor):
            return super()._outputs(inputs, each)  # which says what it takes
        return self._low_rank.forward(self._base, self._noise, inputs[0], each)


def aligned(matrices: torch.Tensor) -> torch.Tensor:
    """Return a copy of ``[n, height, width]`` in which every matrix begins on a cache line."""
    count, height, width = matrices.shape
    copy = aligned_rows(count, height * width, matrices.device).unflatten(1, (height, width))
    return copy.copy_(matrices)
