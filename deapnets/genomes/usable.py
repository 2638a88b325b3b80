"""Which modules, and which of their parameters, can be evolved; what to do about the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn
from torch.jit import ScriptModule
from torch.nn.parallel import DistributedDataParallel
from torch.nn.parameter import is_lazy

from deapnets.errors import LayoutError, shown

_NOT_EXCHANGED = (ScriptModule, nn.DataParallel, DistributedDataParallel)


def require_module(module: Any) -> None:
    """Raise a `LayoutError` unless this is a network."""
    if isinstance(module, type):
        raise LayoutError(
            f"Weights are those of a network, got the class {module.__name__}. Give one of its "
            f"instances: {module.__name__}(...)."
        )
    if not isinstance(module, nn.Module):
        raise LayoutError(
            f"Weights are those of a network, a torch.nn.Module; got {shown(module)}."
        )


def require_parts(parts: list[tuple[str, nn.Module]]) -> None:
    """Raise a `LayoutError` for a part of a network in which weights cannot be exchanged."""
    for name, part in parts:
        if isinstance(part, _NOT_EXCHANGED):
            owner = type(parts[0][1]).__name__
            part_of = f'Part "{name}" of {owner}' if name else owner
            raise LayoutError(f"{part_of} {_reason(part)}")


def _reason(part: nn.Module) -> str:
    if isinstance(part, ScriptModule):
        return (
            "was made by torch.jit, which does not let weights be exchanged. Evolve the module "
            "that it was made from, and script or trace the network that comes of it."
        )
    return (
        "divides batches between devices, which populations do by themselves. Give the network "
        "inside: net.module."
    )


def require_there(module: nn.Module, named: Iterable[tuple[str, nn.Parameter]]) -> None:
    """Raise a `LayoutError` for a parameter, evolved or not, that has no shape or no values."""
    for name, parameter in named:
        if is_lazy(parameter):
            raise LayoutError(
                f'Parameter "{name}" of {type(module).__name__} has no shape yet. Call the module '
                "once with inputs, so that its lazy layers learn their sizes."
            )
        if parameter.is_meta:
            raise LayoutError(
                f'Parameter "{name}" of {type(module).__name__} is on the meta device and has no '
                'values. Make room for them, net.to_empty(device="cpu"), and initialise or load '
                "them."
            )


def require_weights(module: nn.Module, chosen: list[tuple[str, nn.Parameter]]) -> None:
    """Raise a `LayoutError` unless the evolved parameters are real numbers, at least one."""
    owner = type(module).__name__
    for name, parameter in chosen:
        if not parameter.is_floating_point():
            raise LayoutError(
                f'Parameter "{name}" of {owner} is {parameter.dtype}; only floating-point '
                "parameters can be evolved. Make it a buffer: register_buffer; or leave it out, "
                "with parameters= or requires_grad_(False)."
            )
    if not any(parameter.numel() for _, parameter in chosen):
        parts = ", ".join(f"{name}{list(parameter.shape)}" for name, parameter in chosen)
        raise LayoutError(f"{owner} has no weight to evolve: nothing is in {parts}.")
