"""Which way a module's population goes through it: stacked, vmapped or looped, and why."""

from __future__ import annotations

import copy

import torch
from torch import nn

from deapnets.errors import LayoutError, OptionError, unknown
from deapnets.genomes.layout import Layout
from deapnets.networks.base import Path
from deapnets.networks.looped import LoopPath
from deapnets.networks.stacked import StackedPath, stackable
from deapnets.networks.vmapped import VmapPath

PATHS = ("stacked", "vmap", "loop")


def choose_path(module: nn.Module, layout: Layout, device: torch.device, wish: str = "") -> Path:
    """Return the path for a module: by ``wish``, or the fastest that keeps rows invariant.

    A chain of linear layers and element-wise activations is stacked. Convolutions on a CPU are
    looped: batched convolutions over a population run at about half the speed there
    (``benchmarks/paths.py``). Everything else is vmapped, and looped where vmap refuses. What the
    module holds besides the evolved parameters is copied, in float32 as those are.
    """
    template = copy.deepcopy(module).eval().requires_grad_(False).float().to(device)
    chain = stackable(template, layout)
    if not wish:
        convolves = any(isinstance(m, nn.modules.conv._ConvNd) for m in template.modules())
        slow = convolves and device.type == "cpu"
        wish = "stacked" if chain is not None else "loop" if slow else "vmap"
    if wish == "stacked":
        if chain is None:
            raise LayoutError(
                f"{type(module).__name__} is no chain of Linear layers and activations; "
                'use path="vmap" or path="loop".'
            )
        return StackedPath(chain)
    if wish == "vmap":
        return VmapPath(template)
    if wish == "loop":
        return LoopPath(template)
    raise OptionError(unknown("path", wish, PATHS))
