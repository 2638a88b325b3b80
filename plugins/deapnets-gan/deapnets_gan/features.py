"""`FeatureJudge`: how far made images are from real ones in what a frozen network sees."""

from __future__ import annotations

from typing import Literal, NamedTuple, final, get_args

import torch

from deapnets.errors import OptionError, unknown
from deapnets.metrics.classifiers import ImageClassifier
from deapnets_gan.chains import Layer, applied, features_first, hidden_values, layers_of
from deapnets_gan.judge import Judge, Worth

Distance = Literal["kernel", "sliced"]

_REAL = 4096  # real images of a generation, at most
_WIDTHS = (0.5, 1.0, 2.0)  # of waves, in median distances of real images
_SCALED_BY = 500  # images from whose distances a view's scale is taken


class View(NamedTuple):
    """One way to look at images: pixels, or features of the frozen network."""

    rows: torch.Tensor  # what the training images are there, [images, d]
    scale: float  # their median distance


class Lines(NamedTuple):
    """Random directions in a view, and what real images are along them."""

    layer: Layer  # weight [directions, d], and an offset for each
    real: torch.Tensor  # kernel: means [directions]; sliced: quantiles [directions, batch]


@final
class FeatureJudge(Judge):
    """A distance between generated and real images: nothing that could be differentiated is learnt.

    Images are looked at as pixels, and as features of a frozen classifier, its last hidden layer.
    Along random directions, drawn anew every generation, two things can be compared:

    ``"kernel"``: the means of a triangle wave of ``w x + b``, with random phases ``b`` and waves of
    half, once and twice the median distance of real images. That is the maximum mean discrepancy of
    a kernel of random waves (Gretton et al. 2012; Rahimi & Recht 2007, whose waves are cosines),
    unbiased: the squared mean is corrected by its own variance. Triangles are taken because they
    are sums and differences alone, so that an image's bits do not depend on its place.

    ``"sliced"``: sorted values, which is the sliced Wasserstein distance (Bonneel et al. 2015).

    Parameters
    ----------
    classifier
        The frozen network.
    images
        Training images ``[n, pixels]``.
    distance
        ``"kernel"`` or ``"sliced"``.
    directions
        Directions of each view and generation.
    batch
        Images that each generator is judged on, at least 2.
    """

    def __init__(
        self,
        classifier: ImageClassifier,
        images: torch.Tensor,
        distance: Distance = "kernel",
        directions: int = 32,
        batch: int = 256,
    ) -> None:
        if distance not in get_args(Distance):
            raise OptionError(unknown("distance", str(distance), get_args(Distance)))
        if directions < 1:
            raise OptionError(f"directions is at least 1, got {directions}.")
        self._distance, self._directions, self._batch = distance, directions, batch
        self._layers = layers_of(classifier)[:-1]
        self._views = [View(rows, _scale(rows)) for rows in self._looked_at(images)]
        self._lines: list[Lines] = []
        self._begun: tuple[int, torch.device] | None = None

    def _looked_at(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return what each view makes of images ``[n, pixels]``: ``[n, d]`` each."""
        values = images
        for layer in self._layers:
            values = torch.relu(values @ layer.weight.T + layer.bias)
        return [images, values]

    def begin(self, seed: int, device: torch.device) -> None:
        """Draw directions, thresholds and real images of a generation."""
        if self._begun == (seed, device):
            return
        generator = torch.Generator().manual_seed(seed & (1 << 63) - 1)
        rows = torch.randperm(len(self._views[0].rows), generator=generator)[:_REAL]
        self._lines = [self._drawn(view, rows, generator) for view in self._views]
        self._lines = [_on(lines, device) for lines in self._lines]
        self._layers = [Layer(*(part.to(device) for part in layer)) for layer in self._layers]
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
        """Return what images ``[n, batch, pixels]`` are worth, the mean over the views.

        ``quality`` is how near they are to real images, ``diversity`` how far from each other: both
        parts of minus the squared distance, which is their sum. The sliced distance is not the sum
        of two such parts; there, all of it is quality.
        """
        count = len(images)
        values = features_first(images)
        looked_at = [values, hidden_values(self._layers, values)[-1]]
        parts = [
            self._compared(lines, view) for lines, view in zip(self._lines, looked_at, strict=True)
        ]
        quality = torch.stack([part.quality for part in parts]).mean(0)
        diversity = torch.stack([part.diversity for part in parts]).mean(0)
        return Worth(quality[:count], diversity[:count])

    def _compared(self, lines: Lines, values: torch.Tensor) -> Worth:
        along = applied(lines.layer, values)
        if self._distance == "sliced":
            apart = (along.sort(2).values - lines.real).square_()
            distance = apart.mean(2).double().mean(1)
            return Worth(-distance, torch.zeros_like(distance))
        along = _waves(along)
        batch = along.shape[2]
        mean = along.mean(2).double()
        variance = (along - along.mean(2, keepdim=True)).square_().mean(2).double()
        squared = mean.square() - variance / (batch - 1)  # of the mean, unbiased
        near = 2 * mean * lines.real - lines.real.square()
        return Worth(near.mean(1), -squared.mean(1))


def _waves(values: torch.Tensor) -> torch.Tensor:
    """Return the triangle wave of period 1 of values: 0 at whole numbers, 2 between them."""
    return (values - values.round()).abs_().mul_(4.0)


def _on(lines: Lines, device: torch.device) -> Lines:
    return Lines(Layer(*(part.to(device) for part in lines.layer)), lines.real.to(device))


def _scale(rows: torch.Tensor) -> float:
    """Return the median distance of the first rows: what directions are measured in."""
    return max(float(torch.pdist(rows[:_SCALED_BY]).median()), 1e-6)
