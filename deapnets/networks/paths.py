"""Which way a module's population goes through it: stacked, vmapped or looped, and why."""

from __future__ import annotations

import copy

import torch
from torch import nn

from deapnets.errors import LayoutError, OptionError, unknown
from deapnets.genomes.layout import Layout
from deapnets.networks.base import Path
from deapnets.networks.crew import Crew
from deapnets.networks.guarding import require_still
from deapnets.networks.halfstacked import HalfStackedPath
from deapnets.networks.looped import LoopPath
from deapnets.networks.places import warn_of_places
from deapnets.networks.precision import Precision, require_precision
from deapnets.networks.stacked import StackedPath, stackable
from deapnets.networks.vmapped import VmapPath

PATHS = ("stacked", "vmap", "loop")

_RECURRENT = (nn.RNNBase, nn.LSTMCell)
"""Layers that torch has no batching rule for."""


def choose_path(
    module: nn.Module,
    layout: Layout,
    device: torch.device,
    wish: str = "",
    precision: Precision = "float32",
) -> Path:
    """Return the path for a module: by ``wish``, or the fastest that keeps rows invariant.

    A chain of linear layers and element-wise activations is stacked. Convolutions on a CPU are
    looped: batched convolutions over a population run at about half the speed there
    (``benchmarks/paths.py``). So are recurrent layers, which vmap refuses. Everything else is
    vmapped, and looped where vmap refuses, or where a CPU computes in bfloat16. What the module
    holds besides the evolved parameters is copied, in float32 as those are.

    Raises
    ------
    EvaluationError
        When a normalisation of the module is in training mode.
    LayoutError
        When the module cannot take the path that is wished.
    OptionError
        When there is no such path.
    """
    require_still(module)
    require_precision(precision)
    if device.type == "cpu":
        warn_of_places()
    template = copy.deepcopy(module).eval().requires_grad_(False).float().to(device)
    chain = stackable(template, layout)
    wish = wish or ("stacked" if chain is not None else _path_of(template, device, precision))
    if wish not in PATHS:
        raise OptionError(unknown("path", wish, PATHS))
    if wish == "stacked":
        if chain is None:
            raise LayoutError(
                f"{type(module).__name__} is no chain of Linear layers and activations; "
                'use path="vmap" or path="loop".'
            )
        return StackedPath(chain) if precision == "float32" else HalfStackedPath(chain, device)
    crew = Crew(template, device)
    return VmapPath(crew, precision) if wish == "vmap" else LoopPath(crew, precision)


def _path_of(template: nn.Module, device: torch.device, precision: Precision) -> str:
    """Return the path of a module that is no chain."""
    layers = list(template.modules())
    if any(isinstance(layer, _RECURRENT) for layer in layers):
        return "loop"
    if precision != "float32" and device.type == "cpu":
        return "loop"
    convolves = any(isinstance(layer, nn.modules.conv._ConvNd) for layer in layers)
    return "loop" if convolves and device.type == "cpu" else "vmap"
