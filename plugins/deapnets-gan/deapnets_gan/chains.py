"""Frozen layers on the images of many generators at once, each generator's bits its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)


class Layer(NamedTuple):
    """A linear layer: ``weight [out, in]``, ``bias [out]``."""

    weight: torch.Tensor
    bias: torch.Tensor


def layers_of(module: nn.Module) -> list[Layer]:
    """Return the linear layers of a module in their order."""
    found = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    return [Layer(layer.weight.detach(), layer.bias.detach()) for layer in found]


def applied(layer: Layer, values: torch.Tensor) -> torch.Tensor:
    """Return ``[n, out, batch]`` of values ``[n, in, batch]``: a product a generator.

    Batched, so that a generator's numbers depend neither on how many are beside it nor on threads.
    """
    count = len(values)
    weight = layer.weight.expand(count, -1, -1)
    return torch.baddbmm(layer.bias[:, None].expand(count, -1, 1), weight, values)


def hidden_values(
    layers: Sequence[Layer], values: torch.Tensor, slope: float = 0.0
) -> list[torch.Tensor]:
    """Return what each layer makes of ``[n, in, batch]``, rectified: ``[n, out, batch]`` each.

    ``slope`` is that of a leaky rectifier below zero.
    """
    found = []
    for layer in layers:
        values = applied(layer, values)
        values = F.leaky_relu_(values, slope) if slope else values.relu_()
        found.append(values)
    return found


def features_first(images: torch.Tensor) -> torch.Tensor:
    """Return images ``[n, batch, ...]`` as ``[n, pixels, batch]``, two generators at least.

    One is taken twice: alone, a product would be divided between threads, and round differently.
    """
    values = images.flatten(2).transpose(1, 2)
    return values if len(values) > 1 else values.expand(2, -1, -1)
