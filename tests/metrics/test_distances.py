"""Frechet, kernel and sliced Wasserstein distance against closed forms."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import linalg
from scipy.stats import wasserstein_distance

from deapnets.errors import DataError, OptionError
from deapnets.metrics.frechet import frechet_distance
from deapnets.metrics.kernels import kernel_distance
from deapnets.metrics.slicing import sliced_wasserstein


def rows(n, d, seed, scale=1.0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, d, generator=generator) + shift


def whitened(n, d, seed):
    """Return rows whose mean is exactly 0 and whose covariance is exactly 1."""
    values = rows(n, d, seed).double()
    values -= values.mean(0)
    root = torch.linalg.cholesky(torch.cov(values.T))
    return torch.linalg.solve_triangular(root, values.T, upper=False).T


def test_frechet_distance_of_two_normal_clouds_is_the_closed_form():
    # Of N(0, I) and N(m, diag(s^2)): |m|^2 + sum (1 - s)^2.
    m, s = torch.tensor([1.0, -2.0, 0.5]).double(), torch.tensor([0.5, 1.0, 3.0]).double()
    second = whitened(50, 3, 2) * s + m
    wanted = float(m.square().sum() + (1 - s).square().sum())
    assert frechet_distance(whitened(60, 3, 1), second) == pytest.approx(wanted)


def test_frechet_distance_is_that_of_a_matrix_square_root():
    first = rows(80, 6, 1) @ rows(6, 6, 3)
    second = rows(90, 6, 2) @ rows(6, 6, 4) + 0.3
    a, b = np.cov(first.double().numpy().T), np.cov(second.double().numpy().T)
    apart = (first.double().mean(0) - second.double().mean(0)).square().sum()
    wanted = float(apart) + np.trace(a + b - 2 * np.real(linalg.sqrtm(a @ b)))
    assert frechet_distance(first, second) == pytest.approx(wanted, rel=1e-9)


def test_frechet_distance_of_features_that_never_vary_is_finite_and_zero_to_themselves():
    dead = torch.cat([rows(40, 2, 1), torch.zeros(40, 3)], 1)
    assert frechet_distance(dead, dead) == pytest.approx(0.0, abs=1e-9)


def test_kernel_distance_is_the_sum_over_all_pairs():
    first, second = rows(7, 4, 1).double(), rows(9, 4, 2).double()

    def kernel(x, y):
        return float((x @ y / 4 + 1) ** 3)

    within = np.mean([kernel(x, y) for x, y in itertools.permutations(first, 2)])
    across = np.mean([kernel(x, y) for x, y in itertools.permutations(second, 2)])
    between = np.mean([kernel(x, y) for x in first for y in second])
    assert kernel_distance(first, second) == pytest.approx(within + across - 2 * between)


def test_kernel_distance_of_one_distribution_is_zero_in_the_mean():
    found = [kernel_distance(rows(50, 4, k), rows(50, 4, 1000 + k)) for k in range(60)]
    assert abs(np.mean(found)) < 3 * np.std(found) / math.sqrt(60)
    assert min(found) < 0.0


def test_kernel_distance_is_the_same_in_blocks():
    first, second = rows(2500, 3, 1), rows(1500, 3, 2)
    whole = kernel_distance(first, second)
    assert kernel_distance(first[torch.randperm(2500)], second) == pytest.approx(whole)


def test_sliced_wasserstein_of_a_shift_is_its_length_along_the_directions():
    # The mean squared component of a vector along directions of length 1 is |v|^2 / d.
    first = rows(500, 5, 1)
    shift = torch.tensor([3.0, 0.0, 0.0, 0.0, 0.0])
    found = sliced_wasserstein(first, first + shift, directions=4000)
    assert found == pytest.approx(3.0 / math.sqrt(5), rel=0.05)


def test_sliced_wasserstein_in_one_dimension_is_that_of_sorted_values():
    first, second = rows(300, 1, 1), rows(300, 1, 2, scale=2.0)
    apart = np.sort(first[:, 0].numpy()) - np.sort(second[:, 0].numpy())
    assert sliced_wasserstein(first, second) == pytest.approx(
        math.sqrt(np.mean(apart**2)), rel=1e-5
    )
    assert wasserstein_distance(first[:, 0], second[:, 0]) == pytest.approx(
        np.mean(np.abs(apart)), rel=1e-5
    )


def test_sliced_wasserstein_takes_sets_of_different_sizes():
    first, second = rows(300, 4, 1), rows(3000, 4, 2)
    assert sliced_wasserstein(first, second) < 0.2 < sliced_wasserstein(first, second + 1.0)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance, sliced_wasserstein])
def test_rows_of_different_lengths_are_refused(distance):
    with pytest.raises(
        DataError, match=r"two sets of rows \[n, d\] and \[m, d\], got \[5, 3\], \[5, 2\]"
    ):
        distance(rows(5, 3, 1), rows(5, 2, 1))


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance, sliced_wasserstein])
def test_rows_that_are_not_finite_are_refused(distance):
    with pytest.raises(DataError, match="one of the two sets has NaN or infinity"):
        distance(rows(5, 3, 1), torch.full((5, 3), torch.nan))


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_one_row_is_no_cloud(distance):
    with pytest.raises(DataError, match="at least 2 rows on both sides"):
        distance(rows(1, 3, 1), rows(5, 3, 1))


def test_no_direction_is_refused():
    with pytest.raises(OptionError, match="directions is at least 1, got 0"):
        sliced_wasserstein(rows(5, 3, 1), rows(5, 3, 2), directions=0)
