"""All figures of samples at once: planted faults are caught, and references stand beside."""

import pytest
import torch

from deapnets.errors import DataError
from deapnets.metrics.classifiers import train_classifier
from deapnets.metrics.report import REFERENCES, ImageReport


@pytest.fixture(scope="module")
def references(report):
    return report.references()


def test_the_classifier_tells_held_out_images_apart(report, bars):
    assert report.accuracy(bars[3]) > 0.95


def test_floor_is_below_every_ceiling(references):
    assert list(references) == list(REFERENCES)
    floor = references["floor"]["frechet_distance"]
    for name in REFERENCES[1:]:
        assert references[name]["frechet_distance"] > 2 * floor, name


def test_planted_mode_collapse_is_caught(report, bars, references):
    train, labels = bars[:2]
    collapsed = report.measure(train[labels == 0])
    assert collapsed["classes_covered"] == 1.0
    assert collapsed["total_variation_distance"] == pytest.approx(0.5, abs=0.05)
    assert collapsed["classifier_score"] < 1.2 < references["floor"]["classifier_score"]
    assert collapsed["recall"] < 0.6 < references["floor"]["recall"]
    assert collapsed["coverage"] < 0.6


def test_one_image_again_and_again_is_caught(report, bars):
    found = report.measure(bars[2][:1].expand(400, -1, -1, -1))
    assert found["coverage"] < 0.1
    assert found["recall"] < 0.1


def test_planted_memorising_is_caught_and_held_out_images_are_not_accused(report, bars):
    noise = 0.02 * torch.randn(400, 1, 8, 8, generator=torch.Generator().manual_seed(3))
    assert report.measure(bars[0] + noise)["copied"] == 1.0
    held_out = report.measure(bars[2])
    assert held_out["copied"] == 0.0
    assert held_out["nearest_ratio"] == pytest.approx(1.0)


def test_fifty_images_repeated_lose_coverage(references):
    assert references["repeated"]["coverage"] < references["floor"]["coverage"] - 0.1
    assert references["repeated"]["copied"] == 1.0


def test_figures_rank_faults_alike_with_another_classifier(report, bars):
    other = ImageReport(*bars, classifier=train_classifier(*bars[:2], "judge", seed=7, steps=150))
    for name in ("one_class", "gaussian"):
        samples = report.reference(name)
        floor = other.measure(report.reference("floor"))["frechet_distance"]
        assert other.measure(samples)["frechet_distance"] > 2 * floor


def test_measuring_draws_from_no_global_generator_and_repeats_itself(report, bars):
    state = torch.get_rng_state()
    assert report.measure(bars[0]) == report.measure(bars[0])
    assert torch.equal(torch.get_rng_state(), state)


def test_samples_of_another_size_are_refused(report):
    with pytest.raises(DataError, match=r"Expected images \[n, 1, 8, 8\], got \[5, 1, 14, 14\]"):
        report.measure(torch.rand(5, 1, 14, 14))


def test_samples_that_are_not_finite_are_refused(report):
    with pytest.raises(DataError, match="5 of 5 images have pixels that are no finite numbers"):
        report.measure(torch.full((5, 1, 8, 8), torch.inf))


def test_missing_labels_are_said(bars):
    with pytest.raises(DataError, match="a label for each of 400 images, got none"):
        ImageReport(bars[0], None, *bars[2:])
    with pytest.raises(DataError, match="10 labels for 300 held-out images"):
        ImageReport(*bars[:3], bars[3][:10])
