"""Which samples are copies of training images."""

from __future__ import annotations

from typing import NamedTuple

import torch

from deapnets.metrics.frechet import require_rows

NEAREST = 20
"""Training images whose distance a sample's nearest one is compared with."""
COPIED = 0.5
"""Part of that distance below which a sample counts as a copy."""
_BLOCK = 256  # rows of a block of distances


class Memory(NamedTuple):
    """How near samples come to training images."""

    copied: float  # part of the samples that lie on one training image, and on no other
    ratio: float  # their median distance to the nearest one, as a part of that of held-out images


def memorised(train: torch.Tensor, held_out: torch.Tensor, samples: torch.Tensor) -> Memory:
    """Return how many samples are copies of training images, all as rows ``[n, pixels]``.

    A sample is a copy when its nearest training image is less than half as far as the next ones
    are, in the mean of the 2nd to the 20th: new images have many that are about equally far.
    ``ratio`` is below 1 where samples are nearer to the training images than held-out images are:
    so are blurred ones. Source of the first: Carlini et al. 2023, arXiv:2301.13188, section 5.

    Raises
    ------
    DataError
        When rows differ in length, or there are fewer than 20 training images.
    """
    require_rows(train, samples)
    require_rows(train, held_out)
    require_rows(train, train, least=NEAREST)
    ours, theirs = _nearest(train, samples), _nearest(train, held_out)
    copied = ours[:, 0] < COPIED * ours[:, 1:].mean(1)
    reference = float(theirs[:, 0].median())
    ratio = float(ours[:, 0].median()) / reference if reference > 0 else float("nan")
    return Memory(float(copied.double().mean()), ratio)


def _nearest(train: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return the distances of each row to its nearest training images, ascending ``[n, 20]``."""
    parts = [
        torch.cdist(part, train).topk(NEAREST, 1, largest=False).values
        for part in rows.split(_BLOCK)
    ]
    return torch.cat(parts)
