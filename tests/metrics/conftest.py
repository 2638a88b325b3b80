"""Images of two classes that are quick to tell apart, and a classifier of them."""

import pytest
import torch

from deapnets.metrics.classifiers import train_classifier
from deapnets.metrics.report import ImageReport


def drawn(count, seed):
    """Return images [n, 1, 8, 8] of bars, upright and level in turn, and their classes."""
    generator = torch.Generator().manual_seed(seed)
    images = 0.2 * torch.rand(count, 1, 8, 8, generator=generator)
    labels = torch.arange(count) % 2
    places = torch.randint(8, (count,), generator=generator)
    for image, label, place in zip(images, labels, places, strict=True):
        image[0][(slice(None), place) if label else (place,)] += 0.7
    return images, labels


@pytest.fixture(scope="session")
def bars():
    """Return training images, their classes, held-out images, their classes."""
    return *drawn(400, 1), *drawn(300, 2)


@pytest.fixture(scope="session")
def classifier(bars):
    return train_classifier(*bars[:2], steps=150)


@pytest.fixture(scope="session")
def report(bars, classifier):
    return ImageReport(*bars, classifier=classifier)
