"""The picture of a comparison: each algorithm's median curve, and the band of its middle half."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deapnets.errors import RunError
from deapnets.reports.comparison import CONSTANT, DRAWS, run_directory
from deapnets.reports.courses import Course, Courses
from deapnets.runs.directory import RunDirectory
from deapnets.runs.figures import COLOURS, INK, MUTED, clean, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 200
_COST = "seconds that evaluations have cost"

Floats = NDArray[np.float64]
Curve = tuple[Floats, Floats]  # evaluations and figure, of one run


def draw_comparison(
    directory: RunDirectory, report: dict[str, Any], name: str = "comparison.png"
) -> Path:
    """Draw the finished runs and return the picture's path: PNG, 1440 x 750 pixels.

    The curves are of the validation split's figure that belongs to the metric, as far as the log
    has it, otherwise of the best training fitness: the test split is opened once a run, at its end.
    """
    figure = new_figure(9.6, 5.0)
    ax = figure.subplots()
    what = _figure_of(report["metric"])
    given = ("seconds", "evaluation_seconds")
    spent = next((name for name in given if report.get(name) is not None), "evaluations")
    shown = [row for row in report["rows"] if row["algorithm"] not in (CONSTANT, DRAWS)]
    for number, row in enumerate(shown):
        curves = [_curve(directory, row["algorithm"], seed, what, spent) for seed in row["seeds"]]
        _draw(ax, row["algorithm"], curves, COLOURS[number % len(COLOURS)])
    _draw_constant(ax, report)
    ax.set_title(_title(report, what), loc="left", color=INK, fontsize=11, weight="bold")
    ax.set_xlabel(spent, color=MUTED, fontsize=9)
    ax.legend(frameon=False, fontsize=9)
    clean(ax)
    return save_figure(directory, figure, name)


def draw_courses(
    directory: RunDirectory, report: dict[str, Any], courses: Courses, name: str = "comparison.png"
) -> Path:
    """Draw what searches had found at each moment; return the picture's path: 1440 x 750 pixels.

    On the left the metric against what the budget counts, on the right the regret, where there is
    one, against seconds of evaluations: means over the seeds, and their standard errors. What is
    expected of random draws is dashed.
    """
    figure = new_figure(9.6, 5.0)
    panels = [(report["metric"], report["evaluation_seconds"] is not None)]
    panels += [("regret", True)] if "regret" in courses.names() else []
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (what, costs) in zip(axes, panels, strict=True):
        early, late = [], []  # what comes before a twentieth of the way would hide the rest
        for number, (algorithm, runs) in enumerate(courses.runs.items()):
            lines = [_line(course, what, costs) for course in runs]
            mean = _draw_mean(ax, algorithm, lines, COLOURS[number % len(COLOURS)])
            early.append(float(mean[_POINTS // 20]))
            late.append(float(mean.max()))
        _draw_expected(ax, courses, what, costs)
        ax.set_xlabel(_COST if costs else "evaluations", color=MUTED, fontsize=9)
        ax.set_title(what.replace("_", " "), loc="left", color=MUTED, fontsize=9)
        ax.locator_params(axis="x", nbins=5)
        ax.xaxis.set_major_formatter("{x:,.0f}")
        if what == "regret":
            ax.set_yscale("log")
        else:
            margin = 0.05 * (max(late) - min(early))
            ax.set_ylim(min(early) - margin, max(late) + margin)
        clean(ax)
    axes[-1].legend(frameon=False, fontsize=9)
    title = f"{report['evaluator']}: mean and standard error of {report['seeds']} seeds"
    figure.suptitle(title, x=0.01, ha="left", color=INK, fontsize=11, weight="bold")
    return save_figure(directory, figure, name)


def _line(course: Course, what: str, costs: bool) -> Curve:
    at = course.seconds if costs else course.evaluations
    return np.array(at, float), np.array([figures[what] for figures in course.figures])


def _draw_mean(ax: Axes, label: str, curves: Sequence[Curve], colour: str) -> Floats:
    """Draw the mean of the curves and its standard error; return the mean ``[k]``."""
    grid, values = _on_a_grid(curves)
    mean = values.mean(0)
    error = values.std(0, ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0.0 * mean
    ax.plot(grid, mean, color=colour, linewidth=1.6, label=label)
    ax.fill_between(grid, mean - error, mean + error, color=colour, alpha=0.18, linewidth=0)
    return mean


def _draw_expected(ax: Axes, courses: Courses, what: str, costs: bool) -> None:
    """Draw what is expected of random draws, from the first one to as many as the runs made."""
    census = courses.census
    if census is None or what not in census.figures:
        return
    runs = [course for lot in courses.runs.values() for course in lot]
    end = min(course.seconds[-1] if costs else course.evaluations[-1] for course in runs)
    last = census.draws_for(end) if costs else int(end)
    draws = np.unique(np.linspace(1, last, _POINTS).round().astype(int))
    values = [census.best_of(int(count))[what] for count in draws]
    at = draws * (end / last) if costs else draws
    ax.plot(at, values, color=INK, linewidth=1.2, linestyle="--", label=DRAWS)


def median_and_band(curves: Sequence[Curve]) -> tuple[Floats, Floats, Floats, Floats]:
    """Return positions ``[k]``, and median, lower and upper quartile of the curves there.

    Each curve keeps its last value until the next one; positions lie where all curves are known.
    """
    grid, values = _on_a_grid(curves)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    return grid, middle, low, high


def _on_a_grid(curves: Sequence[Curve]) -> tuple[Floats, Floats]:
    """Return positions ``[k]`` and the curves there ``[n, k]``."""
    start = max(at[0] for at, _ in curves)
    end = min(at[-1] for at, _ in curves)
    grid = np.linspace(start, max(start, end), _POINTS)
    values = [y[np.searchsorted(at, grid, side="right") - 1] for at, y in curves]
    return grid, np.array(values)


def _draw(ax: Axes, label: str, curves: Sequence[Curve], colour: str) -> None:
    grid, middle, low, high = median_and_band(curves)
    ax.plot(grid, middle, color=colour, linewidth=1.6, label=label)
    ax.fill_between(grid, low, high, color=colour, alpha=0.18, linewidth=0)


def _draw_constant(ax: Axes, report: dict[str, Any]) -> None:
    for row in report["rows"]:
        if row["algorithm"] == CONSTANT:
            ax.axhline(row["mean"], color=MUTED, linewidth=1, linestyle=":", label=CONSTANT)


def _figure_of(metric: str) -> str:
    return f"validation_{metric.removeprefix('test_')}"


def _curve(directory: RunDirectory, algorithm: str, seed: int, what: str, spent: str) -> Curve:
    run = run_directory(directory, algorithm, seed)
    records = list(run.log())
    held = [record for record in records if record.get(what) is not None]
    name = what if held else "best"
    points = [(r[spent], r[name]) for r in held or records if r.get(name) is not None]
    if not points:
        raise RunError(f"{run.path} has no generation in its log.")
    at, values = np.array(points, dtype=float).T
    return at, values


def _title(report: dict[str, Any], what: str) -> str:
    return (
        f"{report['evaluator']}: {what.replace('_', ' ')}, median and middle half of "
        f"{report['seeds']} seeds"
    )
