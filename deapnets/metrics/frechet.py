"""Frechet distance: how far two clouds of features are apart, as normal distributions."""

from __future__ import annotations

import torch

from deapnets.errors import DataError


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
    first, second = first.double(), second.double()
    root = _root(torch.cov(first.T).reshape(first.shape[1], -1))
    inner = root @ torch.cov(second.T).reshape(second.shape[1], -1) @ root
    cross = torch.linalg.eigvalsh((inner + inner.T) / 2).clamp_min(0).sqrt().sum()
    spread = first.var(0).sum() + second.var(0).sum()
    apart = (first.mean(0) - second.mean(0)).square().sum()
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
