"""Sliced Wasserstein distance: how far two clouds are apart along random directions."""

from __future__ import annotations

import torch

from deapnets.errors import at_least_one
from deapnets.metrics.frechet import require_rows


def sliced_wasserstein(
    first: torch.Tensor, second: torch.Tensor, directions: int = 128, seed: int = 0
) -> float:
    """Return the sliced Wasserstein-2 distance of two sets of rows ``[n, d]`` and ``[m, d]``.

    The root of the mean, over random directions of length 1, of the squared Wasserstein-2 distance
    of what the rows are along each; in units of the rows. It needs no classifier: pixels will do.
    Source: Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3.

    Parameters
    ----------
    first, second
        The rows; where there are not equally many, the quantiles of the fewer are compared.
    directions
        How many.
    seed
        Of the directions: the same seed gives the same ones.

    Raises
    ------
    OptionError
        When there is no direction.
    DataError
        When rows differ in length.
    """
    at_least_one(directions=directions)
    require_rows(first, second)
    generator = torch.Generator().manual_seed(seed)
    lines = torch.randn(first.shape[1], directions, generator=generator, dtype=torch.float64)
    lines /= lines.norm(dim=0).clamp_min(1e-12)
    count = min(len(first), len(second))
    apart = _sorted(first.double() @ lines, count) - _sorted(second.double() @ lines, count)
    return float(apart.square().mean().sqrt())


def _sorted(values: torch.Tensor, count: int) -> torch.Tensor:
    """Return each column's values ``[n, k]`` in order, as ``count`` quantiles."""
    ordered = values.sort(0).values
    if len(ordered) == count:
        return ordered
    places = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return torch.quantile(ordered, places, dim=0)
