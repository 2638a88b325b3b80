"""Zeros and ones, and the answers that need no network."""

import os
from pathlib import Path

import pytest
import torch
from deapnets_noise.data import Binary, load_binary, most_frequent, nearest_mean, threshold_on_ink

from deapnets.evaluators.splits import Split


def test_threshold_and_mean_tell_images_apart_that_differ_in_ink(images):
    assert threshold_on_ink(images) == 1.0
    assert nearest_mean(images) == 1.0
    assert most_frequent(images) == 0.5


def test_threshold_is_the_best_there_is_on_training_images():
    ink = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])[:, None]
    targets = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0, 0.0])[:, None]
    split = Split(ink, targets)
    assert threshold_on_ink(Binary(split, split)) == pytest.approx(5 / 6)


def test_mnist_has_all_its_zeros_and_ones():
    root = os.environ.get("DEAPNETS_DATA")
    if not root or not (Path(root) / "mnist").is_dir():
        pytest.skip("DEAPNETS_DATA names no folder with mnist/: the real MNIST is not here")
    binary = load_binary()
    assert (len(binary.train), len(binary.test)) == (12_665, 2_115)
    assert binary.test.inputs.shape == (2_115, 784)
    assert int(binary.test.targets.sum()) == 1_135
    assert 0.9 < threshold_on_ink(binary) < nearest_mean(binary)
