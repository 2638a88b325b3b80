"""Chains with convolutions for children of low rank, one after the other.

A convolution's kernels are small and its images are large: a child's kernels are made for the
moment that they are used, which takes nothing beside the convolution itself. The wide linear layers
that follow, which hold most of the weights, are never made. Images are laid out channels last, and
a few of them go through all convolutions before the next ones, so that they stay in the cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from deapnets.networks.convolutions import Convolved, convolve
from deapnets.networks.crew import Crew
from deapnets.networks.lowrank import LowRankPath, Noise
from deapnets.networks.steps import Convolution, Linear

_IMAGES = 64
"""Rows of input that go through the convolutions at once."""


@final
class LoopedLowRank(LowRankPath):
    """One child after the other, its kernels made and its linear layers not.

    Parameters
    ----------
    chain
        What the inputs go through.
    """

    def __init__(self, chain: Convolved) -> None:
        self._crew = Crew(chain, torch.device("cpu"))

    def forward(
        self,
        base: Mapping[str, torch.Tensor],
        noise: Noise,
        inputs: torch.Tensor,
        each: bool,
    ) -> torch.Tensor:
        """Return ``[n, batch, ...]``."""
        shared = [] if each else _parts(inputs)

        def part(chain: Convolved, first: int, end: int) -> list[torch.Tensor]:
            children = _Children(chain, base, noise)
            return [
                children.outputs(child, _parts(inputs[child]) if each else shared)
                for child in range(first, end)
            ]

        parts = self._crew.run(part, noise.children)
        return torch.stack([outputs for lot in parts for outputs in lot])


@final
class _Children:
    """The children of one base, each a chain of its own, on one thread."""

    def __init__(self, chain: Convolved, base: Mapping[str, torch.Tensor], noise: Noise) -> None:
        ends = [index for index, step in enumerate(chain.steps) if isinstance(step, Linear)]
        first = ends[0] if ends else len(chain.steps)
        self._convolutions, self._rest = chain.steps[:first], chain.steps[first:]
        self._chain, self._base, self._noise = chain, base, noise

    def outputs(self, child: int, inputs: list[torch.Tensor]) -> torch.Tensor:
        """Return one child's outputs of the parts of a batch, which stay as they are."""
        kernels = {
            step.weight: self._kernels(child, step)
            for step in self._convolutions
            if isinstance(step, Convolution)
        }
        values = torch.cat([self._convolved(images, kernels) for images in inputs])
        for step in self._rest:
            if isinstance(step, Linear):
                values = self._linear(child, step, values)
            elif not isinstance(step, Convolution):
                values = step(values)
        return values

    def _convolved(self, images: torch.Tensor, kernels: Mapping[str, Any]) -> torch.Tensor:
        """Return what comes out of the convolutions, and the pools and activations among them."""
        values = images
        for step in self._convolutions:
            if isinstance(step, Convolution):
                values = convolve(step.layer, values, *kernels[step.weight])
            elif not isinstance(step, Linear):
                held = values.data_ptr() == images.data_ptr()  # the next child's too
                values = step(values.clone() if held else values)
        return values

    def _kernels(self, child: int, step: Convolution) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return a child's kernels and bias, for the moment."""
        weight = self._chain.held(step.weight, self._base)
        if step.weight in self._noise.factors:
            left, right = self._noise.factors[step.weight]
            flat = torch.addmm(weight.flatten(1), left[child], right[child])
            weight = flat.view(weight.shape)
        return weight, self._bias(child, step.bias)

    def _linear(self, child: int, step: Linear, values: torch.Tensor) -> torch.Tensor:
        """Return a linear layer's outputs of a child: ``x W' + (x V) U'``."""
        bias = self._bias(child, step.bias)
        outputs = F.linear(values, self._chain.held(step.weight, self._base), bias)
        if step.weight in self._noise.factors:
            left, right = self._noise.factors[step.weight]
            outputs += F.linear(F.linear(values, right[child]), left[child])
        return outputs

    def _bias(self, child: int, name: str | None) -> torch.Tensor | None:
        if name is None:
            return None
        bias, noise = self._chain.held(name, self._base), self._noise.numbers
        return bias + noise[name][child] if name in noise else bias


def _parts(inputs: torch.Tensor) -> list[torch.Tensor]:
    """Return copies of some rows each, images with channels last also where there is one channel.

    A single channel has both layouts at once, and torch would choose the slower one.
    """
    layout = torch.channels_last if inputs.dim() == 4 else torch.contiguous_format
    return [rows.clone(memory_format=layout) for rows in inputs.split(_IMAGES)]
