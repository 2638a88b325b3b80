"""Chains of linear layers and activations in bfloat16, features first, a network at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch

from deapnets.networks.base import Path
from deapnets.networks.crew import Crew
from deapnets.networks.stacked import Chain, StackedPath
from deapnets.networks.steps import Convolution, Linear


@final
class HalfStackedPath(Path):
    """Products ``weight @ inputs`` of bfloat16 with the batch last; outputs are float32.

    A product of bfloat16 is too fast for batching to help: one network after the other stays in the
    cache, on as many threads as torch has. Sums within a product are float32.

    Parameters
    ----------
    chain
        The module taken apart.
    device
        Where it is computed.
    """

    name = "stacked"
    thread_invariant = True

    def __init__(self, chain: Chain, device: torch.device) -> None:
        self._chain = chain
        self._stacked = StackedPath(chain)
        self._crew: Crew[None] = Crew(None, device)

    def forward(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[torch.Tensor, ...], each: bool
    ) -> torch.Tensor:
        """Return ``[n, batch, classes]``, float32, a view of features-first memory."""
        batch = self._stacked.fitting(
            inputs, self._stacked.weight(self._stacked.first.weight, parameters), each
        )
        leading = batch.shape[int(each) : -1]
        batch = batch.reshape(*batch.shape[: int(each)], -1, batch.shape[-1])
        values = batch.transpose(-1, -2).to(torch.bfloat16).contiguous()  # [(n,) features, batch]
        count = len(next(iter(parameters.values())))

        def part(_: None, first: int, end: int) -> torch.Tensor:
            rows = range(first, end)
            outputs = [self._one(parameters, values[i] if each else values, i) for i in rows]
            return torch.stack(outputs)

        outputs = torch.cat(self._crew.run(part, count)).transpose(1, 2)
        return outputs.reshape(count, *leading, outputs.shape[2])

    def _one(
        self, parameters: Mapping[str, torch.Tensor], values: torch.Tensor, row: int
    ) -> torch.Tensor:
        """Return the outputs ``[classes, batch]`` of one network, float32."""

        def half(name: str) -> torch.Tensor:
            held = self._stacked.weight(name, parameters)
            return (held[row] if name in parameters else held).to(torch.bfloat16)

        shared = True  # the inputs are the caller's until a step made new values
        for step in self._chain.steps:
            assert not isinstance(step, Convolution)  # a chain of images takes another path
            if not isinstance(step, Linear):
                values = step(values.clone() if shared else values)
            elif step.bias is None:
                values = half(step.weight) @ values
            else:
                values = torch.addmm(half(step.bias)[:, None], half(step.weight), values)
            shared = False
        return values.float()
