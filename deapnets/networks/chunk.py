"""`Networks`: a chunk of a population as one callable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from deapnets.errors import EvaluationError
from deapnets.genomes.layout import Layout
from deapnets.networks.base import Path


class Networks:
    """``n`` networks of one module, called together.

    Parameters
    ----------
    path
        How inputs go through them.
    layout
        What the elements of a row are.
    rows
        Their weights, float32 ``[n, P]``; read only.
    """

    def __init__(self, path: Path, layout: Layout, rows: torch.Tensor) -> None:
        self._path = path
        self._layout = layout
        self._rows = rows
        self.records: dict[str, torch.Tensor] = {}
        self.forwards = 0  # rows that have gone through a network, all networks together

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def device(self) -> torch.device:
        """Where the weights are, and where inputs must be."""
        return self._rows.device

    @torch.no_grad()
    def __call__(self, *inputs: torch.Tensor, each: bool = False) -> torch.Tensor:
        """Return the outputs ``[n, batch, ...]``.

        Parameters
        ----------
        inputs
            What the module's ``forward`` takes: ``[batch, ...]``, shared by all networks, or
            ``[n, batch, ...]`` with ``each=True``, one lot a network.
        """
        self.forwards += len(self) * inputs[0].shape[1 if each else 0]
        return self._path.forward(self.parameters(), inputs, each)

    def weights(self) -> torch.Tensor:
        """Return the networks' weights, float32 ``[n, P]``; read only."""
        return self._rows

    def parameters(self) -> dict[str, torch.Tensor]:
        """Return the weights under the module's parameter names, ``[n, *shape]``; read only."""
        return self._layout.split(self._rows)

    def record(self, name: str, values: Any) -> None:
        """Attach ``values`` ``[n]`` or ``[n, k]`` to the individuals, as ``records[name]``.

        For what is to be known but not selected on: accuracy beside a loss, per-class scores.
        """
        tensor = torch.as_tensor(values)
        if tensor.dim() not in (1, 2) or len(tensor) != len(self):
            raise EvaluationError(
                f'networks.record("{name}") needs [{len(self)}] or [{len(self)}, k] values, '
                f"got {list(tensor.shape)}."
            )
        self.records[name] = tensor


def attach(records: Mapping[str, torch.Tensor], individuals: Sequence[Any]) -> None:
    """Hand what was recorded of ``n`` networks to their individuals: numbers, or tuples of ``k``.

    ``records`` are `Networks.records`: ``[n]`` or ``[n, k]`` each.
    """
    for name, values in records.items():
        for individual, value in zip(individuals, values.tolist(), strict=True):
            plain = tuple(value) if isinstance(value, list) else value
            individual.records = {**individual.records, name: plain}
