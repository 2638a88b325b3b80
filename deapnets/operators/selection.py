"""``sel...``: who becomes a parent."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import accumulate
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
    fit_attr
        Name of the attribute that holds the fitness, as DEAP has it.

    Raises
    ------
    OptionError
        When ``share`` is outside (0, 1].

    Notes
    -----
    Draws from Python's `random`. Source: Muehlenbein & Schlierkamp-Voosen 1993, "Predictive models
    for the breeder genetic algorithm", doi:10.1162/evco.1993.1.1.25.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> people = [SimpleNamespace(fitness=number, name=number) for number in range(10)]
    >>> sorted(one.name for one in selTruncation(people, 6, share=0.3))
    [7, 7, 8, 8, 9, 9]
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


def selRank(
    individuals: Sequence[Any], k: int, pressure: float = 2.0, fit_attr: str = "fitness"
) -> list[Any]:
    """Return ``k`` parents by linear ranking: the better its rank, the more often one is taken.

    The best is taken ``pressure`` times as often as it would be by chance, the worst
    ``2 - pressure`` times, those between in equal steps by rank. How large the differences of
    fitness are does not matter. Individuals are taken by stochastic universal sampling: as often as
    is expected, to within one, where independent draws would add noise of their own. Those of
    equal fitness are ranked at random. The list is in random order and holds the individuals
    themselves.

    Parameters
    ----------
    individuals
        The population; every fitness must be valid.
    k
        How many parents to return.
    pressure
        From 1 (everybody equally often) to 2 (the worst never).
    fit_attr
        Name of the attribute that holds the fitness, as DEAP has it.

    Raises
    ------
    OptionError
        When ``pressure`` is outside [1, 2].

    Notes
    -----
    Draws from Python's `random`. Sources: Baker 1985, "Adaptive selection methods for genetic
    algorithms", ICGA 1; Baker 1987, "Reducing bias and inefficiency in the selection algorithm",
    ICGA 2.
    """
    if not 1.0 <= pressure <= 2.0:
        raise OptionError(f"selRank: pressure is from 1 to 2, got {pressure!r}.")
    if not individuals:
        return []
    shuffled = random.sample(individuals, len(individuals))
    ranked = sorted(shuffled, key=attrgetter(fit_attr), reverse=True)
    chosen = _universal(ranked, _expectations(len(ranked), pressure), k)
    random.shuffle(chosen)
    return chosen


def _expectations(count: int, pressure: float) -> list[float]:
    """Return how often each rank is taken in ``count`` draws, the best first."""
    if count == 1:
        return [1.0]
    fall = 2.0 * (pressure - 1.0) / (count - 1)  # Baker 1985
    return [pressure - fall * rank for rank in range(count)]


def _universal(ranked: Sequence[Any], expectations: Sequence[float], k: int) -> list[Any]:
    """Return ``k`` of ``ranked`` by one turn of a wheel with ``k`` equally spaced pointers."""
    ends = list(accumulate(expectations))
    step = ends[-1] / max(1, k)
    pointer = random.random() * step
    chosen: list[Any] = []
    for individual, end in zip(ranked, ends, strict=True):
        while len(chosen) < k and pointer + len(chosen) * step < end:
            chosen.append(individual)
    return chosen + [ranked[-1]] * (k - len(chosen))  # where the last pointer was rounded out
