"""The picture of a study: a line a rule, a point a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deapnets.runs.directory import RunDirectory
from deapnets.runs.figures import COLOURS, INK, MUTED, clean, new_figure, save_figure


def draw_study(directory: RunDirectory, found: dict[str, Any], name: str = "rule.png") -> Path:
    """Draw the scores on unseen tasks, the mean as a tick; return the picture's path (PNG)."""
    from deapnets_programs.study import BASELINES, scores_by_rule

    values = scores_by_rule(found["cells"], found["complete"])
    order = sorted(values, key=lambda rule: float(np.mean(values[rule])))
    figure = new_figure(8.4, 0.36 * len(order) + 1.3)
    ax = figure.subplots()
    for place, rule in enumerate(order):
        searched = rule in ("evolved", "random search")
        colour = COLOURS[0] if searched else COLOURS[1] if rule in BASELINES else MUTED
        points = np.array(values[rule])
        ax.plot(points, np.full(len(points), place), "o", color=colour, alpha=0.45, markersize=5)
        ax.plot([points.mean()], [place], "|", color=INK, markersize=13, markeredgewidth=2)
    ax.set_yticks(range(len(order)), order, fontsize=9, color=INK)
    ax.set_xlabel("score on unseen tasks: 0 is the trivial answer, 1 no error", color=MUTED)
    title = f"learning rules without an error signal, {len(found['complete'])} seeds"
    ax.set_title(title, loc="left", color=INK, fontsize=11, weight="bold")
    clean(ax)
    return save_figure(directory, figure, name)
