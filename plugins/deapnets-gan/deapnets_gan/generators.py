"""The networks that are evolved, by name: from latents ``[batch, latent]`` to images in [0, 1].

- ``mlp-64``, ``mlp-128-128``, ...: fully connected, one number a hidden layer, logistic outputs
- ``eigen-64``, ...: the same up to coordinates, which a frozen last layer makes an image of: the
  mean of the training images and their principal components
- ``deconv-16``, ...: transposed convolutions; the number is that of the last filters
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import torch
from torch import nn

from deapnets.errors import OptionError, at_least_one, unknown

KINDS = ("mlp", "eigen", "deconv")
_DEFAULTS = {"mlp": "mlp-64", "eigen": "eigen-64", "deconv": "deconv-16"}
COMPONENTS, EXPLAINED = 60, 0.99
"""Principal components of an ``eigen`` generator, at most, and their part of the variance."""
_LOOKED_AT = 10_000  # images whose components are computed


def build_generator(name: str, latent: int, images: torch.Tensor) -> nn.Sequential:
    """Return a generator by its name; its random weights come from torch's global generator.

    Parameters
    ----------
    name
        ``"mlp-A-B-..."`` or ``"eigen-A-B-..."`` with the sizes of the hidden layers,
        ``"deconv-N"``; without a number, the smallest useful one.
    latent
        Length of a row of latents.
    images
        Training images ``[n, channels, height, width]``: their size, and where a generator begins:
        at their mean.

    Raises
    ------
    OptionError
        When there is no such generator, or none of that name for images of this size.
    """
    at_least_one(latent=latent)
    kind, _, rest = _DEFAULTS.get(name, name).partition("-")
    if kind not in KINDS or not re.fullmatch(r"[1-9]\d*(-[1-9]\d*)*", rest):
        message = unknown("network", name, tuple(_DEFAULTS.values()))
        raise OptionError(f"{message} A name ends in sizes: mlp-64, mlp-128-128, deconv-16.")
    sizes = [int(size) for size in rest.split("-")]
    if kind == "deconv":
        return _deconv(name, sizes, latent, images)
    return _mlp(sizes, latent, images) if kind == "mlp" else _eigen(sizes, latent, images)


def _hidden(sizes: Sequence[int], latent: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for size in sizes:
        layers += [nn.Linear(latent, size), nn.ReLU()]
        latent = size
    return layers


def _mlp(sizes: Sequence[int], latent: int, images: torch.Tensor) -> nn.Sequential:
    last = nn.Linear(sizes[-1], math.prod(images.shape[1:]))
    with torch.no_grad():
        last.bias.copy_(torch.logit(images.mean(0).flatten().clamp(0.02, 0.98)))
    return nn.Sequential(*_hidden(sizes, latent), last, nn.Sigmoid())


def _eigen(sizes: Sequence[int], latent: int, images: torch.Tensor) -> nn.Sequential:
    """Begin with coordinates of about unit deviation round 0: images round the mean."""
    rows = images[:_LOOKED_AT].flatten(1)
    mean = images.flatten(1).mean(0)
    _, values, axes = torch.linalg.svd(rows - mean, full_matrices=False)
    variance = values.double().square()
    unexplained = variance.cumsum(0) < EXPLAINED * variance.sum()
    axes = _upright(axes[: min(COMPONENTS, int(unexplained.sum()) + 1)])
    deviations = ((rows - mean) @ axes.T).std(0)
    hidden, coordinates = nn.Sequential(*_hidden(sizes, latent)), nn.Linear(sizes[-1], len(axes))
    basis = nn.Linear(len(axes), rows.shape[1])
    with torch.no_grad():
        basis.weight.copy_((axes * deviations[:, None]).T)
        basis.bias.copy_(mean)
        before = coordinates(hidden(torch.randn(1000, latent)))
        coordinates.weight.div_(before.std(0)[:, None])
        coordinates.bias.sub_(before.mean(0)).div_(before.std(0))
    basis.requires_grad_(False)
    return nn.Sequential(*hidden, coordinates, basis, nn.Hardtanh(0.0, 1.0))


def _upright(axes: torch.Tensor) -> torch.Tensor:
    """Return axes whose largest element is positive: libraries choose either sign."""
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return axes * largest.sign()


def _deconv(name: str, sizes: Sequence[int], latent: int, images: torch.Tensor) -> nn.Sequential:
    """Build a linear layer to a quarter of the image's size, and two doublings."""
    channels, height, width = (int(side) for side in images.shape[1:])
    if len(sizes) != 1:
        raise OptionError(f'Network "{name}" names one number of filters: deconv-16, deconv-32.')
    filters = sizes[0]
    low = (math.ceil(height / 4), math.ceil(width / 4))
    last = nn.ConvTranspose2d(filters, channels, 4, 2, padding=_margins(height, width, low))
    with torch.no_grad():
        last.bias.fill_(float(torch.logit(images.mean().clamp(0.02, 0.98))))  # type: ignore[union-attr]
    return nn.Sequential(
        nn.Linear(latent, 2 * filters * low[0] * low[1]),
        nn.ReLU(),
        nn.Unflatten(1, (2 * filters, *low)),
        nn.ConvTranspose2d(2 * filters, filters, 4, 2, padding=1),
        nn.ReLU(),
        last,
        nn.Sigmoid(),
    )


def _margins(height: int, width: int, low: tuple[int, int]) -> tuple[int, int]:
    """Return the padding with which doubling twice gives the image's own size."""
    margins = []
    for side, small in zip((height, width), low, strict=True):
        spare = 4 * small + 2 - side  # what the last layer makes without padding, less the side
        if spare % 2:
            raise OptionError(
                f"A deconv generator makes images with even sides, got {height}x{width}. "
                "Take an mlp, or -o pool=14x14."
            )
        margins.append(spare // 2)
    return margins[0], margins[1]
