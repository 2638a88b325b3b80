"""One network after the other: the path of every module, and the fastest for convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import nn
from torch.func import functional_call

from deapnets.networks.base import Path
from deapnets.networks.crew import Crew
from deapnets.networks.guarding import Guard
from deapnets.networks.precision import Precision, computing_in, in_float32
from deapnets.networks.trees import require_tensors, stack_trees, tensors_of, with_tensors


@final
class LoopPath(Path):
    """`torch.func.functional_call`, a network at a time, on as many threads as torch has.

    Parameters
    ----------
    crew
        Its workers are modules in evaluation mode, which lend their form.
    precision
        What products are computed in.

    Attributes
    ----------
    random
        Whether the module draws random numbers in ``forward``; None before a network was seen.
    """

    name = "loop"

    def __init__(self, crew: Crew[nn.Module], precision: Precision = "float32") -> None:
        self.random: bool | None = None
        self._crew = crew
        self._precision = precision
        self._title = type(crew.workers[0]).__name__
        self._guards: dict[int, Guard] = {}

    def forward(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[Any, ...], each: bool
    ) -> Any:
        """Return ``[n, batch, ...]``, or a tree of such tensors."""
        if self.random is None:
            self.look(parameters, inputs, each)

        def part(template: nn.Module, first: int, end: int) -> list[Any]:
            return self._part(template, parameters, inputs, each, range(first, end))

        count = len(next(iter(parameters.values())))
        parts = self._crew.run(part, count, side_by_side=not self.random)
        return stack_trees([outputs for lot in parts for outputs in lot], self._title)

    def look(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[Any, ...], each: bool
    ) -> None:
        """Call the first network: to see what it changes, and whether it draws random numbers."""

        def first(template: nn.Module, *_: int) -> None:
            self._part(template, parameters, inputs, each, range(1))

        self._crew.run(first, 1)
        self.random = self._guards[id(self._crew.workers[0])].random

    def _part(
        self,
        template: nn.Module,
        parameters: Mapping[str, torch.Tensor],
        inputs: tuple[Any, ...],
        each: bool,
        rows: range,
    ) -> list[Any]:
        """Return the outputs of the networks in ``rows``, one after the other."""
        guard = self._guards.get(id(template))
        if guard is None:
            guard = self._guards[id(template)] = Guard(template, self.random)
        outputs = []
        device = next(iter(parameters.values())).device
        with guard.watching(parameters), computing_in(self._precision, device):
            for row in rows:
                own = {name: value[row] for name, value in parameters.items()}
                seen = _row(inputs, row) if each else inputs
                guard.seed()
                output = functional_call(template, own, seen)
                require_tensors(output, self._title)
                outputs.append(in_float32(output))
        return outputs


def _row(inputs: tuple[Any, ...], row: int) -> Any:
    return with_tensors(inputs, (lot[row] for lot in tensors_of(inputs)))
