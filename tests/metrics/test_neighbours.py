"""Precision, recall, density, coverage; and copies of training images."""

import pytest
import torch

from deapnets.errors import DataError, OptionError
from deapnets.metrics.memorising import memorised
from deapnets.metrics.neighbours import neighbourhood


def cloud(n, seed, d=4):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_two_sets_of_one_distribution_have_all_four_near_one():
    found = neighbourhood(cloud(1500, 1), cloud(1500, 2))
    assert all(0.85 < value < 1.15 for value in found)


def test_samples_of_one_mode_lose_recall_and_coverage_alone():
    two = torch.cat([cloud(400, 1), cloud(400, 2) + 20])
    found = neighbourhood(two, cloud(800, 3))
    assert found.precision > 0.85
    assert found.recall < 0.55
    assert found.coverage < 0.55


def test_samples_far_from_all_real_rows_lose_precision_and_density():
    found = neighbourhood(cloud(300, 1), torch.cat([cloud(150, 2), cloud(150, 3) + 30]))
    assert found.precision < 0.55
    assert found.density < 0.6
    assert found.recall > 0.8


def test_figures_are_those_of_the_definition():
    real, samples, k = cloud(30, 1), cloud(25, 2), 3
    reach = [torch.cdist(r[None], real)[0].sort().values[k] for r in real]
    within = torch.stack(
        [torch.cdist(r[None], samples)[0] <= far for r, far in zip(real, reach, strict=True)]
    )
    found = neighbourhood(real, samples, k)
    assert found.precision == pytest.approx(float(within.any(0).double().mean()))
    assert found.coverage == pytest.approx(float(within.any(1).double().mean()))
    assert found.density == pytest.approx(float(within.sum()) / (k * 25))


def test_too_few_rows_for_the_neighbours_asked_for_are_refused():
    with pytest.raises(
        OptionError, match="k is from 1 to one less than the rows of a set, 4; got 5"
    ):
        neighbourhood(cloud(9, 1), cloud(5, 2), 5)


def test_copies_are_told_from_new_rows():
    train, held, new = cloud(500, 1, 20), cloud(100, 2, 20), cloud(100, 3, 20)
    copies = train[:100] + 0.05 * cloud(100, 4, 20)
    assert memorised(train, held, new).copied == 0.0
    assert memorised(train, held, copies).copied == 1.0
    assert memorised(train, held, torch.cat([copies, new])).copied == 0.5


def test_the_ratio_is_one_for_rows_as_far_as_held_out_ones():
    train, held = cloud(500, 1, 20), cloud(300, 2, 20)
    assert memorised(train, held, cloud(300, 3, 20)).ratio == pytest.approx(1.0, abs=0.1)
    assert memorised(train, held, 0.3 * cloud(300, 3, 20)).ratio < 0.8


def test_too_few_training_images_are_refused():
    with pytest.raises(DataError, match="at least 20 rows on both sides"):
        memorised(cloud(19, 1), cloud(30, 2), cloud(30, 3))
