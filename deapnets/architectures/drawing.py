"""Cells as pictures: hidden states as boxes from left to right, operations as arrows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deapnets.architectures.canonical import Cell


def draw_cells(cells: Mapping[str, Cell], inputs: int, path: Path) -> Path:
    """Draw cells side by side into a file of the path's ending (svg, png, pdf); return the path.

    Raises
    ------
    ValueError
        When matplotlib does not know the ending.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    widest = inputs + max(map(len, cells.values()))
    figure = Figure(figsize=(1.9 * widest, 3.2 * len(cells)), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (name, cell) in enumerate(cells.items(), 1):
        axes = figure.add_subplot(len(cells), 1, place)
        axes.set_title(name, loc="left")
        _draw_cell(axes, cell, inputs)
    figure.savefig(path)
    return path


def _draw_cell(axes: Any, cell: Cell, inputs: int) -> None:
    count = inputs + len(cell)
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(-_height(count), _height(count))
    axes.set_axis_off()
    for number in range(count):
        label = f"input {number}" if number < inputs else str(number)
        box = {"boxstyle": "round", "facecolor": "#dce9f7" if number < inputs else "white"}
        axes.text(number, 0, label, ha="center", va="center", bbox=box, zorder=3)
    drawn: dict[tuple[int, int], int] = {}
    for target, combination in enumerate(cell, inputs):
        for source, operation in combination:
            again = drawn[source, target] = drawn.get((source, target), 0) + 1
            _draw_arrow(axes, source, target, operation, 1 if (target + again) % 2 else -1)


def _draw_arrow(axes: Any, source: int, target: int, operation: str, side: int) -> None:
    """Draw a parabola above or below the boxes, with the operation's name at its height."""
    along = np.linspace(0.06, 0.94, 40)
    x = source + (target - source) * along
    y = side * _height(target - source) * 4 * along * (1 - along)
    axes.plot(x[:-1], y[:-1], color="0.5", linewidth=1)
    arrow = {"arrowstyle": "->", "color": "0.5"}
    axes.annotate("", (x[-1], y[-1]), (x[-3], y[-3]), arrowprops=arrow)
    box = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    middle, top = (source + target) / 2, side * _height(target - source)
    style = {"ha": "center", "va": "center", "fontsize": 8, "color": "#204a87", "bbox": box}
    axes.text(middle, top, operation, zorder=2, **style)


def _height(span: int) -> float:
    """Return how high an arrow rises that leads over so many boxes."""
    return 0.35 * float(span) ** 0.9
