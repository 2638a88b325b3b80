"""The picture of the study: each cell's accuracies, their median and its interval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deapnets.reports.curves import COLOURS, clean
from deapnets.runs.directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _MUTED = "#1f2933", "#7b8794"


def draw_study(directory: RunDirectory, found: dict[str, Any], name: str = "noise.png") -> Path:
    """Draw every cell of a report on a line of its own; return the picture's path (PNG).

    Points are networks, the bar is the interval of the median (95 %), the tick the median; dotted
    lines are the answers that need no network.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = sorted(found["rows"], key=lambda row: row["median"])
    figure = Figure(figsize=(9.6, 0.24 * len(rows) + 1.4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    for place, row in enumerate(rows):
        _draw_cell(ax, place, row, found["cells"][row["cell"]])
    for label, value in found["fixed"].items():
        ax.axvline(100 * value, color=_MUTED, linewidth=1, linestyle=":")
        ax.text(100 * value, len(rows) - 0.3, label, rotation=20, fontsize=7, color=_MUTED)
    ax.set_yticks(range(len(rows)), [row["cell"] for row in rows], fontsize=8, color=_INK)
    ax.set_xlabel("test accuracy, %", color=_MUTED, fontsize=9)
    ax.set_title(
        f"noise in place of gradients: zeros and ones of MNIST, {found['seeds']} seeds a row",
        loc="left",
        color=_INK,
        fontsize=11,
        weight="bold",
        pad=34,
    )
    clean(ax)
    directory.replace(name, lambda path: figure.savefig(path, format="png"))
    return directory.path / name


def _draw_cell(ax: Axes, place: int, row: dict[str, Any], cell: dict[str, Any]) -> None:
    kinds = ["cost", "blind", "accept", "annealing", "spsa", "es", "adam"]
    colour = _MUTED if cell["shuffled"] else COLOURS[kinds.index(cell["rule"]) % len(COLOURS)]
    points = 100 * np.array(cell["accuracies"])
    ax.plot(points, np.full(len(points), place), "o", color=colour, alpha=0.25, markersize=3)
    ax.plot([100 * row["low"], 100 * row["high"]], [place, place], color=colour, linewidth=3)
    ax.plot([100 * row["median"]], [place], "|", color=_INK, markersize=10)
