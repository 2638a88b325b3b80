"""Which way a module's population goes through it: stacked, vmapped or looped, and why."""

from __future__ import annotations

import torch
from torch import nn

from deapnets.errors import LayoutError, OptionError, unknown
from deapnets.genomes.layout import Layout
from deapnets.networks.base import Path
from deapnets.networks.convolutions import convolvable, patchable
from deapnets.networks.crew import Crew
from deapnets.networks.guarding import require_still
from deapnets.networks.halfstacked import HalfStackedPath
from deapnets.networks.looped import LoopPath
from deapnets.networks.places import warn_of_places
from deapnets.networks.precision import Precision, require_precision
from deapnets.networks.sized import PATCHES, SizedPath
from deapnets.networks.stacked import Chain, StackedPath, stackable
from deapnets.networks.templates import template_of
from deapnets.networks.vmapped import VmapPath

PATHS = ("stacked", "vmap", "loop")

_RECURRENT = (nn.RNNBase, nn.LSTMCell)
"""Layers that torch has no batching rule for."""


def require_path(wish: str) -> None:
    """Raise an `OptionError` unless ``wish`` is the name of a path, or "" for the best one."""
    if wish not in ("", *PATHS):
        raise OptionError(unknown("path", str(wish), PATHS))


def choose_path(
    module: nn.Module,
    layout: Layout,
    device: torch.device,
    wish: str = "",
    precision: Precision = "float32",
) -> Path:
    """Return the path for a module: by ``wish``, or the fastest that keeps rows invariant.

    A chain of linear layers and element-wise activations is stacked. One with convolutions is too
    on a CPU, while images are small; larger ones are looped, for batched convolutions over a
    population run at about half the speed there (``benchmarks/paths.py``). So are other modules
    with convolutions, and recurrent layers, which vmap refuses. Everything else is vmapped, and
    looped where vmap refuses, or where a CPU computes in bfloat16. What the module holds besides
    the evolved parameters is copied (`template_of`).

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
    template = template_of(module, device)
    require_path(wish)
    if wish in ("", "stacked"):
        chain = stackable(template, layout)
        if chain is not None:
            return StackedPath(chain) if precision == "float32" else HalfStackedPath(chain, device)
        images = _images(template, layout, device, precision)
        if images is not None and (wish or device.type == "cpu"):
            most = None if wish else PATCHES
            return SizedPath(StackedPath(images), LoopPath(Crew(template, device)), most)
    if wish == "stacked":
        raise LayoutError(
            f"{type(module).__name__} is no chain of layers and activations that can be stacked; "
            'use path="vmap" or path="loop".'
        )
    wish = wish or _path_of(template, device, precision)
    crew = Crew(template, device)
    return VmapPath(crew, precision) if wish == "vmap" else LoopPath(crew, precision)


def _images(
    template: nn.Module, layout: Layout, device: torch.device, precision: Precision
) -> Chain | None:
    """Return the chain of a module with convolutions that are products of patches, or None."""
    if precision != "float32":
        return None
    convolved = convolvable(template, layout, device)
    return None if convolved is None else patchable(convolved)


def _path_of(template: nn.Module, device: torch.device, precision: Precision) -> str:
    """Return the path of a module that is no chain."""
    layers = list(template.modules())
    if any(isinstance(layer, _RECURRENT) for layer in layers):
        return "loop"
    if precision != "float32" and device.type == "cpu":
        return "loop"
    convolves = any(isinstance(layer, nn.modules.conv._ConvNd) for layer in layers)
    return "loop" if convolves and device.type == "cpu" else "vmap"
