"""`Chart`: one figure of a report, as Plotly takes it: plain dicts, with colours by name.

A colour is ``@`` and the name of a variable of ``page.css``, with an opacity behind a slash where
it is not 1: the page puts in what suits a light or a dark screen.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

from deapnets.reports.story import Record, Story

AXES = ("generation", "evaluations", "seconds")
"""What curves may be drawn against."""

COLOURS = 8
GROUPED = 8
"""Runs from which on those of the same settings share a colour."""

_BUCKETS = 400
"""Parts of a curve of which the least and the greatest value are drawn."""
_POINTS = 6_000  # of all runs' curves in a chart together


@final
@dataclass
class Chart:
    """One figure of the page.

    Attributes
    ----------
    name
        Its id in the page.
    title
        What it shows, for people.
    data, layout
        As Plotly has them.
    axes
        Other positions of each trace, by the axis's name: the page lets people choose.
    note
        A sentence below it.
    height
        In pixels.
    """

    name: str
    title: str
    data: list[Record]
    layout: Record = field(default_factory=dict)
    axes: dict[str, list[list[float | None]]] = field(default_factory=dict)
    note: str = ""
    height: int = 320

    def record(self) -> Record:
        """Return what the page's script needs, as JSON values."""
        return {"name": self.name, "data": self.data, "layout": self.layout, "axes": self.axes}


def text_of(text: object) -> str:
    """Return a text for Plotly, which reads some of HTML: escaped."""
    return html.escape(str(text))


def colour(place: int) -> str:
    """Return the colour of whatever comes in this place."""
    return f"@c{place % COLOURS}"


@final
@dataclass(frozen=True)
class Look:
    """How a run is drawn.

    Attributes
    ----------
    colour
        Of its curves.
    name
        In the legend, escaped; of many runs that of its group.
    group
        Runs of one group are shown and hidden together.
    named
        Whether the legend names it: the first of its group.
    """

    colour: str
    name: str
    group: str
    named: bool


def looks(stories: Sequence[Story], single: str = "@held") -> list[Look]:
    """Return how each run is drawn: a colour each; of many, one for all of the same settings."""
    if len(stories) == 1:
        return [Look(single, text_of(stories[0].name), "run 0", True)]
    groups: dict[str, list[Story]] = {}
    for story in stories:
        key = story.settings if len(stories) > GROUPED else str(story.path)
        groups.setdefault(key, []).append(story)
    found = {}
    for place, lot in enumerate(groups.values()):
        more = f" and {len(lot) - 1} more" if len(lot) > 1 else ""
        for story in lot:
            name = text_of(lot[0].name + more)
            found[id(story)] = Look(colour(place), name, f"run {place}", story is lot[0])
    return [found[id(story)] for story in stories]


def traced(look: Look, x: Sequence[object], y: Sequence[object], **more: object) -> Record:
    """Return a curve of a run."""
    return {
        "type": "scatter",
        "mode": "lines" if len(x) > 1 else "markers",
        "x": [*x],
        "y": [*y],
        "name": look.name,
        "legendgroup": look.group,
        "showlegend": look.named,
        "line": {"color": look.colour, "width": 1.6},
        "marker": {"color": look.colour},
        **more,
    }


def buckets_for(runs: int) -> int:
    """Return into how many parts a curve is cut: fewer where many runs share a chart."""
    return min(_BUCKETS, max(50, _POINTS // (2 * runs)))


def thinned(values: Sequence[float | None], buckets: int = _BUCKETS) -> list[int]:
    """Return the places of a curve that are drawn: extremes of each part, its first and last."""
    known = [at for at, value in enumerate(values) if value is not None]
    if len(known) <= 2 * buckets:
        return known
    kept = {known[0], known[-1]}
    for part in range(buckets):
        bucket = known[part * len(known) // buckets : (part + 1) * len(known) // buckets]
        kept.add(min(bucket, key=lambda at: values[at]))  # type: ignore[arg-type, return-value]  # none is None
        kept.add(max(bucket, key=lambda at: values[at]))  # type: ignore[arg-type, return-value]
    return sorted(kept)


def spaced(positions: Sequence[float], count: int) -> list[int]:
    """Return the places of at most ``count`` positions, evenly spaced."""
    if len(positions) <= count:
        return list(range(len(positions)))
    first, last = positions[0], positions[-1]
    found, wanted = [], 0
    for at, position in enumerate(positions):
        if position >= first + (last - first) * wanted / (count - 1):
            found.append(at)
            wanted = int((position - first) / max(last - first, 1e-9) * (count - 1)) + 1
    return found
