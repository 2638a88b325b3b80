"""Precision and recall, density and coverage: samples and real images as each other's neighbours.

Source: Kynkaanniemi et al. 2019, arXiv:1904.06991 (precision, recall); Naeem et al. 2020,
arXiv:2002.09797, eqs. 4 and 5 (density, coverage).
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from deapnets.errors import OptionError
from deapnets.metrics.frechet import require_rows

_BLOCK = 1024  # rows of a block of distances


class Neighbourhood(NamedTuple):
    """Four figures of samples among real rows; of two sets from one distribution all are near 1."""

    precision: float  # part of the samples within the neighbourhood of some real row
    recall: float  # part of the real rows within the neighbourhood of some sample
    density: float  # neighbourhoods of real rows that a sample lies in, as a part of k
    coverage: float  # part of the real rows with a sample in their neighbourhood


def neighbourhood(real: torch.Tensor, samples: torch.Tensor, k: int = 5) -> Neighbourhood:
    """Return precision, recall, density and coverage of samples ``[m, d]`` among real ``[n, d]``.

    The neighbourhood of a row reaches to its ``k``-th nearest row of the same set.

    Raises
    ------
    OptionError
        When ``k`` is not from 1 to the smaller number of rows less one.
    """
    require_rows(real, samples, least=2)
    if not 1 <= k < min(len(real), len(samples)):
        raise OptionError(
            f"k is from 1 to one less than the rows of a set, {min(len(real), len(samples)) - 1}; "
            f"got {k}."
        )
    reach_real, reach_samples = _reach(real, k), _reach(samples, k)
    inside, covered, density = [], torch.zeros(len(real), dtype=torch.bool), 0
    for part in samples.split(_BLOCK):
        within = torch.cdist(part, real) <= reach_real
        inside.append(within.any(1))
        covered |= within.any(0)
        density += int(within.sum())
    recalled = [(torch.cdist(r, samples) <= reach_samples).any(1) for r in real.split(_BLOCK)]
    return Neighbourhood(
        _mean(torch.cat(inside)),
        _mean(torch.cat(recalled)),
        density / (k * len(samples)),
        _mean(covered),
    )


def _reach(rows: torch.Tensor, k: int) -> torch.Tensor:
    """Return the distance of each row to its ``k``-th nearest other row: ``[n]``."""
    parts = [torch.cdist(part, rows).kthvalue(k + 1, 1).values for part in rows.split(_BLOCK)]
    return torch.cat(parts)


def _mean(values: torch.Tensor) -> float:
    return float(values.double().mean())
