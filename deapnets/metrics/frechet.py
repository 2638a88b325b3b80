"""Frechet distance: how far two clouds of features are apart, as normal distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from deapnets.errors import DataError


class Moments(NamedTuple):
    """What a normal distribution is known by."""

    mean: torch.Tensor  # float64 [d]
    covariance: torch.Tensor  # float64 [d, d]


def frechet_distance(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return the squared Frechet distance of two sets of rows ``[n, d]`` and ``[m, d]``.

    ::

        |mu1 - mu2|^2 + trace(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2)

    0 for equal means and covariances; in squared units of the features. Few rows bias it upwards:
    compare figures of equally many. Source: Dowson & Landau 1982, doi:10.1016/0047-259X(82)90077-X;
    for generators Heusel et al. 2017, arXiv:1706.08500.

    Raises
    ------
    DataError
        When rows differ in length, or there are fewer than two.
    """
    require_rows(first, second, least=2)
    return frechet_of_moments(moments_of(first), moments_of(second))


def moments_of(rows: torch.Tensor) -> Moments:
    """Return mean and unbiased covariance of rows ``[n, d]``, two at least."""
    rows = rows.double()
    return Moments(rows.mean(0), torch.cov(rows.T).reshape(rows.shape[1], -1))


def mixed_moments(members: Sequence[Moments], weights: Sequence[float]) -> Moments:
    """Return the moments of a mixture: each row comes from one member, by weights that sum to 1."""
    shares = torch.tensor(weights, dtype=torch.float64)
    means = torch.stack([member.mean for member in members])
    mean = shares @ means
    apart = means - mean
    within = torch.einsum("n,nij->ij", shares, torch.stack([one.covariance for one in members]))
    return Moments(mean, within + apart.T @ (shares[:, None] * apart))


def frechet_of_moments(first: Moments, second: Moments) -> float:
    """Return the squared Frechet distance of two normal distributions, as `frechet_distance`."""
    root = _root(first.covariance)
    inner = root @ second.covariance @ root
    cross = torch.linalg.eigvalsh((inner + inner.T) / 2).clamp_min(0).sqrt().sum()
    spread = first.covariance.trace() + second.covariance.trace()
    apart = (first.mean - second.mean).square().sum()
    return max(0.0, float(apart + spread - 2 * cross))


def _root(matrix: torch.Tensor) -> torch.Tensor:
    """Return the symmetric square root of a positive semidefinite matrix, singular or not."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp_min(0).sqrt() @ vectors.T


def require_rows(first: torch.Tensor, second: torch.Tensor, least: int = 1) -> None:
    """Raise a `DataError` unless both are ``[n, d]`` with one ``d`` and enough finite rows."""
    shapes = f"{list(first.shape)}, {list(second.shape)}"
    if first.dim() != 2 or second.dim() != 2 or first.shape[1] != second.shape[1]:
        raise DataError(f"Expected two sets of rows [n, d] and [m, d], got {shapes}.")
    if min(len(first), len(second)) < least:
        raise DataError(f"Expected at least {least} rows on both sides, got {shapes}.")
    if not (torch.isfinite(first).all() and torch.isfinite(second).all()):
        raise DataError("Expected finite rows: one of the two sets has NaN or infinity.")
