"""Paired tests, corrections, effect sizes and intervals; and what they say, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

FEWEST = 10
"""Seeds below which nothing is called significant."""

LEVEL = 0.05
"""Chance of one or more false findings among all tests of a report."""


@final
@dataclass(frozen=True)
class PairedTest:
    """Two algorithms on the same seeds.

    Attributes
    ----------
    a, b
        Their names.
    n
        Pairs.
    p
        Two-sided p of the Wilcoxon signed-rank test, uncorrected.
    p_holm
        The same, corrected for all tests of the report.
    effect
        Matched-pairs rank-biserial correlation, from -1 (``b`` larger in every pair) to 1 (``a``).
    difference
        Median of ``a - b`` over the pairs, in the metric's unit.
    verdict
        What it says, in words.
    """

    a: str
    b: str
    n: int
    p: float
    p_holm: float
    effect: float
    difference: float
    verdict: str


def signed_rank(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    """Return p of the two-sided Wilcoxon signed-rank test, and the rank-biserial correlation.

    Pairs that are equal are left out, as Wilcoxon did; when all are, p is 1 and the effect 0.
    Sources: Wilcoxon 1945, doi:10.2307/3001968; Kerby 2014, "The simple difference formula",
    doi:10.2466/11.IT.3.1.
    """
    from scipy import stats

    differences = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    differences = differences[differences != 0]
    if not len(differences):
        return 1.0, 0.0
    ranks = stats.rankdata(np.abs(differences))
    effect = float((ranks * np.sign(differences)).sum() / ranks.sum())
    return float(stats.wilcoxon(differences).pvalue), effect


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values corrected for their number, in their order, each at most 1.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(p_values, kind="stable")
    corrected = np.empty(len(p_values))
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return [float(value) for value in corrected]


def friedman(columns: Sequence[Sequence[float]]) -> float:
    """Return p of Friedman's test that ``k >= 3`` columns over the same seeds do not differ.

    Columns that are equal in every seed give 1. Source: Friedman 1937, doi:10.2307/2279372.
    """
    from scipy import stats

    values = np.asarray(columns, dtype=float)
    if (values == values[0]).all():
        return 1.0
    return float(stats.friedmanchisquare(*values).pvalue)


def median_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Return an interval of the median that holds with at least ``level``, from order statistics.

    It assumes nothing of the distribution. Too few values for the level give the whole range.
    Source: Conover 1999, "Practical nonparametric statistics", section 3.2.
    """
    from scipy import stats

    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    low = int(stats.binom.ppf((1 - level) / 2, n, 0.5))  # P(B < low) <= (1 - level) / 2
    low = min(max(low, 1), (n + 1) // 2)
    return float(ordered[low - 1]), float(ordered[n - low])


def compare_pairs(
    values: Mapping[str, Sequence[float]],
    pairs: Sequence[tuple[str, str]],
    *,
    minimised: bool = False,
    unit: str = "",
    scale: float = 1.0,
) -> list[PairedTest]:
    """Return the tests of named columns over the same seeds, corrected for their number.

    ``scale`` and ``unit`` are how verdicts write a difference: 100 and ``"points"`` for an
    accuracy in [0, 1].
    """
    raw = [signed_rank(values[a], values[b]) for a, b in pairs]
    corrected = holm([p for p, _ in raw])
    tests = []
    for (a, b), (p, effect), p_holm in zip(pairs, raw, corrected, strict=True):
        n = len(values[a])
        differences = np.asarray(values[a]) - np.asarray(values[b])
        middle = float(np.median(differences))
        winner, loser = (a, b) if (effect > 0) != minimised else (b, a)
        amount = _amount(differences, effect, scale, unit)
        said = verdict(n, p_holm, len(pairs), f"{winner} is better than {loser} by {amount}")
        tests.append(PairedTest(a, b, n, p, p_holm, effect, middle, said))
    return tests


def _amount(differences: np.ndarray, effect: float, scale: float, unit: str) -> str:
    """Return the median difference in words; the mean where the median does not show the effect.

    Where most pairs are equal, or all but equal, the median says nothing of the others.
    """
    middle, mean = float(np.median(differences)), float(differences.mean())
    with_unit = f" {unit}" if unit else ""
    if middle * effect <= 0 or abs(middle) < abs(mean) / 2:
        return f"{abs(mean) * scale:.3g}{with_unit} on average"
    return f"{abs(middle) * scale:.3g}{with_unit}"


def verdict(n: int, p_holm: float, tests: int, finding: str) -> str:
    """Return the finding with its p; or why nothing is to be found: too few seeds, or noise."""
    if n < FEWEST:
        return f"too few seeds to tell: {n}, and it takes {FEWEST}"
    if p_holm <= LEVEL:
        return f"{finding} (p = {p_holm:.2g})"
    if least_p(n) * tests > LEVEL:
        return f"too few seeds to tell among {tests} tests: it takes {seeds_needed(tests)}"
    return f"within noise (p = {p_holm:.2g})"


def least_p(n: int) -> float:
    """Return the least p that the signed-rank test of ``n`` pairs can give."""
    return 2.0 ** (1 - n)


def seeds_needed(tests: int) -> int:
    """Return how many seeds it takes for one of so many tests to be significant at all."""
    return max(FEWEST, math.ceil(1 + math.log2(tests / LEVEL)))
