"""Convolutions and pools of images that lie ``[..., channels, height, width, batch]``.

A convolution is a matrix product then, of its kernels ``[out, in * height * width]`` and the
patches that they see. Patches are copied, which pays where images are small
(``benchmarks/paths.py``). Pools go through the places of their window one after the other, so
that no bit of a result depends on the size of a tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from deapnets.networks.blocks import roomy
from deapnets.networks.steps import Convolution, Linear

Pool = nn.MaxPool2d | nn.AvgPool2d | nn.AdaptiveAvgPool2d


def plain(layer: nn.Module) -> bool:
    """Whether a convolution or a pool is one that this module computes."""
    if type(layer) is nn.Conv2d:
        return layer.groups == 1 and layer.padding_mode == "zeros" and layer.padding != "same"
    if type(layer) is nn.AdaptiveAvgPool2d:
        return layer.output_size in (1, (1, 1))
    if (
        type(layer) not in (nn.MaxPool2d, nn.AvgPool2d)
        or layer.ceil_mode
        or any(_pair(layer.padding))
    ):
        return False
    if isinstance(layer, nn.AvgPool2d):
        return layer.divisor_override is None
    return not layer.return_indices


def patches(layer: nn.Conv2d, values: torch.Tensor) -> tuple[torch.Tensor, tuple[int, int, int]]:
    """Return what the kernels see, ``[..., in * kernel, places * batch]``; height, width, batch."""
    if any(rims := _rims(layer)):
        values = F.pad(values, (0, 0, rims[1], rims[1], rims[0], rims[0]))
    seen = _windows(values, *_grid(layer))
    shape = (int(seen.shape[-3]), int(seen.shape[-2]), int(seen.shape[-1]))
    return seen.flatten(-3).flatten(-4, -2), shape


def pooled(layer: Pool, values: torch.Tensor) -> torch.Tensor:
    """Return the largest or the mean value of every window, in memory that `roomy` made."""
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        size = (values.shape[-3], values.shape[-2])
        seen = _windows(values, size, size, (1, 1))
    else:
        seen = _windows(values, *_grid(layer))
    height, width = seen.shape[-5:-3]
    places = [seen[..., i, j, :, :, :] for i in range(height) for j in range(width)]
    result = roomy(tuple(places[0].shape), values).copy_(places[0])
    if isinstance(layer, nn.MaxPool2d):
        for place in places[1:]:
            torch.maximum(result, place, out=result)
        return result
    for place in places[1:]:
        result += place
    return result.div_(height * width)


class Extent(NamedTuple):
    """Numbers that an image takes on its way: the most of a layer."""

    patches: int  # that the kernels of a convolution see
    outputs: int


def extent(
    steps: Sequence[object], shapes: Callable[[str], torch.Size], image: Sequence[int]
) -> Extent | None:
    """Return what an image ``[channels, height, width]`` takes; None where it does not fit.

    ``shapes`` gives the shape of a parameter by its name.
    """
    channels, height, width = image
    most = Extent(0, channels * height * width)
    for step in steps:
        if isinstance(step, Convolution):
            out, wanted = shapes(step.weight)[:2]
            if wanted != channels:
                return None
            height, width = _sizes(step.layer, height, width)
            seen = shapes(step.weight)[1:].numel() * height * width
            channels = out
            most = Extent(max(most.patches, seen), max(most.outputs, out * height * width))
        elif isinstance(step, nn.AdaptiveAvgPool2d):
            height = width = 1
        elif isinstance(step, nn.MaxPool2d | nn.AvgPool2d):
            height, width = _sizes(step, height, width)
        elif isinstance(step, Linear):
            features = channels * height * width
            return most if shapes(step.weight)[1] == features else None
        if min(height, width) < 1:
            return None
    return most


_Grid = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


def _grid(layer: nn.Module) -> _Grid:
    """Return kernel, stride and dilation, each of height and width."""
    return _pair(layer.kernel_size), _pair(layer.stride), _pair(getattr(layer, "dilation", 1))


def _rims(layer: nn.Module) -> tuple[int, int]:
    padding = layer.padding
    return (0, 0) if isinstance(padding, str) else _pair(padding)


def _pair(value: object) -> tuple[int, int]:
    first, second = value if isinstance(value, tuple) else (value, value)
    return int(first), int(second)


def _sizes(layer: nn.Module, height: int, width: int) -> tuple[int, int]:
    """Return height and width of what comes out; below 1 where nothing does."""
    kernel, stride, dilation = _grid(layer)
    found = [
        (size + 2 * rim - apart * (side - 1) - 1) // step + 1
        for size, rim, side, step, apart in zip(
            (height, width), _rims(layer), kernel, stride, dilation, strict=True
        )
    ]
    return found[0], found[1]


def _windows(
    values: torch.Tensor,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> torch.Tensor:
    """Return a view ``[..., channels, kernel height, width, places down, across, batch]``."""
    values = values.contiguous()
    (down, across, last), sizes = values.stride()[-3:], values.shape[-3:-1]
    places = [
        (size - apart * (side - 1) - 1) // step + 1
        for size, side, step, apart in zip(sizes, kernel, stride, dilation, strict=True)
    ]
    return values.as_strided(
        (*values.shape[:-3], *kernel, *places, values.shape[-1]),
        (
            *values.stride()[:-3],
            *(dilation[0] * down, dilation[1] * across),
            *(stride[0] * down, stride[1] * across),
            last,
        ),
    )
