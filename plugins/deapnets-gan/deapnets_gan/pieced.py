"""Images that are no images: put together of two real ones each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ENOUGH = 10_000
"""Training images from which on the frozen classifiers learn to tell pieced ones, by default."""

_PART = 3  # a pieced image for so many real ones
_LEAST_SHARE = 0.2  # of the fainter of two images that lie on each other


def pieced_images(images: torch.Tensor, seed: int) -> torch.Tensor:
    """Return images that are made of two real ones, a third as many.

    Half of them are two images on each other, in shares of .2 to .8; the other half are the upper
    or the left half of one image and the rest of another.

    Parameters
    ----------
    images
        ``[n, channels, height, width]``.
    seed
        Of pairs and shares: the same ones for the same seed.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    count = max(len(images) // _PART, 1)
    rows = torch.randint(len(images), (2, count), generator=generator)
    first, second = images[rows[0]], images[rows[1]]
    shares = torch.rand(count, 1, 1, 1, generator=generator)
    pieced = torch.lerp(first, second, _LEAST_SHARE + (1 - 2 * _LEAST_SHARE) * shares)
    begin, middle = count // 2, count // 2 + count // 4
    height, width = images.shape[2] // 2, images.shape[3] // 2
    pieced[begin:] = first[begin:]
    pieced[begin:middle, :, :height] = second[begin:middle, :, :height]
    pieced[middle:, :, :, :width] = second[middle:, :, :, :width]
    return pieced
