"""MNIST, the digits of scikit-learn, and any other folder of IDX files, as one kind of object.

Loading gives integers as they are stored; :func:`split_validation` holds images out of the
training set, and :func:`to_inputs` turns images into what the networks are fed. Nothing here draws
random numbers: the same files always give the same arrays, in the same order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from deapnets.errors import DataError, OptionError
from deapnets.files.downloading import Source, sole
from deapnets.files.idx import read_idx

if TYPE_CHECKING:
    import torch

#: Where MNIST is downloaded from, tried in this order.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)

#: The files of MNIST and the MD5 of each, as published.
CHECKSUMS: Mapping[str, str] = MappingProxyType(
    {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    }
)

#: MNIST as it is published.
SOURCE = Source(
    "MNIST",
    "mnist",
    CHECKSUMS,
    MIRRORS,
    variable="DEAPNETS_MNIST_MIRROR",
    otherwise="data=DIR names a folder of your own. "
    "Or use -o dataset=digits, which needs no download.",
)

_PARTS = tuple(name.removesuffix(".gz") for name in CHECKSUMS)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images in a training set and a test set.

    Attributes
    ----------
    name
        What the data are called in messages and reports.
    train_images, test_images
        ``uint8`` arrays ``[n, height, width]``, 0 to 255.
    train_labels, test_labels
        ``int64`` arrays ``[n]``, 0 to ``classes - 1``.
    classes
        How many classes there are.
    """

    name: str
    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.int64]
    classes: int


def load_mnist(
    data: str | Path | None = None,
    *,
    mirrors: Sequence[str] | None = None,
    cache: str | Path | None = None,
    checksums: Mapping[str, str] = CHECKSUMS,
) -> Dataset:
    """Load MNIST: 60,000 training and 10,000 test images of 28x28 pixels, 10 classes.

    Parameters
    ----------
    data
        The folder with the four IDX files; nothing is downloaded then. Without it, ``mnist`` in
        the folder that the environment variable ``DEAPNETS_DATA`` names is used if the files are
        there, else the cache, into which they are downloaded once.
    mirrors
        Base addresses to download from, tried in order; none: no download. The default is
        the environment variable ``DEAPNETS_MNIST_MIRROR`` (addresses with blanks between them),
        else :data:`MIRRORS`.
    cache
        The folder for downloads; the default is ``deapnets/mnist`` in the user's cache folder.
    checksums
        The four files in the cache and the MD5 of each. A file with another checksum is not used,
        but downloaded anew.

    Returns
    -------
    Dataset
        Named ``"mnist"``, in the order of the files.

    Raises
    ------
    DataError
        Files are missing or damaged, or could not be downloaded; the message says which to fetch
        and where to put them.
    """
    if data is not None:
        return load_idx_folder(data, "mnist")
    shared = SOURCE.shared()
    if shared is not None and len(_find(shared)) == len(_PARTS):
        return load_idx_folder(shared, "mnist")
    source = dataclasses.replace(SOURCE, files=checksums)
    folder = source.cache() if cache is None else Path(cache).expanduser()
    if source.unusable(folder):
        with sole(folder):
            source.download(folder, mirrors)
    return _load({part: folder / f"{part}.gz" for part in _PARTS}, "mnist")


def load_digits() -> Dataset:
    """Load the 1,797 digits of 8x8 pixels that come with scikit-learn; no download.

    Pixels of 0 to 16 become ``round(255 * pixel / 16)``, halves up. The images are ordered by
    class (in file order within a class) and each fifth one of them, the first included, is a test
    image: 360 test and 1,437 training images, of each class one fifth. Both sets are in file
    order. The same people wrote both.

    Returns
    -------
    Dataset
        Named ``"digits"``, 10 classes.

    Notes
    -----
    The test set of Alpaydin and Kaynak (1998), "Optical Recognition of Handwritten Digits",
    UCI Machine Learning Repository, doi:10.24432/C50P49.
    """
    from sklearn import datasets

    bundled = datasets.load_digits()
    images = ((bundled.images.astype(np.int64) * 255 + 8) // 16).astype(np.uint8)
    labels = bundled.target.astype(np.int64)
    test = np.zeros(len(labels), dtype=bool)
    test[np.argsort(labels, kind="stable")[::5]] = True
    return Dataset("digits", images[~test], labels[~test], images[test], labels[test], classes=10)


def load_idx_folder(folder: str | Path, name: str) -> Dataset:
    """Load a dataset from the four IDX files that MNIST and its look-alikes come in.

    They are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte``
    and ``t10k-labels-idx1-ubyte``; each may end in ``.gz``, and each may be spelt with a dot:
    ``train-images.idx3-ubyte``. Classes are counted from the training labels, from 0 to the
    highest.

    Parameters
    ----------
    folder
        Where the files are.
    name
        What to call the dataset.

    Returns
    -------
    Dataset
        In the order of the files.

    Raises
    ------
    DataError
        A file is missing or damaged (see :func:`~deapnets.files.idx.read_idx`); images are not
        ``uint8`` ``[n, height, width]``, or none; labels are not whole numbers ``[n]`` from 0, or
        not as many as images; training and test images differ in size; a test label does not
        occur among the classes.
    """
    folder = Path(folder).expanduser()
    found = _find(folder)
    missing = [part for part in _PARTS if part not in found]
    if missing:
        raise DataError(
            f'Dataset "{name}": missing {", ".join(missing)}. Looked in {folder.absolute()}'
            f"{'' if folder.is_dir() else ', which is not a folder'}. Each name may end in .gz."
        )
    return _load(found, name)


def split_validation(
    labels: npt.NDArray[np.integer], *, fraction: float | None = None, count: int | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Choose the images that are held out of a training set: the last ones of each class.

    Each class gives in proportion to its size, rounded by largest remainder (ties: the lower
    label gives), so that the total is exact. There is no seed: one answer for given labels.

    Parameters
    ----------
    labels
        Classes of the images, integers ``[n]``.
    fraction
        How much to hold out, between 0 and 1; rounded to a whole number of images.
    count
        How many images to hold out, 1 to ``n - 1``. Give this or ``fraction``.

    Returns
    -------
    tuple of numpy.ndarray
        Indices of the training images and of the validation images, ``int64``, ascending.

    Raises
    ------
    OptionError
        Both or neither of ``fraction`` and ``count`` are given, or one of the sets would be empty.
    """
    total = _held_out_total(len(labels), fraction, count)
    classes, sizes = np.unique(labels, return_counts=True)
    held_out = np.zeros(len(labels), dtype=bool)
    for label, size, share in zip(classes, sizes, _shares(sizes, total), strict=True):
        held_out[np.flatnonzero(labels == label)[size - share :]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def to_inputs(images: npt.NDArray[np.uint8], size: tuple[int, int] | None = None) -> torch.Tensor:
    """Turn images into inputs of a network, shrunk by averaging if asked.

    Where ``size`` divides the image size, each pixel is the mean of a block (28x28 to 14x14: of
    2x2 pixels); else windows overlap, as in :func:`torch.nn.functional.adaptive_avg_pool2d`.

    Parameters
    ----------
    images
        ``uint8`` ``[n, height, width]``.
    size
        Height and width of the inputs in pixels; the default is that of the images.

    Returns
    -------
    torch.Tensor
        ``float32`` ``[n, 1, height, width]`` in [0, 1], on the CPU.

    Raises
    ------
    OptionError
        The images are not ``uint8`` ``[n, height, width]``, or ``size`` is larger than they are or
        not positive.
    """
    _check_images_and_size(images, size)
    import torch

    inputs = torch.from_numpy(images.astype(np.float32, order="C")).unsqueeze(1)
    if size is not None:
        # Before scaling: sums of whole numbers are exact, in whatever order they are added.
        inputs = torch.nn.functional.adaptive_avg_pool2d(inputs, size)
    return inputs.div_(255)


def find_mnist(data: str | Path | None = None) -> str:
    """Return where `load_mnist` finds the files, unread; or where it will download them.

    Raises
    ------
    DataError
        When ``data`` is a folder without them.
    """
    for folder in (data, SOURCE.shared() if data is None else None):
        if folder is not None and len(_find(Path(folder).expanduser())) == len(_PARTS):
            return str(folder)
    if data is not None:
        raise DataError(f"{data} does not hold the four files of MNIST.")
    cache = SOURCE.cache()
    if len(_find(cache)) == len(_PARTS):
        return str(cache)
    return f"11.6 MB are downloaded to {cache} on first use; -o dataset=digits needs none"


def _find(folder: Path) -> dict[str, Path]:
    """Return the file of each part that the folder holds, under whichever spelling."""
    found = {}
    for part in _PARTS:
        dotted = part.replace("-idx", ".idx")
        for file in (part, f"{part}.gz", dotted, f"{dotted}.gz"):
            if (folder / file).is_file():
                found[part] = folder / file
                break
    return found


def _load(paths: Mapping[str, Path], name: str) -> Dataset:
    """Read the four files and check what must agree between training and test set."""
    train_images_path, train_labels_path, test_images_path, test_labels_path = (
        paths[part] for part in _PARTS
    )
    train_images, train_labels = _read_pair(train_images_path, train_labels_path)
    test_images, test_labels = _read_pair(test_images_path, test_labels_path)
    if train_images.shape[1:] != test_images.shape[1:]:
        raise DataError(
            f"{test_images_path}: images of {_size(test_images)} pixels, "
            f"but {train_images_path} has images of {_size(train_images)}."
        )
    classes = int(train_labels.max()) + 1
    if test_labels.max() >= classes:
        raise DataError(
            f"{test_labels_path}: label {test_labels.max()} does not occur in training: "
            f"{train_labels_path} has labels 0 to {classes - 1}."
        )
    return Dataset(name, train_images, train_labels, test_images, test_labels, classes)


def _read_pair(
    images_path: Path, labels_path: Path
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the images of one file and the labels of another, as many of each."""
    images, labels = _read_images(images_path), _read_labels(labels_path)
    if len(images) != len(labels):
        raise DataError(
            f"{labels_path}: {len(labels)} labels, but {images_path} has {len(images)} images."
        )
    return images, labels


def _read_images(path: Path) -> npt.NDArray[np.uint8]:
    images = read_idx(path)
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataError(
            f"{path}: expected images, uint8 [n, height, width], "
            f"got {images.dtype} {list(images.shape)}."
        )
    if images.size == 0:
        raise DataError(f"{path}: no images: its shape is {list(images.shape)}.")
    return images


def _read_labels(path: Path) -> npt.NDArray[np.int64]:
    labels = read_idx(path)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            f"{path}: expected labels, integers [n], got {labels.dtype} {list(labels.shape)}."
        )
    if labels.size and labels.min() < 0:
        raise DataError(f"{path}: label {labels.min()}: labels count from 0.")
    return labels.astype(np.int64)


def _size(images: npt.NDArray[np.uint8]) -> str:
    return "x".join(map(str, images.shape[1:]))


def _held_out_total(available: int, fraction: float | None, count: int | None) -> int:
    """Return how many images to hold out, checked."""
    if (fraction is None) == (count is None):
        raise OptionError("Give either fraction or count for the validation split.")
    if fraction is not None and not 0 < fraction < 1:
        raise OptionError(f"fraction must lie between 0 and 1, got {fraction}.")
    total = round(fraction * available) if fraction is not None else count
    if total is None or not 0 < total < available:
        raise OptionError(
            f"Cannot hold {total} of {available} images out for validation: "
            "both sets need at least one."
        )
    return total


def _shares(sizes: npt.NDArray[np.int64], total: int) -> npt.NDArray[np.int64]:
    """Divide ``total`` over classes in proportion to their sizes ``[c]``, by largest remainder."""
    shares, remainders = np.divmod(sizes * total, sizes.sum())
    shares[np.argsort(-remainders, kind="stable")[: total - shares.sum()]] += 1
    return shares


def _check_images_and_size(images: npt.NDArray[np.uint8], size: tuple[int, int] | None) -> None:
    if images.ndim != 3 or images.dtype != np.uint8:
        raise OptionError(
            f"Expected images, uint8 [n, height, width], got {images.dtype} {list(images.shape)}."
        )
    if size is None:
        return
    height, width = size
    if not (0 < height <= images.shape[1] and 0 < width <= images.shape[2]):
        raise OptionError(
            f"Images of {_size(images)} pixels cannot be shrunk to {height}x{width}: "
            "a size is positive and not larger than the image."
        )
