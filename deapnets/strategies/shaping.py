"""Fitness to utilities: what a strategy follows instead of the fitness itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from deapnets.errors import OptionError, unknown

Values = NDArray[np.float64]


def zscore(fitness: Values) -> Values:
    """Return deviations from the mean in units of the standard deviation; 0 where all are equal."""
    centred = fitness - fitness.mean()
    spread = centred.std()
    return centred / spread if spread > 0.0 else np.zeros_like(fitness)


def rank(fitness: Values) -> Values:
    """Return ranks spread evenly over [-0.5, 0.5], equals sharing theirs.

    Source: Salimans et al. 2017, "Evolution strategies as a scalable alternative to reinforcement
    learning", arXiv:1703.03864, section 2.
    """
    ranks: Values = stats.rankdata(fitness)
    return (ranks - 1.0) / max(1, len(ranks) - 1) - 0.5


def raw(fitness: Values) -> Values:
    """Return the fitness as it is."""
    return fitness


SHAPINGS: dict[str, Callable[[Values], Values]] = {"zscore": zscore, "rank": rank, "raw": raw}


def shaped(fitness: Values, shaping: str, winsorise: float = 0.0) -> Values:
    """Return the utilities ``[n]`` of fitness ``[n]``, maximised.

    ``winsorise`` is the part of the population at each end whose fitness is drawn in to that of the
    next one: Winsor's remedy for outliers.
    """
    if winsorise > 0.0:
        fitness = np.clip(fitness, *np.quantile(fitness, [winsorise, 1.0 - winsorise]))
    return SHAPINGS[shaping](fitness)


def require_shaping(shaping: str, winsorise: float) -> None:
    """Raise an `OptionError` for a shaping that does not exist, or a part that is none."""
    if shaping not in SHAPINGS:
        raise OptionError(unknown("shaping", str(shaping), SHAPINGS))
    if not 0.0 <= winsorise < 0.5:
        raise OptionError(
            f"winsorise is a part of the population at each end, in [0, 0.5), got {winsorise}."
        )
