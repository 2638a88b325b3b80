"""Chains with convolutions, taken apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from deapnets.genomes.layout import Layout
from deapnets.networks.images import plain
from deapnets.networks.stacked import Chain, layers_of, linear_or_activation
from deapnets.networks.steps import Convolution, Linear
from deapnets.networks.templates import template_of

_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Flatten)

Function = Callable[[torch.Tensor], torch.Tensor]
Step = Linear | Convolution | Function


class Convolved(NamedTuple):
    """A module taken apart: its steps, and the parameters that are not evolved."""

    steps: tuple[Step, ...]
    frozen: Mapping[str, torch.Tensor]

    def held(self, name: str, base: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return a parameter of the base, or a frozen one."""
        return base[name] if name in base else self.frozen[name]


def convolvable(module: nn.Module, layout: Layout, device: torch.device) -> Convolved | None:
    """Return the steps of a Sequential of convolutions, pools, activations and linear layers.

    None for any other module: hooks, other layers, tied parameters.
    """
    template = template_of(module, device)
    layers = layers_of(template, "")
    if layers is None:
        return None
    steps = [_step(name, layer) for name, layer in layers]
    own = {name: parameter.detach() for name, parameter in template.named_parameters()}
    used = [
        name
        for step in steps
        if isinstance(step, Linear | Convolution)
        for name in step[:2]
        if name is not None
    ]
    if None in steps or sorted(used) != sorted(own):
        return None
    frozen = {name: own[name] for name in own.keys() - set(layout.names)}
    return Convolved(tuple(step for step in steps if step is not None), frozen)


def _step(name: str, layer: nn.Module) -> Step | None:
    if type(layer) in _POOLS:
        return layer
    if type(layer) is nn.Conv2d and layer.groups == 1 and layer.padding_mode == "zeros":
        stem = f"{name}." if name else ""
        return Convolution(f"{stem}weight", None if layer.bias is None else f"{stem}bias", layer)
    return linear_or_activation(name, layer)


def patchable(chain: Convolved) -> Chain | None:
    """Return the chain whose convolutions are products of patches, or None where it has others.

    Convolutions, pools and activations, then a layer that flattens them, then linear layers: or the
    first part of it, with a convolution at least.
    """
    flattened = False
    for step in chain.steps:
        if type(step) is nn.Flatten:
            if flattened or (step.start_dim, step.end_dim) != (1, -1):
                return None
            flattened = True
        elif isinstance(step, Linear):
            if not flattened:
                return None
        elif isinstance(step, Convolution) or type(step) in _POOLS:
            layer = step.layer if isinstance(step, Convolution) else step
            if flattened or not isinstance(layer, nn.Module) or not plain(layer):
                return None
    if not any(isinstance(step, Convolution) for step in chain.steps):
        return None
    return Chain(chain.steps, False, dict(chain.frozen), images=True)


def convolve(
    layer: nn.Conv2d,
    values: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    groups: int = 1,
) -> torch.Tensor:
    """Return a convolution as ``layer`` has it, with other weights."""
    return F.conv2d(values, weight, bias, layer.stride, layer.padding, layer.dilation, groups)
