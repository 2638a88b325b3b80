"""Classifiers: trained once, the same every time, read from a file later."""

import random

import numpy as np
import pytest
import torch

from deapnets.errors import DataError, OptionError
from deapnets.metrics import classifiers
from deapnets.metrics.classifiers import ImageClassifier, cached_classifier, train_classifier


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(classifiers, "STEPS", 5)
    monkeypatch.setattr(classifiers.train_classifier, "__kwdefaults__", {"seed": 0, "steps": 5})


def same(first, second):
    return all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("kind", ["judge", "report"])
def test_a_classifier_learns_to_tell_bars_apart(bars, kind):
    trained = train_classifier(*bars[:2], kind, steps=150)
    answers = trained(bars[2]).argmax(1)
    assert (answers == bars[3]).double().mean() > 0.95


def test_training_is_the_same_every_time_and_leaves_global_generators_alone(bars):
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    threads = torch.get_num_threads()
    first = train_classifier(*bars[:2], steps=4)
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tolist() == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])
    assert torch.get_num_threads() == threads
    torch.manual_seed(99)
    assert same(first, train_classifier(*bars[:2], steps=4))
    assert not same(first, train_classifier(*bars[:2], steps=4, seed=1))


def test_judge_and_report_have_other_architectures():
    shape = (1, 8, 8)
    judge, report = ImageClassifier(shape, 3, "judge"), ImageClassifier(shape, 3, "report")
    images = torch.rand(5, *shape)
    assert judge.features(images).shape == (5, 32)
    assert report.features(images).shape == (5, 32)
    assert report.probabilities(report.features(images)).sum(1).tolist() == pytest.approx([1.0] * 5)


def test_a_classifier_is_trained_once(bars, tmp_path, short, monkeypatch):
    first = cached_classifier(*bars[:2], folder=tmp_path)
    monkeypatch.setattr(classifiers, "_train", None)  # who trained again would call it
    assert same(first, cached_classifier(*bars[:2], folder=tmp_path))
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]


def test_other_images_labels_kinds_and_seeds_have_files_of_their_own(bars, tmp_path, short):
    images, labels = bars[:2]
    cached_classifier(images, labels, folder=tmp_path)
    cached_classifier(images.flip(0), labels, folder=tmp_path)
    cached_classifier(images, labels.flip(0), folder=tmp_path)
    cached_classifier(images, labels, "judge", folder=tmp_path)
    cached_classifier(images, labels, "judge", folder=tmp_path, seed=1)
    assert len(list(tmp_path.iterdir())) == 5


def test_a_damaged_file_is_made_anew(bars, tmp_path, short):
    first = cached_classifier(*bars[:2], folder=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    assert same(first, cached_classifier(*bars[:2], folder=tmp_path))
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_no_error(bars, tmp_path, short):
    (tmp_path / "file").write_text("no folder")
    cached_classifier(*bars[:2], folder=tmp_path / "file" / "inside")


def test_the_cache_is_where_the_environment_says(bars, tmp_path, short, monkeypatch):
    monkeypatch.setenv("DEAPNETS_CACHE", str(tmp_path))
    cached_classifier(*bars[:2])
    assert len(list((tmp_path / "classifiers").iterdir())) == 1


@pytest.mark.parametrize(
    ("images", "labels", "text"),
    [
        (
            torch.rand(9, 8, 8),
            torch.zeros(9).long(),
            r"Expected images \[n, channels, height, width\]",
        ),
        (torch.rand(9, 1, 8, 8), torch.zeros(8).long(), r"a label for each of 9 images, got \[8\]"),
        (torch.rand(9, 1, 8, 8), None, "a label for each of 9 images, got none"),
        (torch.rand(9, 1, 8, 8), torch.zeros(9).long(), "at least two of them"),
        (torch.full((9, 1, 8, 8), torch.nan), torch.arange(9), "9 of 9 images have pixels"),
        (torch.rand(9, 1, 3, 8), torch.arange(9), "needs images of 4x4 pixels, got 3x8"),
    ],
)
def test_what_no_classifier_can_be_trained_on_is_said(images, labels, text):
    with pytest.raises(DataError, match=text):
        train_classifier(images, labels)


def test_an_unknown_kind_is_told_beside_the_known_ones():
    with pytest.raises(OptionError, match=r'"reprot".*Did you mean "report"'):
        ImageClassifier((1, 8, 8), 2, "reprot")
