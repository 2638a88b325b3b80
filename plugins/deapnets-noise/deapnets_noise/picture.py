"""The picture of the study: each cell's accuracies, their median and its interval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deapnets.runs.directory import RunDirectory
from deapnets.runs.figures import COLOURS, INK, MUTED, clean, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_study(directory: RunDirectory, found: dict[str, Any], name: str = "noise.png") -> Path:
    """Draw every cell of a report on a line of its own; return the picture's path (PNG).

    Points are networks, the bar is the interval of the median (95 %), the tick the median; dotted
    lines are the answers that need no network.
    """
    rows = sorted(found["rows"], key=lambda row: row["median"])
    figure = new_figure(9.6, 0.24 * len(rows) + 1.4)
    ax = figure.subplots()
    for place, row in enumerate(rows):
        _draw_cell(ax, place, row, found["cells"][row["cell"]])
    for label, value in found["fixed"].items():
        ax.axvline(100 * value, color=MUTED, linewidth=1, linestyle=":")
        ax.text(100 * value, len(rows) - 0.3, label, rotation=20, fontsize=7, color=MUTED)
    ax.set_yticks(range(len(rows)), [row["cell"] for row in rows], fontsize=8, color=INK)
    ax.set_xlabel("test accuracy, %", color=MUTED, fontsize=9)
    ax.set_title(
        f"noise in place of gradients: zeros and ones of MNIST, {found['seeds']} seeds a row",
        loc="left",
        color=INK,
        fontsize=11,
        weight="bold",
        pad=34,
    )
    clean(ax)
    return save_figure(directory, figure, name)


def _draw_cell(ax: Axes, place: int, row: dict[str, Any], cell: dict[str, Any]) -> None:
    kinds = ["cost", "blind", "accept", "annealing", "spsa", "es", "adam"]
    colour = MUTED if cell["shuffled"] else COLOURS[kinds.index(cell["rule"]) % len(COLOURS)]
    points = 100 * np.array(cell["accuracies"])
    ax.plot(points, np.full(len(points), place), "o", color=colour, alpha=0.25, markersize=3)
    ax.plot([100 * row["low"], 100 * row["high"]], [place, place], color=colour, linewidth=3)
    ax.plot([100 * row["median"]], [place], "|", color=INK, markersize=10)
