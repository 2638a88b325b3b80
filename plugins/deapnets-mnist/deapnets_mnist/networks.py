"""The networks that are evolved on images, by name.

- ``mlp-32``, ``mlp-128-64``, ...: fully connected, one number a hidden layer
- ``conv-16``, ``conv-64``, ...: that many 5x5 filters, averaged over a grid, and a linear layer
- ``strided-16``, ...: that many 5x5 filters at every second place, and a linear layer
- ``deep``: the convolutional network of TensorFlow's tutorial "Deep MNIST for Experts" (2016)

All are a plain :class:`torch.nn.Sequential` from ``[batch, 1, height, width]`` to ``[batch,
classes]`` scores (no softmax).
"""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from deapnets.errors import OptionError, unknown

if TYPE_CHECKING:
    from torch import nn


def build_network(
    name: str,
    input_shape: tuple[int, int] = (28, 28),
    classes: int = 10,
    *,
    head: bool = True,
) -> nn.Sequential:
    """Build a network by its name, with torch's default initial weights.

    Parameters
    ----------
    name
        ``"mlp-A-B-..."`` with the sizes of the hidden layers, such as ``"mlp-32"``; ``"conv-N"`` or
        ``"strided-N"`` with N filters; or ``"deep"``.
    input_shape
        Height and width of the images in pixels.
    classes
        How many scores the network gives.
    head
        Whether the last layer is there; without it, the outputs are the features it would take.

    Returns
    -------
    torch.nn.Sequential
        From ``[batch, 1, height, width]`` to ``[batch, classes]``, or to features. Its weights are
        drawn from torch's global random generator.

    Raises
    ------
    OptionError
        There is no such network, a size is not positive, or the images are too small for it.
    """
    if min(*input_shape, classes) < 1:
        raise OptionError(
            f"input_shape and classes must be positive, got {input_shape} and {classes}."
        )
    net = _whole(name, input_shape, classes)
    if not head:
        del net[-1]
    return net


def _whole(name: str, input_shape: tuple[int, int], classes: int) -> nn.Sequential:
    if name == "deep":
        return _deep(input_shape, classes)
    if name.startswith("conv"):
        return _conv(name, input_shape, classes)
    if name.startswith("strided"):
        return _strided(name, input_shape, classes)
    return _mlp(_hidden_sizes(name), input_shape, classes)


def _hidden_sizes(name: str) -> list[int]:
    """Return the sizes that an ``mlp-A-B-...`` names."""
    if not re.fullmatch(r"mlp(-[0-9]+)+", name):
        message = unknown("network", name, ("mlp-32", "conv-16", "strided-16", "deep"))
        raise OptionError(f"{message} An MLP names its hidden layers: mlp-32, mlp-128-64.")
    sizes = [int(size) for size in name.split("-")[1:]]
    if 0 in sizes:
        raise OptionError(f'Network "{name}": the size of a hidden layer must be positive.')
    return sizes


def _mlp(hidden: list[int], input_shape: tuple[int, int], classes: int) -> nn.Sequential:
    from torch import nn

    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise([math.prod(input_shape), *hidden]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], classes))


def _conv(name: str, input_shape: tuple[int, int], classes: int) -> nn.Sequential:
    """Build one layer of filters, their positive part averaged over 7x7 places where they fit."""
    from torch import nn

    filters, side = _filters("conv", name), max(1, min(input_shape) // 7)
    features = filters * (input_shape[0] // side) * (input_shape[1] // side)
    return nn.Sequential(
        nn.Conv2d(1, filters, kernel_size=5, padding=2, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(side),
        nn.Flatten(),
        nn.Linear(features, classes),
    )


def _strided(name: str, input_shape: tuple[int, int], classes: int) -> nn.Sequential:
    """Build one layer of filters, two pixels apart, and a linear layer: few weights, few products.

    4,426 weights with 16 filters, 14x14 pixels and 10 classes.
    """
    from torch import nn

    filters = _filters("strided", name)
    height, width = input_shape
    if min(input_shape) < 5:
        raise OptionError(
            f'Network "{name}" has 5x5 filters and needs at least 5x5 pixels, '
            f"got {height}x{width}. network=mlp-32 takes any size."
        )
    places = ((height - 5) // 2 + 1) * ((width - 5) // 2 + 1)
    return nn.Sequential(
        nn.Conv2d(1, filters, kernel_size=5, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(filters * places, classes),
    )


def _filters(kind: str, name: str) -> int:
    """Return the number of filters that a name ends in."""
    if not re.fullmatch(rf"{kind}-[1-9][0-9]*", name):
        raise OptionError(f'Network "{name}" names its number of filters: {kind}-16, {kind}-64.')
    return int(name.removeprefix(f"{kind}-"))


def _deep(input_shape: tuple[int, int], classes: int) -> nn.Sequential:
    """Build the tutorial's network; 3,274,634 weights for 28x28 pixels and 10 classes.

    Its dropout is left out: evolution follows no gradient that would need the noise.
    """
    from torch import nn

    height, width = input_shape
    if min(input_shape) < 4:
        raise OptionError(
            f'Network "deep" halves its input twice and needs at least 4x4 pixels, '
            f"got {height}x{width}."
        )
    return nn.Sequential(
        nn.Conv2d(1, 32, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * (height // 4) * (width // 4), 1024),
        nn.ReLU(),
        nn.Linear(1024, classes),
    )
