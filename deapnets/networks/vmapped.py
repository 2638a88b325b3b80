"""Any module that `torch.func.vmap` takes: one call for the whole chunk."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import final

import torch
from torch import nn
from torch.func import functional_call, vmap

from deapnets.networks.base import Path
from deapnets.networks.looped import LoopPath, single_output


@final
class VmapPath(Path):
    """`torch.func.vmap` over `functional_call`; what vmap refuses goes to the loop, said once."""

    name = "vmap"

    def __init__(self, template: nn.Module) -> None:
        self._template = template
        self._loop: LoopPath | None = None

    def forward(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[torch.Tensor, ...], each: bool
    ) -> torch.Tensor:
        """Return ``[n, batch, ...]``."""
        if self._loop is not None:
            return self._loop.forward(parameters, inputs, each)
        try:
            return self._vmapped(parameters, inputs, each)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            fallback = LoopPath(self._template)
            outputs = fallback.forward(parameters, inputs, each)  # a real fault shows itself here
            self._loop, self.name = fallback, "loop"
            reason = str(error).strip().splitlines()[0]
            warnings.warn(
                f"{type(self._template).__name__} cannot be vmapped and is evaluated one network "
                f"after the other: {reason}",
                stacklevel=2,
            )
            return outputs

    def _vmapped(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[torch.Tensor, ...], each: bool
    ) -> torch.Tensor:
        count = len(next(iter(parameters.values())))
        alone = count == 1  # a pair keeps the products batched, and so the bits of company
        if alone:
            parameters = {n: p.expand(2, *p.shape[1:]) for n, p in parameters.items()}
            inputs = tuple(i.expand(2, *i.shape[1:]) for i in inputs) if each else inputs
        dims = (0, *([0 if each else None] * len(inputs)))
        outputs = vmap(self._one, in_dims=dims)(dict(parameters), *inputs)
        return outputs[:1] if alone else outputs

    def _one(self, parameters: dict[str, torch.Tensor], *inputs: torch.Tensor) -> torch.Tensor:
        return single_output(functional_call(self._template, parameters, inputs), self._template)
