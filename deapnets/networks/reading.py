"""Whether a module computes with the weights it is given, and with no others."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from deapnets.errors import EvaluationError
from deapnets.genomes.reach import copied
from deapnets.networks.trees import near, tensors_of

_NOISE = 0.1
"""Deviation of what is added to the weights: those of a first network may be the module's own."""
_TRIALS = 2
"""Weights that must all show it: rounding may turn a choice that a module makes, once."""
_ROUNDING = 1e-3
"""What rounding changes at most, as a part of the largest output."""


def require_read(
    template: nn.Module,
    own: Mapping[str, torch.Tensor],
    inputs: Callable[[], tuple[Any, ...]],
    draw: Callable[[Callable[[], Any]], Any],
) -> None:
    """Raise an `EvaluationError` unless exchanged parameters do what loaded ones do.

    They do not where a module reads a parameter from somewhere else: a plain list, an object, a
    buffer in its memory. Every network would find the module's own numbers there.

    Parameters
    ----------
    template
        The module.
    own
        Weights of a network by their names.
    inputs
        Returns the inputs, anew for each call.
    draw
        Makes a call, with the same random numbers each time.
    """
    loaded = copied(template)
    for seed in range(_TRIALS):
        moved = _moved(own, seed)
        _load(loaded, moved)
        try:
            given = tensors_of(draw(functools.partial(functional_call, template, moved, inputs())))
            wanted = tensors_of(draw(functools.partial(loaded, *inputs())))
        except torch.OutOfMemoryError:
            raise
        except Exception:  # weights that a module does not take show nothing
            return
        pairs = zip(given, wanted, strict=False)
        if len(given) == len(wanted) and all(near(*pair, _ROUNDING) for pair in pairs):
            return
    raise EvaluationError(
        f"{type(template).__name__} computes with weights that it does not read from its "
        "registered parameters: a list, an attribute or a buffer holds them, too, where every "
        "network would find the same numbers. Read them from their layers in forward, "
        "self.layer.weight, or keep them in an nn.ParameterList."
    )


def _moved(own: Mapping[str, torch.Tensor], seed: int) -> dict[str, torch.Tensor]:
    """Return weights with noise."""
    generator = torch.Generator(next(iter(own.values())).device).manual_seed(seed)
    return {name: value + _NOISE * _normal(value, generator) for name, value in own.items()}


def _load(module: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    places = dict(module.named_parameters())
    with torch.no_grad():
        for name, value in weights.items():
            places[name].copy_(value)


def _normal(value: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(value.shape, generator=generator, dtype=value.dtype, device=value.device)
