"""`Row`: what a comparison says of one algorithm, and how rows are tested against each other."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, final

from deapnets.reports.statistics import PairedTest, compare_pairs


@final
@dataclass(frozen=True)
class Row:
    """One algorithm's results: a value a seed.

    ``image_forwards``, ``evaluations`` and ``seconds`` are means over the seeds, and so are
    ``metrics``: those that every run has. ``evaluation_seconds`` is None where nobody counts them.
    """

    algorithm: str
    seeds: list[int]
    metric: str
    values: list[float]
    mean: float
    deviation: float | None
    evaluations: float
    image_forwards: float
    seconds: float
    evaluation_seconds: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)


def _figures(result: dict[str, Any]) -> dict[str, float]:
    own = {} if result["best_fitness"] is None else {"best_fitness": result["best_fitness"]}
    return {**{k: v for k, v in result["metrics"].items() if v is not None}, **own}


def row_of(algorithm: str, metric: str, results: Sequence[dict[str, Any]]) -> Row:
    """Return the row of an algorithm from the ``result.json`` of its runs, one a seed."""
    values = [float(_figures(result)[metric]) for result in results]
    mean, deviation = _moments(values)
    counted = all("evaluation_seconds" in result for result in results)
    return Row(
        algorithm,
        [result["seed"] for result in results],
        metric,
        values,
        mean,
        deviation,
        evaluations=_mean(results, "evaluations"),
        image_forwards=_mean(results, "image_forwards"),
        seconds=_mean(results, "seconds"),
        evaluation_seconds=_mean(results, "evaluation_seconds") if counted else None,
        metrics={
            name: _mean(map(_figures, results), name) for name in sorted(shared_figures(results))
        },
    )


def shared_figures(results: Sequence[dict[str, Any]]) -> set[str]:
    """Return the names of the figures that every run has."""
    return set.intersection(*(set(_figures(result)) for result in results))


def _mean(records: Iterable[dict[str, Any]], name: str) -> float:
    return statistics.fmean(float(record[name]) for record in records)


def _moments(values: Sequence[float]) -> tuple[float, float | None]:
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return statistics.fmean(values), deviation


def fixed_row(name: str, figures: dict[str, float], metric: str, seeds: int) -> list[Row]:
    """Return the row of what is the same for every seed; none where nobody knows."""
    if metric not in figures:
        return []
    value = float(figures[metric])
    numbers = list(range(1, seeds + 1))
    deviation = 0.0 if seeds > 1 else None
    row = Row(name, numbers, metric, [value] * seeds, value, deviation, 0.0, 0.0, 0.0)
    return [dataclasses.replace(row, metrics=figures)]


def compare_rows(
    rows: Sequence[Row], asked: Sequence[str], less_is_better: bool
) -> list[PairedTest]:
    """Return the tests of each algorithm asked for against all others.

    Baselines are not tested among themselves: each test costs all others some significance.
    """
    pairs = [(a, b) for a, b in combinations([r.algorithm for r in rows], 2) if a in asked]
    values = {row.algorithm: row.values for row in rows}
    as_points = rows[0].metric.endswith("accuracy")
    return compare_pairs(
        values,
        pairs,
        minimised=less_is_better,
        unit="points" if as_points else "",
        scale=100.0 if as_points else 1.0,
    )


def record_of(test: PairedTest) -> dict[str, Any]:
    """Return a test as JSON values."""
    return {
        "a": test.a,
        "b": test.b,
        "test": "Wilcoxon signed-rank, paired by seed, two-sided; Holm",
        **{k: v for k, v in dataclasses.asdict(test).items() if k not in ("a", "b", "verdict")},
        "verdict": test.verdict,
    }
