"""``sel...``: who becomes a parent."""

from __future__ import annotations

import random
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from deapnets.errors import OptionError


def selTruncation(
    individuals: Sequence[Any], k: int, share: float = 0.5, fit_attr: str = "fitness"
) -> list[Any]:
    """Return ``k`` parents, each drawn with equal probability from the best ``share``.

    Every one of the best is taken equally often, to within one, in random order: when ``k`` is a
    multiple of their number the draw adds no noise of its own. As with DEAP's selections the list
    holds the individuals themselves, not copies.

    Parameters
    ----------
    individuals
        The population; every fitness must be valid.
    k
        How many parents to return.
    share
        Part of the population that may become parents, in (0, 1]; at least one individual.

    Raises
    ------
    OptionError
        When ``share`` is outside (0, 1].

    Notes
    -----
    Draws from Python's `random`. Source: Muehlenbein & Schlierkamp-Voosen 1993, "Predictive models
    for the breeder genetic algorithm", doi:10.1162/evco.1993.1.1.25.
    """
    if not 0.0 < share <= 1.0:
        raise OptionError(f"selTruncation: share is a part in (0, 1], got {share!r}.")
    if not individuals:
        return []
    ranked = sorted(individuals, key=attrgetter(fit_attr), reverse=True)
    best = ranked[: max(1, round(share * len(ranked)))]
    chosen = best * (k // len(best)) + random.sample(best, k % len(best))
    random.shuffle(chosen)
    return chosen
