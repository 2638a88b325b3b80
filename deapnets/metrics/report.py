"""`ImageReport`: every figure of samples at once, beside what is best and worst possible."""

from __future__ import annotations

from pathlib import Path
from typing import final

import torch

from deapnets.errors import DataError
from deapnets.metrics.classes import (
    class_shares,
    classes_covered,
    classifier_score,
    label_shares,
    total_variation_distance,
)
from deapnets.metrics.classifiers import ImageClassifier, cached_classifier, require_images
from deapnets.metrics.frechet import frechet_distance
from deapnets.metrics.kernels import kernel_distance
from deapnets.metrics.memorising import NEAREST, memorised
from deapnets.metrics.neighbours import neighbourhood
from deapnets.metrics.slicing import sliced_wasserstein

REFERENCES = ("floor", "one_class", "gaussian", "repeated")
"""Samples that nobody generated: training images; those of one class; each pixel drawn from the
normal distribution of its mean and deviation; and 50 training images again and again."""

_REPEATED = 50
_SAMPLES = 2000  # of each reference, at most
_SCALED_BY = 5000  # training images whose deviation features are measured in
_NEIGHBOURS = 2000  # rows whose neighbourhoods are compared, at most


@final
class ImageReport:
    """Measures sets of images against real ones that neither generator nor judge has seen.

    Parameters
    ----------
    train, train_labels
        Images ``[n, channels, height, width]`` in [0, 1] and their classes ``[n]``: what the
        classifier is trained on, and what samples may be copies of.
    test, test_labels
        Held-out images, which samples are compared with.
    classifier
        Whose features are compared; None trains the report's classifier, or reads it from the
        user's cache folder.
    cache
        Another folder for that.

    Raises
    ------
    DataError
        When images or labels do not fit together.
    """

    def __init__(
        self,
        train: torch.Tensor,
        train_labels: torch.Tensor,
        test: torch.Tensor,
        test_labels: torch.Tensor,
        *,
        classifier: ImageClassifier | None = None,
        cache: Path | None = None,
    ) -> None:
        require_images(train)
        require_images(test, (int(train.shape[1]), int(train.shape[2]), int(train.shape[3])))
        if len(test_labels) != len(test):
            raise DataError(f"{len(test_labels)} labels for {len(test)} held-out images.")
        self.train, self.test = train, test
        self.train_labels = train_labels
        self.classifier = classifier or cached_classifier(train, train_labels, "report", cache)
        deviation = float(self.classifier.features(train[:_SCALED_BY]).var(0).mean().sqrt())
        self._unit = deviation or 1.0
        self._features = self.features(test)
        self._shares = label_shares(test_labels, self.classifier.classes)

    def accuracy(self, labels: torch.Tensor) -> float:
        """Return the classifier's accuracy on the held-out images with those labels."""
        answers = self.classifier(self.test).argmax(1)
        return float((answers == labels).double().mean())

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the classifier's features ``[n, d]``, of about unit variance on training ones.

        So distances do not depend on the scale that a classifier happens to have.
        """
        return self.classifier.features(images) / self._unit

    def measure(self, samples: torch.Tensor) -> dict[str, float]:
        """Return the figures of samples ``[m, channels, height, width]``.

        ``frechet_distance``, ``kernel_distance`` and ``sliced_wasserstein`` (of `features`; of
        pixels the last one), less is better; ``classifier_score``, ``classes_covered`` (of more
        than 1 % of the samples), ``total_variation_distance`` of the classes; ``precision``,
        ``recall``, ``density``, ``coverage``; ``copied`` and ``nearest_ratio`` of `memorised`.
        """
        require_images(samples, self.classifier.shape)
        features = self.features(samples)
        probabilities = self.classifier.probabilities(features * self._unit)
        shares = class_shares(probabilities)
        found = {
            "frechet_distance": frechet_distance(self._features, features),
            "kernel_distance": kernel_distance(self._features, features),
            "sliced_wasserstein": sliced_wasserstein(self.test.flatten(1), samples.flatten(1)),
            "classifier_score": classifier_score(probabilities),
            "classes_covered": float(classes_covered(shares)),
            "total_variation_distance": total_variation_distance(shares, self._shares),
        }
        near = neighbourhood(self._features[:_NEIGHBOURS], features[:_NEIGHBOURS])
        return {**found, **near._asdict(), **self._memory(samples)}

    def shares(self, samples: torch.Tensor) -> torch.Tensor:
        """Return the part of the samples that the classifier takes for each class."""
        require_images(samples, self.classifier.shape)
        return class_shares(self.classifier.probabilities(self.classifier.features(samples)))

    def _memory(self, samples: torch.Tensor) -> dict[str, float]:
        if len(self.train) < NEAREST:
            return {}
        memory = memorised(
            self.train.flatten(1),
            self.test[:_SAMPLES].flatten(1),
            samples[:_SAMPLES].flatten(1),
        )
        return {"copied": memory.copied, "nearest_ratio": memory.ratio}

    def references(self) -> dict[str, dict[str, float]]:
        """Return the figures of the `REFERENCES`: the floor first, then what is to be beaten."""
        return {name: self.measure(self.reference(name)) for name in REFERENCES}

    def reference(self, name: str) -> torch.Tensor:
        """Return the images of one of the `REFERENCES`, at most 2,000; always the same ones."""
        generator = torch.Generator().manual_seed(0)
        order = torch.randperm(len(self.train), generator=generator)
        if name == "floor":
            return self.train[order[:_SAMPLES]]
        if name == "one_class":
            frequent = torch.bincount(self.train_labels).argmax()
            return self.train[order[self.train_labels[order] == frequent][:_SAMPLES]]
        if name == "gaussian":
            mean, deviation = self.train.mean(0), self.train.std(0)
            shape = (min(_SAMPLES, len(self.train)), *self.train.shape[1:])
            noise = torch.randn(shape, generator=generator)
            return (mean + deviation * noise).clamp_(0.0, 1.0)
        few = order[: min(_REPEATED, len(order))]
        return self.train[few[torch.arange(min(_SAMPLES, len(self.train))) % len(few)]]
