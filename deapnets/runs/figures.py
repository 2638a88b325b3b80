"""How the pictures of runs, comparisons and studies look: sizes, colours, what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deapnets.runs.directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#d1495b", "#13795b", "#2f6690", "#edae49", "#6a4c93", "#8d5524", "#7b8794")
"""Of lines that are told apart."""

INK, MUTED = "#1f2933", "#7b8794"
"""Colours of what is read first, and of what stands beside."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches of 150 pixels; it needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def clean(ax: Axes) -> None:
    """Take what is not data out of the picture."""
    ax.tick_params(colors=MUTED, labelsize=9)
    ax.grid(color="#e4e7eb", linewidth=0.7)
    for side in ("top", "right", "left", "bottom"):
        ax.spines[side].set_visible(False)


def save_figure(directory: RunDirectory, figure: Figure, name: str) -> Path:
    """Write the figure into the directory as PNG; return its path."""
    directory.replace(name, lambda path: figure.savefig(path, format="png"))
    return directory.path / name
