"""`Networks`: a chunk of a population as one callable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from deapnets.errors import EvaluationError
from deapnets.genomes.layout import Layout
from deapnets.networks.base import Path
from deapnets.networks.trees import tensors_of


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

    @property
    def keeps_rows_apart(self) -> bool:
        """Whether no output is known to hang on the rows of input beside its own: of chains."""
        return self._path.name == "stacked"

    @torch.no_grad()
    def __call__(self, *inputs: Any, each: bool = False) -> Any:
        """Return the outputs ``[n, batch, ...]``.

        A module that returns a tuple, list or dict of tensors gives one of those tensors
        ``[n, ...]``.

        Parameters
        ----------
        inputs
            What the module's ``forward`` takes: ``[batch, ...]``, shared by all networks, or
            ``[n, batch, ...]`` with ``each=True``, one lot a network. Tuples, lists and dicts of
            such tensors, and None, are taken too.

        Raises
        ------
        EvaluationError
            When the module returns something else than tensors, or changes what it holds; with
            ``each=True`` and another number of lots than networks.
        """
        if each:
            self._require_lots(inputs)
        self.forwards += len(self) * _batch(inputs, each)
        return self._outputs(inputs, each)

    def _require_lots(self, inputs: tuple[Any, ...]) -> None:
        for lots in tensors_of(inputs):
            if lots.shape[:1] != (len(self),):
                raise EvaluationError(
                    f"each=True needs one lot of inputs a network, [{len(self)}, ...]; "
                    f"got {list(lots.shape)}."
                )

    def _outputs(self, inputs: tuple[Any, ...], each: bool) -> Any:
        return self._path.forward(self.parameters(), inputs, each)

    def alone(self) -> Iterator[Networks]:
        """Yield the networks one by one, each a chunk of its own; their forwards count here too.

        For what takes too much memory for many at once, and must not depend on the company.
        """
        return self.lots(1)

    def lots(self, size: int) -> Iterator[Networks]:
        """Yield the networks ``size`` at a time, as `alone` yields single ones."""
        for start in range(0, len(self), size):
            lot = self._some(slice(start, start + size))
            yield lot
            self.forwards += lot.forwards

    def _some(self, networks: slice) -> Networks:
        """Return some of the networks as a chunk of their own."""
        return Networks(self._path, self._layout, self._rows[networks])

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


def _batch(inputs: tuple[Any, ...], each: bool) -> int:
    """Return how many rows go through a network: those of the first input, or 1 without any."""
    first = next(iter(tensors_of(inputs)), None)
    return 1 if first is None or first.dim() <= int(each) else first.shape[int(each)]
