"""What a classifier makes of samples: how sure it is, and which classes there are."""

from __future__ import annotations

import torch

from deapnets.errors import DataError

COVERED = 0.01
"""Part of the samples from which a class counts as covered."""


def classifier_score(probabilities: torch.Tensor) -> float:
    """Return how sure and how varied a classifier's answers are: 1 to the number of classes.

    ``exp(mean KL(p(class | sample) || p(class)))`` of probabilities ``[n, classes]``. It does not
    look at real images: an image of each class is enough for the best score. Source: Salimans et
    al. 2016, arXiv:1606.03498, section 4, where the classifier is Inception.
    """
    p = _required(probabilities).double().clamp_min(1e-12)
    divergence = (p * (p.log() - p.mean(0).log())).sum(1).mean()
    return float(divergence.exp())


def class_shares(probabilities: torch.Tensor) -> torch.Tensor:
    """Return the part of the samples that are of each class, by their likeliest one: float64."""
    p = _required(probabilities)
    counts = torch.bincount(p.argmax(1), minlength=p.shape[1])
    return counts.double() / len(p)


def label_shares(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Return the part of real images that are of each class: float64 ``[classes]``."""
    return torch.bincount(labels, minlength=classes).double() / len(labels)


def total_variation_distance(shares: torch.Tensor, wanted: torch.Tensor) -> float:
    """Return half the sum of the differences of two distributions over classes: 0 to 1."""
    if shares.shape != wanted.shape:
        raise DataError(f"Shares of {list(shares.shape)} and of {list(wanted.shape)} classes.")
    return float((shares.double() - wanted.double()).abs().sum() / 2)


def classes_covered(shares: torch.Tensor, least: float = COVERED) -> int:
    """Return how many classes have more than ``least`` of the samples."""
    return int((shares > least).sum())


def _required(probabilities: torch.Tensor) -> torch.Tensor:
    if probabilities.dim() != 2 or not len(probabilities):
        raise DataError(
            f"Expected probabilities [n, classes], got {list(probabilities.shape)}. "
            "See: ImageClassifier.probabilities."
        )
    return probabilities
