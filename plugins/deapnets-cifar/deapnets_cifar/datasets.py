"""Labelled images: CIFAR-10 in its published binary format, and scikit-learn's digits."""

from __future__ import annotations

import functools
import gzip
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from deapnets.errors import DataError
from deapnets.files.downloading import Source
from deapnets_cifar.downloading import CIFAR10, PARTS, is_whole, unpacked

_RECORD = 1 + 3 * 32 * 32  # bytes: a label, and three planes of pixels
_HELD_OUT = 5000  # training images of CIFAR-10 that are the validation split
_MEAN, _DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class Images(NamedTuple):
    """Images ``[rows, channels, height, width]``, float32, and labels ``[rows]``, int64."""

    inputs: torch.Tensor
    labels: torch.Tensor

    def to(self, device: torch.device) -> Images:
        """Return them on a device."""
        return Images(self.inputs.to(device), self.labels.to(device))


class Dataset(NamedTuple):
    """Three splits, and how much an image may be moved and whether it may be mirrored."""

    train: Images
    validation: Images
    test: Images
    shift: int  # pixels, in each direction
    mirror: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.train.inputs.shape[1:]
        return int(channels), int(height), int(width)


@functools.lru_cache(maxsize=1)
def load_digits() -> Dataset:
    """Return scikit-learn's 1,797 digits of 8x8 pixels, in splits of 1,167, 270 and 360.

    The splits are the same everywhere. No download.
    """
    from sklearn import datasets

    bunch = datasets.load_digits()
    order = np.random.RandomState(0).permutation(len(bunch.target))
    inputs = torch.from_numpy(bunch.images[order].astype(np.float32))[:, None] / 8.0 - 1.0
    labels = torch.from_numpy(bunch.target[order].astype(np.int64))
    ends = (slice(0, 1167), slice(1167, 1437), slice(1437, None))
    train, validation, test = (Images(inputs[rows], labels[rows]) for rows in ends)
    return Dataset(train, validation, test, shift=0, mirror=False)


@functools.lru_cache(maxsize=2)
def load_cifar10(folder: Path | None = None, source: Source = CIFAR10) -> Dataset:
    """Return CIFAR-10: 45,000 images to train, the last 5,000 of them to validate, 10,000 to test.

    Parameters
    ----------
    folder
        Where ``data_batch_1.bin`` to ``5`` and ``test_batch.bin`` are, .gz or not; nothing is
        downloaded then. Without it, ``cifar10`` in the folder that DEAPNETS_DATA names is used if
        the files are there, else the user's cache folder, into which they are downloaded once.
    source
        What is downloaded, and from where.

    Raises
    ------
    DataError
        When a file is missing, damaged, or could not be downloaded: it is named.

    Notes
    -----
    Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """
    where = _given(folder, source) or unpacked(source)
    train = [_read(where, part) for part in PARTS[:-1]]
    inputs = torch.cat([batch.inputs for batch in train])
    labels = torch.cat([batch.labels for batch in train])
    kept = len(labels) - min(_HELD_OUT, len(labels) // 2)
    return Dataset(
        Images(inputs[:kept], labels[:kept]),
        Images(inputs[kept:], labels[kept:]),
        _read(where, PARTS[-1]),
        shift=4,
        mirror=True,
    )


def find_cifar10(folder: Path | None = None, source: Source = CIFAR10) -> str:
    """Return where `load_cifar10` finds the files, unread; or where it will download them.

    Raises
    ------
    DataError
        When ``folder`` lacks a file.
    """
    where = _given(folder, source)
    if where is not None:
        for part in PARTS:
            _file(where, part)
        return str(where)
    cache = source.cache()
    if is_whole(cache):
        return str(cache)
    return f"170 MB are downloaded to {cache} on first use; -o dataset=digits needs none"


def _given(folder: Path | None, source: Source) -> Path | None:
    """Return the folder that was named, or the shared one if it has all files; None otherwise."""
    if folder is not None:
        return folder
    shared = source.shared()
    if shared is None or not all(_found(shared, part) for part in PARTS):
        return None
    return shared


def _found(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def _file(folder: Path, name: str) -> Path:
    path = _found(folder, name)
    if path is None:
        raise DataError(f"{folder / name} is missing, and {name}.gz is too.")
    return path


def _read(folder: Path, name: str) -> Images:
    """Return the images of one file of records."""
    path = _file(folder, name)
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}.") from error
    if not content or len(content) % _RECORD:
        raise DataError(
            f"{path} is damaged: {len(content):,} bytes are no multiple of {_RECORD:,}, the size "
            "of an image."
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD)
    if records[:, 0].max() > 9:
        raise DataError(f"{path} is damaged: a label is {records[:, 0].max()}, above 9.")
    pixels = torch.from_numpy(records[:, 1:].astype(np.float32)).reshape(-1, 3, 32, 32) / 255.0
    mean, deviation = (torch.tensor(v)[:, None, None] for v in (_MEAN, _DEVIATION))
    return Images((pixels - mean) / deviation, torch.from_numpy(records[:, 0].astype(np.int64)))
