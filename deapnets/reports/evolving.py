"""How a run evolved: single weights, diversity, operators, time, ancestors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from deapnets.reports.charts import (
    GROUPED,
    Chart,
    buckets_for,
    colour,
    looks,
    spaced,
    text_of,
    thinned,
    traced,
)
from deapnets.reports.story import Record, Story, number, numbers, record_of

_COLUMNS = 300
"""Generations in the picture of single weights."""
_RARE = 0.02  # part of all children, below which a combination of operators has no curve
_BARS = 24  # runs that have a bar of their phases
_PHASES = {
    "making": "making weights",
    "evaluating": "evaluating",
    "waiting": "waiting",
    "selecting": "selecting",
    "validating": "validating",
    "saving": "saving",
}


def weights(story: Story, place: int) -> Chart | None:
    """Return the picture of 100 weights of the best network over the generations."""
    lines = [line for line in story.trace if isinstance(line.get("weights"), list)]
    if len(lines) < 2:
        return None
    at = spaced([line["generation"] for line in lines], _COLUMNS)
    columns = [list(map(number, lines[i]["weights"])) for i in at]
    height = max(map(len, columns))
    rows = [
        [column[row] if row < len(column) else None for column in columns] for row in range(height)
    ]
    reach = _quantile([abs(v) for row in rows for v in row if v is not None], 0.98) or 1.0
    data = {
        "type": "heatmap",
        "x": [lines[i]["generation"] for i in at],
        "z": rows,
        "zmin": -reach,
        "zmax": reach,
        "colorscale": "@diverging",
        "colorbar": {"thickness": 10, "outlinewidth": 0, "len": 0.9},
        "hovertemplate": "generation %{x}, weight %{y}: %{z}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": "generation"}, "showgrid": False},
        "yaxis": {
            "title": {"text": f"{height} weights"},
            "autorange": "reversed",
            "showgrid": False,
        },
    }
    title = f"{height} weights of the best network"
    note = (
        "Each row is one weight of the generation's best network, evenly picked from all of them; "
        "each column a generation. Long stripes are weights that were inherited unchanged or by "
        "all; where colours change at once, another family took over."
    )
    return Chart(f"weights-{place}", title, [data], layout, note=note, height=420)


def matrix(story: Story, place: int) -> Chart | None:
    """Return the matrix that the evaluator gave at the end (`Evaluator.matrix`), or None."""
    told = story.matrix
    rows, columns, values = (told.get(name) for name in ("rows", "columns", "values"))
    if not (isinstance(rows, list) and isinstance(columns, list) and isinstance(values, list)):
        return None
    cells = [[number(value) for value in row] for row in values if isinstance(row, list)]
    if not cells or len(cells) != len(rows) or {*map(len, cells)} != {len(columns)}:
        return None
    known = [abs(value) for row in cells for value in row if value is not None]
    reach = max(known, default=0.0) or 1.0
    row, column = (text_of(told.get(name, name)) for name in ("row", "column"))
    data = {
        "type": "heatmap",
        "x": [text_of(name) for name in columns],
        "y": [text_of(name) for name in rows],
        "z": cells,
        "zmin": -reach,
        "zmax": reach,
        "colorscale": "@diverging",
        "colorbar": {"thickness": 10, "outlinewidth": 0, "len": 0.9},
        "hovertemplate": f"{row} %{{y}}, {column} %{{x}}: %{{z:.3f}}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": column}, "type": "category", "showgrid": False},
        "yaxis": {
            "title": {"text": row},
            "type": "category",
            "autorange": "reversed",
            "showgrid": False,
        },
    }
    title, note = str(told.get("title", "Matrix")), str(told.get("note", ""))
    return Chart(f"matrix-{place}", title, [data], layout, note=note, height=420)


def diversity(stories: Sequence[Story]) -> Chart | None:
    """Return how far the populations are spread."""
    chart = Chart("diversity", "Diversity: deviation of a weight over the population", [])
    for story, look in zip(stories, looks(stories), strict=True):
        values = numbers(story.trace, "diversity")
        places = thinned(values, buckets_for(len(stories)))
        if places:
            x = [story.trace[at]["generation"] for at in places]
            chart.data.append(traced(look, x, [values[at] for at in places]))
    chart.layout = {"xaxis": _GENERATION, "yaxis": {"rangemode": "tozero"}}
    return chart if chart.data else None


_GENERATION = {"title": {"text": "generation"}}


def operators(stories: Sequence[Story]) -> Chart | None:
    """Return the share of children that are better than their parents, over the generations."""
    chart = Chart("operators", "Children better than their parents", [])
    number_of = 0
    for story in stories[:GROUPED]:
        for name in operator_names(story)[: 6 if len(stories) == 1 else 2]:
            points = _windows(story, name)
            label = f"{text_of(story.name)}, " if len(stories) > 1 else ""
            chart.data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": [x for x, _ in points],
                    "y": [y for _, y in points],
                    "name": label + text_of(name),
                    "line": {"color": colour(number_of), "width": 1.6},
                }
            )
            number_of += 1
    chart.layout = {
        "xaxis": _GENERATION,
        "yaxis": {"tickformat": ".1~%", "rangemode": "tozero"},
        "showlegend": True,
    }
    chart.note = (
        "Better than the better of its parents, on the training rows. With a mini-batch a "
        "generation a parent was scored on another one: single points say little then."
    )
    return chart if chart.data else None


def operator_names(story: Story) -> list[str]:
    """Return the operators of a run's children, the most frequent first; rare ones are left out."""
    counts = operator_counts(story)
    total = sum(count for count, _ in counts.values())
    common = [name for name, (count, _) in counts.items() if count >= _RARE * total]
    return sorted(common, key=lambda name: -counts[name][0])


def operator_counts(story: Story) -> dict[str, tuple[int, int]]:
    """Return, by operators, how many children were looked at and how many are better."""
    found: dict[str, tuple[int, int]] = {}
    for line in story.trace:
        for name, (count, better) in _counts(line).items():
            before = found.get(name, (0, 0))
            found[name] = (before[0] + count, before[1] + better)
    return found


def _counts(line: Record) -> dict[str, tuple[int, int]]:
    """Return the sound counts of a line."""
    return {
        name: (int(pair[0]), int(pair[1]))
        for name, pair in record_of(line.get("operators")).items()
        if isinstance(pair, list) and len(pair) == 2 and None not in map(number, pair)
    }


def _windows(story: Story, name: str, windows: int = 60) -> list[tuple[float, float]]:
    """Return generation and share of better children, of some windows of the run."""
    lines = [(line["generation"], *_counts(line).get(name, (0, 0))) for line in story.trace]
    lines = [line for line in lines if line[1]]
    count = min(windows, len(lines))
    points = []
    for part in range(count):
        window = lines[part * len(lines) // count : (part + 1) * len(lines) // count]
        watched = sum(line[1] for line in window)
        points.append((window[len(window) // 2][0], sum(line[2] for line in window) / watched))
    return points


def phases(stories: Sequence[Story]) -> Chart | None:
    """Return where the seconds of each run went."""
    spent = [(story, _phases(story)) for story in stories[:_BARS]]
    spent = [(story, seconds) for story, seconds in spent if sum(seconds.values())]
    if not spent:
        return None
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": label,
            "y": [text_of(story.name) for story, _ in spent],
            "x": [seconds.get(phase, 0.0) / sum(seconds.values()) for _, seconds in spent],
            "customdata": [seconds.get(phase, 0.0) for _, seconds in spent],
            "hovertemplate": f"{label}: %{{customdata:.4~g}} s, %{{x:.1%}}<extra>%{{y}}</extra>",
            "marker": {"color": colour(place)},
        }
        for place, (phase, label) in enumerate(_PHASES.items())
        if any(seconds.get(phase) for _, seconds in spent)
    ]
    layout = {
        "barmode": "stack",
        "xaxis": {"tickformat": ".0%", "range": [0, 1]},
        "yaxis": {"autorange": "reversed", "showticklabels": len(spent) > 1, "automargin": True},
        "showlegend": True,
        "legend": {"traceorder": "normal"},
        "bargap": 0.35,
    }
    note = "Selecting is breeding and learning too; waiting, for workers, is handing over too."
    height = 150 + 40 * len(spent)
    return Chart("phases", "Where the time went", data, layout, note=note, height=height)


def _phases(story: Story) -> dict[str, float]:
    written = record_of(story.trace[-1].get("phases")) if story.trace else {}
    found = {name: number(value) for name, value in written.items()}
    return {name: value for name, value in found.items() if value is not None and name in _PHASES}


def lineage(story: Story, place: int) -> Chart | None:
    """Return the line of ancestors of the saved network, below the best of each generation."""
    line = ancestors(story)
    if len(line) < 2:
        return None
    until = [record for record in story.log if record["generation"] <= line[-1][0]]
    best = numbers(until, "best")
    shown = thinned(best)
    at = spaced([one[0] for one in line], 800)
    line = [line[i] for i in at]
    births = [one for one in line if one[2]]
    data = [
        _line(
            [until[i]["generation"] for i in shown],
            [best[i] for i in shown],
            "best of the generation",
            "@mean",
        ),
        _line([one[0] for one in line], [one[1] for one in line], "its ancestor", "@best"),
        {
            **_line([one[0] for one in births], [one[1] for one in births], "born there", "@best"),
            "mode": "markers",
            "marker": {"size": 5, "color": "@best"},
        },
    ]
    note = (
        "The line of clones: a child of two parents stands in the line of the one that it was "
        "cloned from. Dots are births; between them an ancestor survived."
    )
    layout = {"xaxis": _GENERATION, "yaxis": {"title": {"text": "fitness"}}, "showlegend": True}
    return Chart(f"lineage-{place}", "Ancestors of the saved network", data, layout, note=note)


def ancestors(story: Story) -> list[tuple[float, float, bool]]:
    """Return generation, fitness and birth of each ancestor of the saved network."""
    written = story.lineage.get("line")
    rows = written if isinstance(written, list) else []
    return [
        (row[0], row[1], bool(row[2]))
        for row in rows
        if isinstance(row, list) and len(row) == 3 and None not in map(number, row[:2])
    ]


def _line(x: Iterable[Any], y: Iterable[Any], name: str, colour_of: str) -> Record:
    style = {"color": colour_of, "width": 1.4}
    return {"type": "scatter", "mode": "lines", "x": [*x], "y": [*y], "name": name, "line": style}


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[math.ceil(share * (len(ordered) - 1))] if ordered else 0.0
