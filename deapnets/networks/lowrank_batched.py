"""Chains with convolutions for children of low rank, many at once: for devices with many cores.

A convolution with kernels ``W + U V'`` is the one with ``W``, and ``U`` times the one with ``V``,
which has as many channels as the rank: the first is one large convolution for all children, the
second one in groups, a child each. Linear layers likewise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch

from deapnets.networks.convolutions import Convolved, convolve
from deapnets.networks.lowrank import LowRankPath, Noise
from deapnets.networks.steps import Convolution, Linear

_ACTIVATIONS = 1 << 28
"""Outputs of the first convolution that are held at once."""


@final
class BatchedLowRank(LowRankPath):
    """All children of a block in every step.

    Parameters
    ----------
    chain
        What the inputs go through.
    """

    def __init__(self, chain: Convolved) -> None:
        self._chain = chain

    def forward(
        self,
        base: Mapping[str, torch.Tensor],
        noise: Noise,
        inputs: torch.Tensor,
        each: bool,
    ) -> torch.Tensor:
        """Return ``[n, batch, ...]``."""
        most = max(2, _ACTIVATIONS // self._largest(base, inputs, each))
        outputs = []
        for start in range(0, noise.children, most):
            block = noise.block(start, start + most)
            some = inputs[start : start + most] if each else inputs[None]
            if each and block.children == 1:
                some = some.expand(2, *some.shape[1:])
            outputs.append(self._block(base, block, some)[: block.children])
        return torch.cat(outputs)

    def _largest(self, base: Mapping[str, torch.Tensor], lots: torch.Tensor, each: bool) -> int:
        """Return a bound of the outputs of one child in the first layer with parameters."""
        rows = lots.shape[int(each)]
        for step in self._chain.steps:
            if isinstance(step, Convolution):
                channels = len(self._chain.held(step.weight, base))
                return rows * channels * lots.shape[-1] * lots.shape[-2]
        return max(1, lots[0].numel() if each else lots.numel())

    def _block(
        self, base: Mapping[str, torch.Tensor], noise: Noise, values: torch.Tensor
    ) -> torch.Tensor:
        """Return outputs ``[n, batch, ...]`` of ``[n, batch, ...]``, or of ``[1, batch, ...]``."""
        count = max(2, noise.children)
        for number, step in enumerate(self._chain.steps):
            if isinstance(step, Convolution):
                values = self._convolved(base, noise, step, values)
            elif isinstance(step, Linear):
                values = self._linear(base, noise, step, values)
            else:
                flat = values.flatten(0, 1)
                flat = step(flat.clone() if number == 0 else flat)  # it may work in place
                values = flat.unflatten(0, values.shape[:2])
        return values.expand(count, *values.shape[1:])

    def _convolved(
        self,
        base: Mapping[str, torch.Tensor],
        noise: Noise,
        step: Convolution,
        values: torch.Tensor,
    ) -> torch.Tensor:
        """Return a convolution's outputs ``[n, batch, out, height, width]``."""
        weight = self._chain.held(step.weight, base)
        bias = None if step.bias is None else self._chain.held(step.bias, base)
        shared = convolve(step.layer, values.flatten(0, 1), weight, bias)
        outputs = shared.unflatten(0, values.shape[:2])
        if step.weight in noise.factors:
            left, right = noise.factors[step.weight]
            thin = self._thin(step, right.unflatten(2, weight.shape[1:]), values)
            more = left[:, None] @ thin.flatten(3)  # [n, 1, out, rank] @ [n, batch, rank, pixels]
            outputs = outputs + more.unflatten(3, thin.shape[3:])
        if step.bias is not None and step.bias in noise.numbers:
            outputs = outputs + noise.numbers[step.bias][:, None, :, None, None]
        return outputs

    def _thin(self, step: Convolution, kernels: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Return the convolutions with ``[n, rank, in, ...]``: ``[n, batch, rank, ...]``."""
        count, rank = kernels.shape[:2]
        flat = kernels.flatten(0, 1)
        if len(values) == 1:  # inputs that the children share
            thin = convolve(step.layer, values[0], flat, None)
        else:
            grouped = values.transpose(0, 1).flatten(1, 2)
            thin = convolve(step.layer, grouped, flat, None, groups=count)
        return thin.unflatten(1, (count, rank)).transpose(0, 1)

    def _linear(
        self, base: Mapping[str, torch.Tensor], noise: Noise, step: Linear, values: torch.Tensor
    ) -> torch.Tensor:
        """Return a linear layer's outputs ``[n, batch, ..., out]``."""
        bias = None if step.bias is None else self._chain.held(step.bias, base)
        weight = self._chain.held(step.weight, base)
        outputs = torch.nn.functional.linear(values, weight, bias)
        shape = (-1, *[1] * (values.dim() - 3))
        if step.weight in noise.factors:
            left, right = noise.factors[step.weight]
            spread = [part.mT.unflatten(0, shape) for part in (right, left)]
            outputs = outputs + (values @ spread[0]) @ spread[1]
        if step.bias is not None and step.bias in noise.numbers:
            own = noise.numbers[step.bias]
            outputs = outputs + own.view(len(own), *[1] * (values.dim() - 2), -1)
        return outputs
