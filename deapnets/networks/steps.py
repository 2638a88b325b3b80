"""Layers of a chain by the names of their parameters."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn


class Linear(NamedTuple):
    """Names of a linear layer's parameters."""

    weight: str
    bias: str | None


class Convolution(NamedTuple):
    """A convolution: the names of its parameters, and the rest of it."""

    weight: str
    bias: str | None
    layer: nn.Conv2d


Product = Linear | Convolution
"""A layer that multiplies what it gets with a matrix: inputs, or the patches of images."""
