"""Chains of linear layers, convolutions and activations, for children of low rank.

The outputs of a linear layer with weights ``W + U V'`` are ``W x + U (V' x)``: two thin products
beside one with the base's weights, which the children share; ``x`` are patches where it is a
convolution. In the first layer, where they share the inputs too, ``W x`` is computed once.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from math import prod
from typing import final

import torch

from deapnets.networks.blocks import roomy
from deapnets.networks.images import extent
from deapnets.networks.lowrank import LowRankPath, Noise, aligned
from deapnets.networks.stacked import StackedPath
from deapnets.networks.steps import Product

_ACTIVATIONS = {"cpu": 1 << 22, "cuda": 1 << 28}
"""Outputs of the widest layer that are held at once: on a CPU they stay in its cache."""


@final
class StackedLowRank(LowRankPath):
    """Batched products, a child each, and one of the base's weights.

    Parameters
    ----------
    path
        The chain.
    """

    def __init__(self, path: StackedPath) -> None:
        self._path = path

    def forward(
        self,
        base: Mapping[str, torch.Tensor],
        noise: Noise,
        inputs: torch.Tensor,
        each: bool,
    ) -> torch.Tensor:
        """Return the outputs of as many children at a time as fit the processor's cache."""
        first = self._path.weight(self._path.first.weight, base)
        each_takes = self._numbers(base, noise, inputs, each)
        most = max(4, _ACTIVATIONS[first.device.type] // max(1, each_takes))
        outputs = []
        for start in range(0, noise.children, most):
            block = noise.block(start, start + most)
            lots = inputs[start : start + most] if each else inputs
            product = functools.partial(self._product, base, block)
            outputs.append(self._path.through(product, block.children, first, (lots,), each))
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def _numbers(
        self, base: Mapping[str, torch.Tensor], noise: Noise, inputs: torch.Tensor, each: bool
    ) -> int:
        """Return how many numbers the widest layer of a child has for these inputs."""
        rows = inputs.shape[int(each) :]
        if self._path.chain.images:
            most = extent(
                self._path.chain.steps, lambda name: self._path.weight(name, base).shape, rows[1:]
            )
            return 0 if most is None else rows[0] * max(most)
        first = self._path.weight(self._path.first.weight, base)
        widest = max([len(first), *(left.shape[1] for left, _ in noise.factors.values())])
        return prod(rows) // first.shape[-1] * widest

    def _product(
        self, base: Mapping[str, torch.Tensor], noise: Noise, step: Product, values: torch.Tensor
    ) -> torch.Tensor:
        """Return a layer's outputs ``[n, out, batch]``; ``[out, batch]`` while all are equal."""
        outputs = self._shared(base, step, values)
        left, right = [], []
        count, batch = max(2, noise.children), values.shape[-1]
        if step.weight in noise.factors:
            thick, thin = noise.factors[step.weight]
            lots = values.expand(count, -1, -1) if values.dim() == 2 else values
            left.append(thick)
            right.append(torch.bmm(thin, lots))
        if step.bias is not None and step.bias in noise.numbers:
            left.append(noise.numbers[step.bias].unsqueeze(2))
            right.append(values.new_ones(()).expand(count, 1, batch))
        if not left:
            return outputs
        both = aligned(torch.cat(left, 2)), torch.cat(right, 1)
        if outputs.dim() == 2:
            own = roomy((count, *outputs.shape), outputs)
            return torch.baddbmm(outputs.expand(count, -1, -1), *both, out=own)
        return outputs.baddbmm_(*both)

    def _shared(
        self, base: Mapping[str, torch.Tensor], step: Product, values: torch.Tensor
    ) -> torch.Tensor:
        """Return what the base's weights make of the values; of shared ones, once.

        As one of a pair, whose bits do not depend on the number of threads.
        """
        weight = self._path.weight(step.weight, base).flatten(1)
        if values.dim() == 2:
            pair = torch.bmm(weight.expand(2, -1, -1), values.expand(2, -1, -1))
            outputs = roomy(tuple(pair.shape[1:]), pair).copy_(pair[0])
        else:
            out = roomy((len(values), len(weight), values.shape[2]), values)
            outputs = torch.bmm(weight.expand(len(values), -1, -1), values, out=out)
        if step.bias is not None:
            outputs += self._path.weight(step.bias, base)[:, None]
        return outputs
