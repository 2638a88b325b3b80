"""Chains of linear layers and activations as batched matrix products, features first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, final

import torch
from torch import nn

from deapnets.errors import EvaluationError
from deapnets.genomes.layout import Layout
from deapnets.networks.base import Path
from deapnets.networks.blocks import applied, roomy

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


class _Linear(NamedTuple):
    weight: str
    bias: str | None


_Step = _Linear | Callable[[torch.Tensor], torch.Tensor]


class Chain(NamedTuple):
    """A module taken apart: its steps, and whether it flattens its inputs first."""

    steps: tuple[_Step, ...]
    flattens: bool
    frozen: dict[str, torch.Tensor]


def stackable(module: nn.Module, layout: Layout) -> Chain | None:
    """Return the chain of a module, or None when it is anything but such a chain."""
    layers = _leaves(module, "")
    if layers is None:
        return None
    flattens = bool(layers) and _flattens(layers[0][1])
    steps = [_step(name, layer) for name, layer in layers[flattens:]]
    linear = [step for step in steps if isinstance(step, _Linear)]
    own = {name: parameter.detach() for name, parameter in module.named_parameters()}
    tied = not {name for step in linear for name in step if name} <= own.keys()
    if not linear or None in steps or tied:
        return None
    frozen = {name: own[name] for name in own.keys() - set(layout.names)}
    return Chain(tuple(step for step in steps if step is not None), flattens, frozen)


def _leaves(module: nn.Module, prefix: str) -> list[tuple[str, nn.Module]] | None:
    """Return a Sequential's layers under their names, nested ones unrolled; None for others."""
    if _hooked(module):
        return None
    if type(module) is not nn.Sequential:
        return [(prefix, module)]
    found: list[tuple[str, nn.Module]] = []
    for name, child in module._modules.items():  # named_children leaves a repeated layer out
        inner = _leaves(child, f"{prefix}.{name}" if prefix else name)
        if inner is None:
            return None
        found += inner
    return found


def _hooked(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _flattens(layer: nn.Module) -> bool:
    return type(layer) is nn.Flatten and (layer.start_dim, layer.end_dim) == (1, -1)


def _step(name: str, layer: nn.Module) -> _Step | None:
    if type(layer) is nn.Linear:
        stem = f"{name}." if name else ""
        return _Linear(f"{stem}weight", None if layer.bias is None else f"{stem}bias")
    if type(layer) in _IN_PLACE:
        return _IN_PLACE[type(layer)]
    return layer if type(layer) in _ELEMENTWISE else None


@final
class StackedPath(Path):
    """Batched products ``weight @ inputs`` with the batch last, so that every step is contiguous.

    A single network is computed twice, side by side: alone, a matrix library would split its
    product between threads and round differently than in company.
    """

    name = "stacked"
    thread_invariant = True

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._first = next(step for step in chain.steps if isinstance(step, _Linear))

    def forward(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[torch.Tensor, ...], each: bool
    ) -> torch.Tensor:
        """Return ``[n, batch, classes]``, a view of features-first memory."""
        if len(inputs) != 1 or not isinstance(inputs[0], torch.Tensor):
            raise EvaluationError(
                f"A chain of layers takes one tensor of inputs, got {len(inputs)} argument(s)."
            )
        (batch,) = inputs
        count = len(next(iter(parameters.values())))
        if self._chain.flattens:
            batch = batch.flatten(2 if each else 1)
        self._require_fit(batch, parameters)
        leading = batch.shape[int(each) : -1]  # a linear layer takes any number of batch dimensions
        batch = batch.reshape(*batch.shape[: int(each)], -1, batch.shape[-1])
        values = batch.transpose(-1, -2)
        if not each:
            values = values.expand(count, -1, -1)
        if count == 1:
            parameters = {
                name: value.expand(2, *value.shape[1:]) for name, value in parameters.items()
            }
            values = values.expand(2, -1, -1)
        outputs = self._features_first(parameters, values)[:count].transpose(1, 2)
        return outputs.reshape(count, *leading, outputs.shape[2])

    def _require_fit(self, batch: torch.Tensor, parameters: Mapping[str, torch.Tensor]) -> None:
        """Raise an `EvaluationError` unless the first layer takes such inputs."""
        weight = self._parameter(self._first.weight, parameters, 1)
        width = weight.shape[-1]
        if batch.shape[-1:] != (width,) or batch.dtype != weight.dtype:
            raise EvaluationError(
                f"The network's first layer takes inputs [..., {width}] of {weight.dtype}, "
                f"got {list(batch.shape)} of {batch.dtype}."
            )

    def _features_first(
        self, parameters: Mapping[str, torch.Tensor], values: torch.Tensor
    ) -> torch.Tensor:
        shared = True  # the inputs are the caller's until a step made new values
        for step in self._chain.steps:
            if isinstance(step, _Linear):
                values = self._product(step, parameters, values)
            elif isinstance(step, nn.Module):
                own = roomy(tuple(values.shape), values).copy_(values) if shared else values
                values = applied(step, own)
            else:
                values = step(values.clone() if shared else values)
            shared = False
        return values

    def _product(
        self, step: _Linear, parameters: Mapping[str, torch.Tensor], values: torch.Tensor
    ) -> torch.Tensor:
        weight = self._parameter(step.weight, parameters, len(values))
        out = roomy((len(values), weight.shape[1], values.shape[2]), values)
        if step.bias is None:
            return torch.bmm(weight, values, out=out)
        bias = self._parameter(step.bias, parameters, len(values))
        return torch.baddbmm(bias.unsqueeze(2), weight, values, out=out)

    def _parameter(
        self, name: str, parameters: Mapping[str, torch.Tensor], count: int
    ) -> torch.Tensor:
        if name in parameters:
            return parameters[name]
        frozen = self._chain.frozen[name]
        return frozen.expand(count, *frozen.shape)
