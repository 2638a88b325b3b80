"""Chains of linear layers, convolutions and activations as matrix products, features first."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, final

import torch
from torch import nn
from torch.nn.modules import module as modules

from deapnets.errors import EvaluationError
from deapnets.genomes.layout import Layout
from deapnets.networks.base import Path
from deapnets.networks.blocks import applied, roomy
from deapnets.networks.images import Pool, patches, pooled
from deapnets.networks.steps import Convolution, Linear, Product

_IN_PLACE: dict[type[nn.Module], Callable[[torch.Tensor], torch.Tensor]] = {
    nn.ReLU: torch.relu_,
    nn.Tanh: torch.tanh_,
    nn.Identity: lambda values: values,
    nn.Dropout: lambda values: values,
}
_ELEMENTWISE = (
    nn.Sigmoid,
    nn.GELU,
    nn.SiLU,
    nn.ELU,
    nn.LeakyReLU,
    nn.Softplus,
    nn.Hardtanh,
    nn.SELU,
    nn.Mish,
)


_Step = Product | Callable[[torch.Tensor], torch.Tensor]


class Chain(NamedTuple):
    """A module taken apart: its steps, and whether it flattens its inputs first.

    Of ``images`` its inputs are ``[batch, channels, height, width]``, and it has convolutions.
    """

    steps: tuple[_Step, ...]
    flattens: bool
    frozen: dict[str, torch.Tensor]
    images: bool = False


def stackable(module: nn.Module, layout: Layout) -> Chain | None:
    """Return the chain of a module, or None when it is anything but such a chain."""
    layers = layers_of(module, "")
    if layers is None:
        return None
    flattens = bool(layers) and _flattens(layers[0][1])
    steps = [linear_or_activation(name, layer) for name, layer in layers[flattens:]]
    linear = [step for step in steps if isinstance(step, Linear)]
    own = {name: parameter.detach() for name, parameter in module.named_parameters()}
    tied = not {name for step in linear for name in step if name} <= own.keys()
    if not linear or None in steps or tied:
        return None
    frozen = {name: own[name] for name in own.keys() - set(layout.names)}
    return Chain(tuple(step for step in steps if step is not None), flattens, frozen)


def layers_of(module: nn.Module, prefix: str) -> list[tuple[str, nn.Module]] | None:
    """Return a Sequential's layers under their names, nested ones unrolled; None for others."""
    if _altered(module):
        return None
    if type(module) is not nn.Sequential:
        return [(prefix, module)]
    found: list[tuple[str, nn.Module]] = []
    for name, child in module._modules.items():  # named_children leaves a repeated layer out
        inner = layers_of(child, f"{prefix}.{name}" if prefix else name)
        if inner is None:
            return None
        found += inner
    return found


def _altered(module: nn.Module) -> bool:
    """Whether a call does something else than the class's ``forward``: only a call can tell."""
    own = module._forward_hooks or module._forward_pre_hooks
    everywhere = modules._global_forward_hooks or modules._global_forward_pre_hooks
    return bool(own or everywhere or "forward" in vars(module))


def _flattens(layer: nn.Module) -> bool:
    return type(layer) is nn.Flatten and (layer.start_dim, layer.end_dim) == (1, -1)


def linear_or_activation(
    name: str, layer: nn.Module
) -> Linear | Callable[[torch.Tensor], torch.Tensor] | None:
    """Return the step that a layer is, or None when it is neither."""
    if type(layer) is nn.Linear:
        stem = f"{name}." if name else ""
        return Linear(f"{stem}weight", None if layer.bias is None else f"{stem}bias")
    if type(layer) in _IN_PLACE:
        return _IN_PLACE[type(layer)]
    return layer if type(layer) in _ELEMENTWISE else None


@final
class StackedPath(Path):
    """Batched products ``weight @ inputs`` with the batch last, so that every step is contiguous.

    A convolution is a product of its kernels and the patches they see (`images`).

    A single network is computed twice, side by side: alone, a matrix library would split its
    product between threads and round differently than in company.
    """

    name = "stacked"
    thread_invariant = True

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.first = next(step for step in chain.steps if isinstance(step, Product))

    def forward(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[Any, ...], each: bool
    ) -> torch.Tensor:
        """Return ``[n, batch, classes]``, a view of features-first memory."""
        count = len(next(iter(parameters.values())))
        first = self.weight(self.first.weight, parameters)
        if count == 1:
            parameters = {
                name: value.expand(2, *value.shape[1:]) for name, value in parameters.items()
            }
        product = functools.partial(self._product, parameters)
        return self.through(product, count, first, inputs, each)

    def through(
        self,
        product: Callable[[Product, torch.Tensor], torch.Tensor],
        count: int,
        first: torch.Tensor,
        inputs: tuple[Any, ...],
        each: bool,
    ) -> torch.Tensor:
        """Return ``[n, batch, classes]`` of inputs that go through ``product`` in linear layers.

        Parameters
        ----------
        product
            A layer's outputs ``[n, out, batch]`` of values ``[n, in, batch]``, or ``[in, batch]``
            while the networks share them. With one network, ``n`` is 2 there. Outputs are `roomy`.
            A convolution's values are its patches.
        count
            How many networks: ``n``.
        first
            A weight of the first layer, ``[..., out, in]`` or kernels: what inputs must fit.
        """
        batch = self.fitting(inputs, first, each)
        own = 3 if self.chain.images else 1  # dimensions of what a layer takes
        leading = batch.shape[int(each) : -own]  # any number of batch dimensions
        batch = batch.reshape(*batch.shape[: int(each)], -1, *batch.shape[-own:])
        values = batch.movedim(int(each), -1)
        if each and count == 1:
            values = values.expand(2, *values.shape[1:])
        outputs = self._features_first(product, values, count)[:count].movedim(-1, 1)
        return outputs.reshape(count, *leading, *outputs.shape[2:])

    def fitting(self, inputs: tuple[Any, ...], weight: torch.Tensor, each: bool) -> torch.Tensor:
        """Return the inputs ``[..., in]``; raise an `EvaluationError` when they do not fit.

        Images ``[batch, channels, height, width]`` are as they are: `sized` has looked at them.
        """
        if len(inputs) != 1 or not isinstance(inputs[0], torch.Tensor):
            raise EvaluationError(
                f"A chain of layers takes one tensor of inputs, got {len(inputs)} argument(s)."
            )
        (batch,) = inputs
        if self.chain.images:
            return batch
        if self.chain.flattens:
            batch = batch.flatten(2 if each else 1)
        width = weight.shape[-1]
        if batch.shape[-1:] != (width,) or batch.dtype != weight.dtype:
            raise EvaluationError(
                f"The network's first layer takes inputs [..., {width}] of {weight.dtype}, "
                f"got {list(batch.shape)} of {batch.dtype}."
            )
        return batch

    def _features_first(
        self,
        product: Callable[[Product, torch.Tensor], torch.Tensor],
        values: torch.Tensor,
        count: int,
    ) -> torch.Tensor:
        """Return outputs ``[n, ..., batch]``."""
        shared = True  # the inputs are the caller's until a step made new values
        images = self.chain.images
        for step in self.chain.steps:
            if isinstance(step, Linear):
                values = product(step, values)
            elif isinstance(step, Convolution):
                seen, places = patches(step.layer, values)
                values = product(step, seen).unflatten(-1, places)
            elif isinstance(step, Pool):
                values = pooled(step, values)
            elif isinstance(step, nn.Flatten):
                values, images = values.flatten(-4, -2), False
                continue
            elif isinstance(step, nn.Module):
                own = roomy(tuple(values.shape), values).copy_(values) if shared else values
                values = applied(step, own)
            else:
                values = step(values.clone() if shared else values)
            shared = False
        if values.dim() == (4 if images else 2):  # nothing in the chain tells the networks apart
            values = values.expand(count, *values.shape)
        return values

    def _product(
        self, parameters: Mapping[str, torch.Tensor], step: Product, values: torch.Tensor
    ) -> torch.Tensor:
        count = len(next(iter(parameters.values())))
        if values.dim() == 2:
            values = values.expand(count, -1, -1)
        weight = self._parameter(step.weight, parameters, count).flatten(2)
        out = roomy((count, weight.shape[1], values.shape[2]), values)
        if step.bias is None:
            return torch.bmm(weight, values, out=out)
        bias = self._parameter(step.bias, parameters, count)
        return torch.baddbmm(bias.unsqueeze(2), weight, values, out=out)

    def weight(self, name: str, held: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return a parameter: of those that are held, or one that is frozen in the module."""
        return held[name] if name in held else self.chain.frozen[name]

    def _parameter(
        self, name: str, parameters: Mapping[str, torch.Tensor], count: int
    ) -> torch.Tensor:
        """Return a parameter ``[n, *shape]``."""
        value = self.weight(name, parameters)
        return value if name in parameters else value.expand(count, *value.shape)
