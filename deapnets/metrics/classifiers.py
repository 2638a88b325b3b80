"""`ImageClassifier`: a small network whose features images are compared in, trained once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import final

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from deapnets.errors import DataError, OptionError, unknown
from deapnets.machine.threads import one_thread

VERSION = 1
"""Version of how classifiers are trained: part of the names of their files."""

STEPS, BATCH, RATE = 1500, 128, 2e-3
"""Steps of Adam, images of a step, and the step size at the start; it falls to 0 by a cosine."""

KINDS = ("judge", "report")
"""Classifiers that share neither architecture nor seed: selection may see the first one alone."""

_SLICE = 2048  # images that go through a classifier at once


@final
class ImageClassifier(nn.Module):
    """A small classifier of grey or colour images, whose last hidden layer is its features.

    Parameters
    ----------
    shape
        Channels, height and width of the images.
    classes
        How many classes there are.
    kind
        ``"judge"``: two fully connected layers, 64 and 32 units. ``"report"``: two convolutions
        of 16 and 32 filters and a layer of 32 units.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, kind: str = "report") -> None:
        if kind not in KINDS:
            raise OptionError(unknown("classifier", kind, KINDS))
        super().__init__()
        self.shape, self.classes, self.kind = shape, classes, kind
        self.body = _dense(shape) if kind == "judge" else _convolutional(shape)
        self.head = nn.Linear(32, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits ``[n, classes]`` of images ``[n, channels, height, width]`` in [0, 1]."""
        logits: torch.Tensor = self.head(self.body(images))
        return logits

    @torch.no_grad()
    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the last hidden layer's values ``[n, d]``, a slice of the images at a time."""
        require_images(images, self.shape)
        return torch.cat([self.body(part) for part in images.split(_SLICE)])

    @torch.no_grad()
    def probabilities(self, features: torch.Tensor) -> torch.Tensor:
        """Return the classes' probabilities ``[n, classes]`` for `features` ``[n, d]``."""
        return torch.softmax(self.head(features), 1)


def require_images(images: torch.Tensor, shape: tuple[int, int, int] | None = None) -> None:
    """Raise a `DataError` unless images are finite numbers ``[n, channels, height, width]``."""
    sides = ("channels", "height", "width") if shape is None else shape
    wanted = f"[n, {', '.join(map(str, sides))}]"
    if images.dim() != 4 or (shape is not None and tuple(images.shape[1:]) != shape):
        raise DataError(
            f"Expected images {wanted}, got {list(images.shape)}. Bring both sets to one size: "
            "torch.nn.functional.adaptive_avg_pool2d."
        )
    if not len(images):
        raise DataError("There are no images to compare: got 0.")
    if not torch.isfinite(images).all():
        broken = int((~torch.isfinite(images)).flatten(1).any(1).sum())
        raise DataError(
            f"{broken} of {len(images)} images have pixels that are no finite numbers. A generator "
            "whose weights grew too large returns such: take smaller steps."
        )


def _dense(shape: tuple[int, int, int]) -> nn.Sequential:
    pixels = shape[0] * shape[1] * shape[2]
    return nn.Sequential(
        nn.Flatten(), nn.Linear(pixels, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU()
    )


def _convolutional(shape: tuple[int, int, int]) -> nn.Sequential:
    channels, height, width = shape
    if min(height, width) < 4:
        raise DataError(
            f"The report's classifier needs images of 4x4 pixels, got {height}x{width}."
        )
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (height // 4) * (width // 4), 32),
        nn.ReLU(),
    )


def train_classifier(
    images: torch.Tensor,
    labels: torch.Tensor,
    kind: str = "report",
    *,
    seed: int = 0,
    steps: int = STEPS,
) -> ImageClassifier:
    """Return a classifier trained by Adam, 1,500 steps of 128 images.

    Parameters
    ----------
    images
        ``[n, channels, height, width]`` in [0, 1].
    labels
        Classes ``[n]`` from 0.
    kind
        As `ImageClassifier` takes it.
    seed
        Of initial weights and the order of the images: nothing global is drawn from or changed.
    steps
        How many.

    Raises
    ------
    DataError
        When labels are missing or do not fit, or images are not finite.
    """
    require_images(images)
    _require_labels(images, labels)
    shape = (int(images.shape[1]), int(images.shape[2]), int(images.shape[3]))
    with torch.random.fork_rng(devices=[]), one_thread():  # many sums would round otherwise
        torch.manual_seed(2 * seed + KINDS.index(kind) if kind in KINDS else seed)
        classifier = ImageClassifier(shape, int(labels.max()) + 1, kind)
        _train(classifier, images, labels, steps)
    return classifier.eval().requires_grad_(False)


def _train(
    classifier: ImageClassifier, images: torch.Tensor, labels: torch.Tensor, steps: int
) -> None:
    optimiser = torch.optim.AdamW(classifier.parameters(), lr=RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    rows = _orders(len(images))
    for _ in range(steps):
        chosen = next(rows)
        optimiser.zero_grad()
        F.cross_entropy(classifier(images[chosen]), labels[chosen]).backward()
        optimiser.step()
        schedule.step()


def _orders(count: int) -> Iterator[torch.Tensor]:
    """Yield the indices of mini-batches, every image once before any comes twice."""
    while True:
        order = torch.randperm(count)
        yield from (part for part in order.split(BATCH) if len(part) == min(BATCH, count))


def _require_labels(images: torch.Tensor, labels: torch.Tensor | None) -> None:
    if labels is None or labels.dim() != 1 or len(labels) != len(images):
        got = "none" if labels is None else list(labels.shape)
        raise DataError(
            f"A classifier needs a label for each of {len(images)} images, got {got}. Distances of "
            "pixels need no labels: deapnets.metrics.slicing."
        )
    if labels.is_floating_point() or int(labels.min()) < 0 or int(labels.max()) < 1:
        raise DataError("Labels are classes from 0, at least two of them.")


def cached_classifier(
    images: torch.Tensor,
    labels: torch.Tensor,
    kind: str = "report",
    folder: Path | None = None,
    *,
    seed: int = 0,
) -> ImageClassifier:
    """Return the classifier of these images, trained the first time and read from a file later.

    The file is named by a hash of images, labels, kind and seed, and put in place whole: two
    processes that train the same classifier do not disturb each other. A file that cannot be read
    is made anew; a folder that cannot be written is no error.

    Parameters
    ----------
    images, labels, kind, seed
        As `train_classifier` takes them.
    folder
        Where the files are; by default `cache_folder`.
    """
    require_images(images)
    _require_labels(images, labels)
    path = (folder or cache_folder()) / f"{_key(images, labels, kind, seed)}.safetensors"
    found = _read(path, images, labels, kind)
    if found is None:
        found = train_classifier(images, labels, kind, seed=seed)
        with contextlib.suppress(OSError):
            _write(path, found)
    return found


def cache_folder() -> Path:
    """Return where classifiers are kept: ``$DEAPNETS_CACHE``, or the user's cache folder."""
    import platformdirs

    root = os.environ.get("DEAPNETS_CACHE")
    base = Path(root).expanduser() if root else platformdirs.user_cache_path("deapnets")
    return base / "classifiers"


def _key(images: torch.Tensor, labels: torch.Tensor, kind: str, seed: int) -> str:
    digest = hashlib.sha256(f"{VERSION} {kind} {seed} {STEPS} {list(images.shape)}".encode())
    digest.update(images.contiguous().float().numpy().tobytes())
    digest.update(labels.contiguous().long().numpy().tobytes())
    return f"{kind}-{digest.hexdigest()[:32]}"


def _read(
    path: Path, images: torch.Tensor, labels: torch.Tensor, kind: str
) -> ImageClassifier | None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    shape = (int(images.shape[1]), int(images.shape[2]), int(images.shape[3]))
    with torch.random.fork_rng(devices=[]):
        classifier = ImageClassifier(shape, int(labels.max()) + 1, kind)
    try:
        classifier.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError):
        return None
    return classifier.eval().requires_grad_(False)


def _write(path: Path, classifier: nn.Module) -> None:
    """Write beside the file, under a name of this process's own, then take its place."""
    from safetensors.torch import save

    path.parent.mkdir(parents=True, exist_ok=True)
    write_beside(path, lambda file: file.write_bytes(save(classifier.state_dict())))


def write_beside(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file of a name of its own, which then replaces ``path``."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    beside = Path(name)
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
