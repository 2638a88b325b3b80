"""Zeros and ones of MNIST, and the answers to them that need no network."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, final

import numpy as np
import torch

from deapnets.evaluators.splits import Split


@final
class Binary(NamedTuple):
    """Images of zeros and ones: inputs ``[n, 784]`` in [0, 1], targets ``[n, 1]`` of 0.0 or 1.0."""

    train: Split
    test: Split


def load_binary(data: str | Path | None = None) -> Binary:
    """Return all zeros and ones of MNIST: 12,665 to train with, 2,115 to test.

    ``data`` is as `deapnets_mnist.datasets.load_mnist` takes it; its errors are passed on.
    """
    from deapnets_mnist.datasets import load_mnist

    digits = load_mnist(data)
    return Binary(
        _chosen(digits.train_images, digits.train_labels),
        _chosen(digits.test_images, digits.test_labels),
    )


def _chosen(images: np.ndarray, labels: np.ndarray) -> Split:
    from deapnets_mnist.datasets import to_inputs

    rows = labels < 2
    targets = torch.from_numpy(labels[rows]).float()[:, None]
    return Split(to_inputs(images[rows]).flatten(1), targets)


def threshold_on_ink(data: Binary) -> float:
    """Return the test accuracy of a threshold on the sum of the pixels, chosen on training images.

    A zero has more ink than a one, so one number already tells most of them apart.
    """
    ink, wanted = data.train.inputs.sum(1), data.train.targets[:, 0] > 0.5
    order = torch.argsort(ink)
    ones_below = torch.cat([torch.zeros(1), wanted[order].float().cumsum(0)])
    zeros_above = (~wanted).sum() - torch.cat([torch.zeros(1), (~wanted)[order].float().cumsum(0)])
    best = int((ones_below + zeros_above).argmax())
    limit = ink[order][max(best - 1, 0)]
    said = data.test.inputs.sum(1) <= limit
    return float((said == (data.test.targets[:, 0] > 0.5)).double().mean())


def nearest_mean(data: Binary) -> float:
    """Return the test accuracy of the nearest of the two mean training images."""
    wanted = data.train.targets[:, 0] > 0.5
    means = torch.stack([data.train.inputs[~wanted].mean(0), data.train.inputs[wanted].mean(0)])
    said = torch.cdist(data.test.inputs, means).argmin(1)
    return float((said == data.test.targets[:, 0]).double().mean())


def most_frequent(data: Binary) -> float:
    """Return the test accuracy of the answer that is right most often on training images."""
    answer = float(data.train.targets.mean() > 0.5)
    return float((data.test.targets == answer).double().mean())
