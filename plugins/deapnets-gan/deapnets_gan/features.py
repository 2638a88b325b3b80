"""`FeatureJudge`: how far made images are from real ones in what a frozen network sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, final, get_args

import torch

from deapnets.errors import OptionError, at_least_one, unknown
from deapnets.metrics.classifiers import ImageClassifier
from deapnets.networks.blocks import applied as elementwise
from deapnets.networks.blocks import roomy
from deapnets_gan.chains import Layer, applied, features_first, hidden_values, layers_of
from deapnets_gan.judge import Judge, Worth
from deapnets_gan.options import Distance

_REAL = 4096  # real images of a generation, at most
_WIDTHS = (0.5, 1.0, 2.0)  # of waves, in median distances of real images
_SCALED_BY = 500  # images from whose distances a view's scale is taken


class View(NamedTuple):
    """One way to look at images: pixels, or features of the frozen network."""

    rows: torch.Tensor  # what the training images are there, [images, d]
    scale: float  # their median distance


class Eye(NamedTuple):
    """A frozen classifier, and what it makes of the training images."""

    layers: tuple[Layer, ...]  # up to its last hidden layer
    head: Layer
    view: View
    shares: torch.Tensor  # means of its probabilities, float64 [classes]


class Lines(NamedTuple):
    """Random directions in a view, and what real images are along them."""

    layer: Layer  # weight [directions, d], and an offset for each
    real: torch.Tensor  # kernel: means [directions]; sliced: quantiles [directions, batch]


@final
class FeatureJudge(Judge):
    """A distance between generated and real images: nothing that could be differentiated is learnt.

    Images are looked at as pixels, and as features of a frozen classifier, its last hidden layer.
    Of several classifiers each generation looks through one, drawn at random: what a generator
    learns about one of them does not help it with the next.

    Along random directions, drawn anew every generation, two things can be compared:

    ``"kernel"``: the means of a triangle wave of ``w x + b``, with random phases ``b`` and waves of
    half, once and twice the median distance of real images. That is the maximum mean discrepancy of
    a kernel of random waves (Gretton et al. 2012; Rahimi & Recht 2007, whose waves are cosines),
    unbiased: the squared mean is corrected by its own variance. Triangles are taken because they
    are sums and differences alone, so that an image's bits do not depend on its place.

    ``"sliced"``: sorted values, which is the sliced Wasserstein distance (Bonneel et al. 2015).

    To either is added how far the mean of the classifier's probabilities is from that over real
    images, squared and unbiased as well: whether classes are made as often as they should be.

    Parameters
    ----------
    classifiers
        The frozen networks, one at least.
    images
        Training images ``[n, pixels]``.
    distance
        ``"kernel"`` or ``"sliced"``.
    directions
        Directions of each view and generation.
    batch
        Images that each generator is judged on, at least 2.
    balance
        Weight of the classes.
    """

    def __init__(
        self,
        classifiers: Sequence[ImageClassifier],
        images: torch.Tensor,
        distance: Distance = "kernel",
        directions: int = 32,
        batch: int = 256,
        balance: float = 1.0,
    ) -> None:
        if distance not in get_args(Distance):
            raise OptionError(unknown("distance", str(distance), get_args(Distance)))
        at_least_one(directions=directions)
        self._distance, self._directions, self._batch = distance, directions, batch
        if not 0.0 <= balance < float("inf"):
            raise OptionError(f"balance is a weight of at least 0, got {balance}.")
        self._pixels = View(images, _scale(images))
        self._eyes = [_eye(classifier, images) for classifier in classifiers]
        self._eye = self._eyes[0]
        self._balance = balance
        self._lines: list[Lines] = []
        self._begun: tuple[int, torch.device] | None = None

    def begin(self, seed: int, device: torch.device) -> None:
        """Draw classifier, directions, phases and real images of a generation."""
        if self._begun == (seed, device):
            return
        generator = torch.Generator().manual_seed(seed & (1 << 63) - 1)
        which = int(torch.randint(len(self._eyes), (), generator=generator))
        rows = torch.randperm(len(self._pixels.rows), generator=generator)[:_REAL]
        views = (self._pixels, self._eyes[which].view)
        lines = [self._drawn(view, rows, generator) for view in views]
        self._lines = [_on(each, device) for each in lines]
        self._eye = self._eyes[which] = _seen_on(self._eyes[which], device)
        self._begun = (seed, device)

    def _drawn(self, view: View, rows: torch.Tensor, generator: torch.Generator) -> Lines:
        real = view.rows[rows]
        shape = (self._directions, real.shape[1])
        weight = torch.randn(shape, generator=generator) / view.scale
        if self._distance == "sliced":
            places = (torch.arange(self._batch) + 0.5) / self._batch
            quantiles = torch.quantile(real @ weight.T, places, dim=0).T.contiguous()
            return Lines(Layer(weight, torch.zeros(len(weight))), quantiles)
        widths = torch.tensor(_WIDTHS)[torch.arange(self._directions) % len(_WIDTHS)]
        weight = weight / (2 * torch.pi * widths[:, None])
        phases = torch.rand(self._directions, generator=generator)
        means = _waves(real @ weight.T + phases).double().mean(0)
        return Lines(Layer(weight, phases), means)

    def worth(self, images: torch.Tensor) -> Worth:
        """Return what images ``[n, batch, pixels]`` are worth, the sum over views and classes.

        ``quality`` is how near they are to real images, ``diversity`` how far from each other: both
        parts of minus the squared distance, which is their sum. The sliced distance is not the sum
        of two such parts; there, all of it is quality.
        """
        count = len(images)
        values = features_first(images)
        looked_at = [values, hidden_values(self._eye.layers, values)[-1]]
        parts = [
            self._compared(lines, view) for lines, view in zip(self._lines, looked_at, strict=True)
        ]
        if self._balance:
            parts.append(self._balanced(looked_at[-1]))
        quality = torch.stack([part.quality for part in parts]).sum(0)
        diversity = torch.stack([part.diversity for part in parts]).sum(0)
        return Worth(quality[:count], diversity[:count])

    def _compared(self, lines: Lines, values: torch.Tensor) -> Worth:
        along = applied(lines.layer, values)
        if self._distance == "sliced":
            apart = (along.sort(2).values - lines.real).square_()
            distance = apart.mean(2).double().mean(1)
            return Worth(-distance, torch.zeros_like(distance))
        near, squared = _parts(_waves(along), lines.real)
        return Worth(near.mean(1), -squared.mean(1))

    def _balanced(self, features: torch.Tensor) -> Worth:
        """Return what the classes of images are worth, of features ``[n, d, batch]``."""
        logits = applied(self._eye.head, features)
        powers = _powers(logits - logits.amax(1, keepdim=True))
        near, squared = _parts(powers / powers.sum(1, keepdim=True), self._eye.shares)
        return Worth(self._balance * near.sum(1), -self._balance * squared.sum(1))


def _eye(classifier: ImageClassifier, images: torch.Tensor) -> Eye:
    """Return a classifier with what it makes of training images ``[n, pixels]``."""
    *layers, head = layers_of(classifier)
    values = images
    for layer in layers:
        values = torch.relu(values @ layer.weight.T + layer.bias)
    shares = classifier.probabilities(values).double().mean(0)
    return Eye(tuple(layers), head, View(values, _scale(values)), shares)


def _seen_on(eye: Eye, device: torch.device) -> Eye:
    """Return an eye whose layers are on a device; training images stay where they are."""
    layers = tuple(_there(layer, device) for layer in eye.layers)
    return eye._replace(layers=layers, head=_there(eye.head, device), shares=eye.shares.to(device))


def _parts(values: torch.Tensor, real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the two parts of the squared distance of means, ``[n, d]``, of ``[n, d, batch]``.

    The first less the second one is minus the distance; the second is the squared mean of made
    images, unbiased.
    """
    mean = values.mean(2, keepdim=True)
    variance = (values - mean).square_().mean(2).double()
    mean = mean[..., 0].double()
    return 2 * mean * real - real.square(), mean.square() - variance / (values.shape[2] - 1)


def _powers(values: torch.Tensor) -> torch.Tensor:
    """Return e to the power of values, each with bits that do not depend on its place.

    Where a baseline differentiates there is one generator, and no place.
    """
    if values.requires_grad:
        return values.exp()
    return elementwise(torch.exp, roomy(tuple(values.shape), values).copy_(values))


def _waves(values: torch.Tensor) -> torch.Tensor:
    """Return the triangle wave of period 1 of values: 0 at whole numbers, 2 between them."""
    return (values - values.round()).abs_().mul_(4.0)


def _there(layer: Layer, device: torch.device) -> Layer:
    return Layer(layer.weight.to(device), layer.bias.to(device))


def _on(lines: Lines, device: torch.device) -> Lines:
    return Lines(_there(lines.layer, device), lines.real.to(device))


def _scale(rows: torch.Tensor) -> float:
    """Return the median distance of the first rows: what directions are measured in."""
    return max(float(torch.pdist(rows[:_SCALED_BY]).median()), 1e-6)
