"""The images that generators learn to make: digits, MNIST, or any four IDX files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from deapnets.errors import DataError, OptionError, unknown

if TYPE_CHECKING:
    import torch

DATASETS = ("digits", "mnist")


@final
@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images in three parts.

    Attributes
    ----------
    name
        What they are called in messages.
    train, validation, test
        ``[n, channels, height, width]`` in [0, 1]: the judge sees the first part, the second one
        decides which generator is saved, and the last one is opened by the report alone.
    train_labels, test_labels
        Classes ``[n]``.
    """

    name: str
    train: torch.Tensor
    train_labels: torch.Tensor
    validation: torch.Tensor
    test: torch.Tensor
    test_labels: torch.Tensor

    def __post_init__(self) -> None:
        for part, images in (("validation", self.validation), ("test", self.test)):
            if images.shape[1:] != self.train.shape[1:]:
                raise DataError(
                    f'Image set "{self.name}": {part} images of {_size(images)} and training '
                    f"images of {_size(self.train)} pixels. Bring them to one size."
                )
        for part, labels, images in (
            ("training", self.train_labels, self.train),
            ("test", self.test_labels, self.test),
        ):
            if labels is None or len(labels) != len(images):
                raise DataError(
                    f'Image set "{self.name}": {0 if labels is None else len(labels)} labels for '
                    f"{len(images)} {part} images. Coverage of classes needs a label for each."
                )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.train.shape[1:]
        return int(channels), int(height), int(width)


def _size(images: torch.Tensor) -> str:
    return "x".join(map(str, images.shape[1:]))


def load_images(
    dataset: str, data: str | None, pool: tuple[int, int] | None, validation: float
) -> ImageSet:
    """Return an image set by its name, or from a folder of four IDX files.

    Parameters
    ----------
    dataset
        ``"digits"`` or ``"mnist"``; where ``data`` is given, a name for messages.
    data
        A folder with four IDX files.
    pool
        Height and width that images are averaged down to; None: 14x14 for larger ones.
    validation
        Part of the training images that is held out.

    Raises
    ------
    OptionError
        When there is no such set, or a size or part cannot be used.
    DataError
        When files are missing or do not fit together.
    """
    import torch
    from deapnets_mnist.datasets import (
        load_digits,
        load_idx_folder,
        load_mnist,
        split_validation,
        to_inputs,
    )

    if dataset not in DATASETS:
        raise OptionError(unknown("dataset", dataset, DATASETS))
    if data is not None:
        found = load_idx_folder(data, data)
    else:
        found = load_digits() if dataset == "digits" else load_mnist()
    height, width = found.train_images.shape[1:]
    if pool is None and min(height, width) > 14:
        pool = (14, 14)
    kept, held = split_validation(found.train_labels, fraction=validation)
    images, labels = to_inputs(found.train_images, pool), torch.from_numpy(found.train_labels)
    return ImageSet(
        found.name,
        images[kept],
        labels[kept],
        images[held],
        to_inputs(found.test_images, pool),
        torch.from_numpy(found.test_labels),
    )
