"""`Operation`: what may stand on an edge of a cell, by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import nn

Kind = Literal["zero", "identity", "pure", "weighted"]


@final
@dataclass(frozen=True)
class Operation:
    """An operation that maps ``[batch, channels, height, width]`` to the same shape.

    Parameters
    ----------
    name
        As it stands in texts.
    build
        A function of ``(channels, stride)`` that returns the module; with stride 2 it halves height
        and width.
    kind
        What folding may do with it: ``"zero"`` gives nothing, ``"identity"`` its input, ``"pure"``
        has no weights (equal inputs give equal outputs), ``"weighted"`` has its own. A pure or
        weighted operation of nothing is taken to be nothing.
    strided
        The same at stride 2, where an identity has to shrink its input.
    """

    name: str
    build: Callable[[int, int], nn.Module]
    kind: Kind = "weighted"
    strided: Kind | None = None

    def kind_at(self, stride: int) -> Kind:
        """Return its kind at a stride."""
        return self.kind if stride == 1 or self.strided is None else self.strided


@final
class Zero(nn.Module):
    """Nothing: zeros of the input's shape."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return zeros."""
        return x[:, :, :: self.stride, :: self.stride].mul(0.0)


@final
class FactorizedReduction(nn.Module):
    """Half the size and other channels: two 1x1 convolutions of stride 2, one pixel apart.

    Source: Zoph, Vasudevan, Shlens & Le 2018, "Learning transferable architectures for scalable
    image recognition", arXiv 1707.07012.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(channels_in, channels // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(channels_in, channels - channels // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``[batch, channels, ceil(height / 2), ceil(width / 2)]``."""
        x = nn.functional.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return torch.as_tensor(self.norm(torch.cat([self.even(x), self.odd(shifted)], 1)))


def convolution(
    channels_in: int, channels: int, size: int | tuple[int, int], stride: int = 1
) -> nn.Sequential:
    """Return ReLU, convolution, batch norm: the order of NASNet and of NAS-Bench-201."""
    height, width = (size, size) if isinstance(size, int) else size
    padding = (height // 2, width // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels_in, channels, (height, width), stride, padding, bias=False),
        nn.BatchNorm2d(channels),
    )


def _separable(channels: int, size: int, stride: int = 1, dilation: int = 1) -> list[nn.Module]:
    padding = dilation * (size // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, size, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ]


def _zero(channels: int, stride: int) -> nn.Module:
    return Zero(stride)


def _identity(channels: int, stride: int) -> nn.Module:
    return nn.Identity() if stride == 1 else FactorizedReduction(channels, channels)


def _average(channels: int, stride: int) -> nn.Module:
    return nn.AvgPool2d(3, stride, 1, count_include_pad=False)


def _largest(channels: int, stride: int) -> nn.Module:
    return nn.MaxPool2d(3, stride, 1)


def _conv_1x1(channels: int, stride: int) -> nn.Module:
    return convolution(channels, channels, 1, stride)


def _conv_3x3(channels: int, stride: int) -> nn.Module:
    return convolution(channels, channels, 3, stride)


def _conv_1x7_7x1(channels: int, stride: int) -> nn.Module:
    return nn.Sequential(
        *convolution(channels, channels, (1, 7), stride), *convolution(channels, channels, (7, 1))
    )


def _sep_3x3(channels: int, stride: int) -> nn.Module:
    return nn.Sequential(*_separable(channels, 3, stride), *_separable(channels, 3))


def _sep_5x5(channels: int, stride: int) -> nn.Module:
    return nn.Sequential(*_separable(channels, 5, stride), *_separable(channels, 5))


def _sep_7x7(channels: int, stride: int) -> nn.Module:
    return nn.Sequential(*_separable(channels, 7, stride), *_separable(channels, 7))


def _dilated_3x3(channels: int, stride: int) -> nn.Module:
    return nn.Sequential(*_separable(channels, 3, stride, dilation=2))


NASBENCH201_OPERATIONS = (
    Operation("none", _zero, "zero"),
    Operation("skip_connect", _identity, "identity", "weighted"),
    Operation("nor_conv_1x1", _conv_1x1),
    Operation("nor_conv_3x3", _conv_3x3),
    Operation("avg_pool_3x3", _average, "pure"),
)
"""Dong & Yang 2020, "NAS-Bench-201", arXiv 2001.00326, section 2.1."""

NASNET_OPERATIONS = (
    Operation("identity", _identity, "identity", "weighted"),
    Operation("sep_conv_3x3", _sep_3x3),
    Operation("sep_conv_5x5", _sep_5x5),
    Operation("sep_conv_7x7", _sep_7x7),
    Operation("avg_pool_3x3", _average, "pure"),
    Operation("max_pool_3x3", _largest, "pure"),
    Operation("dil_sep_conv_3x3", _dilated_3x3),
    Operation("conv_1x7_7x1", _conv_1x7_7x1),
)
"""Real, Aggarwal, Huang & Le 2018, "Regularized evolution", arXiv 1802.01548, section 3.1."""
