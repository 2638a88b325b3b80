"""Kernel distance: the maximum mean discrepancy of features, unbiased for any number of rows."""

from __future__ import annotations

import torch

from deapnets.metrics.frechet import require_rows

_BLOCK = 1024  # rows of a block of the kernel matrix


def kernel_distance(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return the squared kernel distance of two sets of rows ``[n, d]`` and ``[m, d]``.

    With the polynomial kernel ``(x y / d + 1)^3`` and the unbiased estimate: its expectation is 0
    for two sets from one distribution, so that it may come out below 0. Source: Binkowski et al.
    2018, "Demystifying MMD GANs", arXiv:1801.01401; Gretton et al. 2012, eq. 3.

    Raises
    ------
    DataError
        When rows differ in length, or there are fewer than two.
    """
    require_rows(first, second, least=2)
    first, second = first.double(), second.double()
    n, m = len(first), len(second)
    within = (_total(first, first) - _diagonal(first)) / (n * (n - 1))
    across = (_total(second, second) - _diagonal(second)) / (m * (m - 1))
    return float(within + across - 2 * _total(first, second) / (n * m))


def _kernel(products: torch.Tensor, width: int) -> torch.Tensor:
    return (products / width + 1).pow(3)


def _total(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the sum of the kernel over all pairs, a block of rows at a time."""
    width = first.shape[1]
    sums = [_kernel(part @ second.T, width).sum() for part in first.split(_BLOCK)]
    return torch.stack(sums).sum()


def _diagonal(rows: torch.Tensor) -> torch.Tensor:
    return _kernel(rows.square().sum(1), rows.shape[1]).sum()
