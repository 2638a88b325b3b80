"""One network after the other: the path of every module, and the fastest for convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import nn
from torch.func import functional_call

from deapnets.errors import EvaluationError
from deapnets.networks.base import Path


def single_output(outputs: Any, template: nn.Module) -> torch.Tensor:
    """Return the module's output; an `EvaluationError` when it is no tensor."""
    if not isinstance(outputs, torch.Tensor):
        raise EvaluationError(
            f"{type(template).__name__} returned {type(outputs).__name__}; a network must return "
            "one tensor [batch, ...]. Wrap it in a module that picks the output you score."
        )
    return outputs


@final
class LoopPath(Path):
    """`torch.func.functional_call`, a network at a time."""

    name = "loop"

    def __init__(self, template: nn.Module) -> None:
        self._template = template

    def forward(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[torch.Tensor, ...], each: bool
    ) -> torch.Tensor:
        """Return ``[n, batch, ...]``."""
        count = len(next(iter(parameters.values())))
        outputs = [
            self._one(
                {name: value[row] for name, value in parameters.items()},
                tuple(lot[row] for lot in inputs) if each else inputs,
            )
            for row in range(count)
        ]
        return torch.stack(outputs)

    def _one(
        self, parameters: dict[str, torch.Tensor], inputs: tuple[torch.Tensor, ...]
    ) -> torch.Tensor:
        return single_output(functional_call(self._template, parameters, inputs), self._template)
