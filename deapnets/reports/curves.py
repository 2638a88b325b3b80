"""The picture of a comparison: each algorithm's median curve, and the band of its middle half."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deapnets.errors import RunError
from deapnets.reports.comparison import CONSTANT, run_directory
from deapnets.runs.directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#d1495b", "#13795b", "#2f6690", "#edae49", "#6a4c93", "#3d5a80", "#7b8794")
_INK, _MUTED = "#1f2933", "#7b8794"
_POINTS = 200

Floats = NDArray[np.float64]
Curve = tuple[Floats, Floats]  # evaluations and figure, of one run


def draw_comparison(
    directory: RunDirectory, report: dict[str, Any], name: str = "comparison.png"
) -> Path:
    """Draw the finished runs and return the picture's path: PNG, 1440 x 750 pixels.

    The curves are of the validation split's figure that belongs to the metric, as far as the log
    has it, otherwise of the best training fitness: the test split is opened once a run, at its end.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 5.0), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    what = _figure_of(report["metric"])
    spent = "evaluations" if report.get("seconds") is None else "seconds"
    shown = [row for row in report["rows"] if row["algorithm"] != CONSTANT]
    for number, row in enumerate(shown):
        curves = [_curve(directory, row["algorithm"], seed, what, spent) for seed in row["seeds"]]
        _draw(ax, row["algorithm"], curves, COLOURS[number % len(COLOURS)])
    _draw_constant(ax, report)
    ax.set_title(_title(report, what), loc="left", color=_INK, fontsize=11, weight="bold")
    ax.set_xlabel(spent, color=_MUTED, fontsize=9)
    ax.legend(frameon=False, fontsize=9)
    clean(ax)
    directory.replace(name, lambda path: figure.savefig(path, format="png"))
    return directory.path / name


def median_and_band(curves: Sequence[Curve]) -> tuple[Floats, Floats, Floats, Floats]:
    """Return positions ``[k]``, and median, lower and upper quartile of the curves there.

    Each curve keeps its last value until the next one; positions lie where all curves are known.
    """
    start = max(at[0] for at, _ in curves)
    end = min(at[-1] for at, _ in curves)
    grid = np.linspace(start, max(start, end), _POINTS)
    values = [y[np.searchsorted(at, grid, side="right") - 1] for at, y in curves]
    low, middle, high = np.quantile(np.array(values), [0.25, 0.5, 0.75], axis=0)
    return grid, middle, low, high


def clean(ax: Axes) -> None:
    """Take what is not data out of the picture."""
    ax.tick_params(colors=_MUTED, labelsize=9)
    ax.grid(color="#e4e7eb", linewidth=0.7)
    for side in ("top", "right", "left", "bottom"):
        ax.spines[side].set_visible(False)


def _draw(ax: Axes, label: str, curves: Sequence[Curve], colour: str) -> None:
    grid, middle, low, high = median_and_band(curves)
    ax.plot(grid, middle, color=colour, linewidth=1.6, label=label)
    ax.fill_between(grid, low, high, color=colour, alpha=0.18, linewidth=0)


def _draw_constant(ax: Axes, report: dict[str, Any]) -> None:
    for row in report["rows"]:
        if row["algorithm"] == CONSTANT:
            ax.axhline(row["mean"], color=_MUTED, linewidth=1, linestyle=":", label=CONSTANT)


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
