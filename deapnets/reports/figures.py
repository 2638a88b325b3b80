"""The figures of a report, as Plotly takes them: plain dicts, with colours by name.

A colour is ``@`` and the name of a variable of ``page.css``, with an opacity behind a slash where
it is not 1: the page puts in what suits a light or a dark screen.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from deapnets.reports.story import Record, Story, number, numbers, record_of

AXES = ("generation", "evaluations", "seconds")
"""What curves may be drawn against."""

_BUCKETS = 400
"""Parts of a curve of which the least and the greatest value are drawn."""
_COLUMNS = 300
"""Generations in the picture of single weights."""
_COLOURS = 8
_RARE = 0.02  # part of all children, below which a combination of operators has no curve
_PHASES = {
    "making": "making weights",
    "evaluating": "evaluating",
    "waiting": "waiting",
    "selecting": "selecting",
    "validating": "validating",
    "saving": "saving",
}


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
    """Return the colour of a run, or of whatever comes in this place."""
    return f"@c{place % _COLOURS}"


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


def fitness(stories: Sequence[Story]) -> Chart | None:
    """Return best and mean fitness of the generations, of all runs."""
    searched = any(story.networks for story in stories)
    chart = Chart("fitness", "Fitness" if searched else "Fitness on the training rows", [])
    for place, story in enumerate(stories):
        own = colour(place) if len(stories) > 1 else "@best"
        mean = colour(place) + "/0.5" if len(stories) > 1 else "@mean"
        label = text_of(story.name) + ", " if len(stories) > 1 else ""
        _add(chart, story.log, "best", f"{label}best", {"color": own, "width": 1.6}, place)
        line = {"color": mean, "width": 1.6, "dash": "dot" if len(stories) > 1 else "solid"}
        _add(chart, story.log, "mean", f"{label}mean", line, place)
    return chart if chart.data else None


def held_out(stories: Sequence[Story]) -> list[Chart]:
    """Return a chart for each figure of the validation split."""
    names = _names(stories, lambda name: name.startswith("validation_"))
    names = sorted(names, key=lambda name: (name != "validation_accuracy", name))
    charts = []
    for name in names[:6]:
        title = (
            f"{name.removeprefix('validation_').replace('_', ' ')} on held-out rows".capitalize()
        )
        chart = Chart(name, title, [])
        if name.endswith("accuracy"):
            chart.layout["yaxis"] = {"tickformat": ".0%"}
        for place, story in enumerate(stories):
            line = {"color": colour(place) if len(stories) > 1 else "@held", "width": 1.8}
            _add(chart, story.log, name, text_of(story.name), line, place)
        charts.append(chart)
    return charts


_PLAIN = {*AXES, "image_forwards", "best", "mean", "std", "spent", "faults"}
_OF_SEARCHES = {"proposals", "distinct", "evaluation_seconds"}


def others(stories: Sequence[Story]) -> list[Chart]:
    """Return a chart for each other figure of the log: step sizes, counts of a search."""
    plain = _PLAIN | (_OF_SEARCHES if any(story.networks for story in stories) else set())
    names = _names(stories, lambda n: n not in plain and not n.startswith("validation_"))
    charts = []
    for name in [name for name in names if _changes(stories, name)][:8]:
        chart = Chart(f"log-{name}", name.replace("_", " "), [], height=240)
        for place, story in enumerate(stories):
            line = {"color": colour(place) if len(stories) > 1 else "@held", "width": 1.6}
            _add(chart, story.log, name, text_of(story.name), line, place)
        charts.append(chart)
    return charts


def _changes(stories: Sequence[Story], name: str) -> bool:
    """Return whether a figure of the log is another one at some time."""
    return any(len({*numbers(story.log, name)} - {None}) > 1 for story in stories)


def _names(stories: Sequence[Story], wanted: Any) -> list[str]:
    """Return the fields of the logs that are wanted and are a number somewhere."""
    found = {
        name: None
        for story in stories
        for record in story.log
        for name, value in record.items()
        if wanted(name) and number(value) is not None
    }
    return list(found)


def _add(
    chart: Chart, log: Sequence[Record], name: str, label: str, line: Record, place: int
) -> None:
    """Add a curve of the log to a chart, if there is one."""
    values = numbers(log, name)
    places = thinned(values)
    if not places:
        return
    for axis in AXES:
        positions = numbers(log, axis)
        chart.axes.setdefault(axis, []).append([positions[at] for at in places])
    chart.data.append(
        {
            "type": "scatter",
            "mode": "lines" if len(places) > 1 else "markers",
            "x": chart.axes[AXES[0]][-1],
            "y": [values[at] for at in places],
            "name": label,
            "line": line,
            "marker": {"color": line["color"]},
            "legendgroup": f"run {place}",
        }
    )


def weights(story: Story, place: int) -> Chart | None:
    """Return the picture of 100 weights of the best network over the generations."""
    lines = [line for line in story.trace if isinstance(line.get("weights"), list)]
    if len(lines) < 2:
        return None
    at = _spaced([line["generation"] for line in lines], _COLUMNS)
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


def diversity(stories: Sequence[Story]) -> Chart | None:
    """Return how far the populations are spread."""
    chart = Chart("diversity", "Diversity: deviation of a weight over the population", [])
    for place, story in enumerate(stories):
        _add_traced(chart, story, "diversity", place, len(stories))
    chart.layout = {"xaxis": _GENERATION, "yaxis": {"rangemode": "tozero"}}
    return chart if chart.data else None


_GENERATION = {"title": {"text": "generation"}}


def _add_traced(chart: Chart, story: Story, name: str, place: int, runs: int) -> None:
    values = numbers(story.trace, name)
    places = thinned(values)
    if places:
        chart.data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [story.trace[at]["generation"] for at in places],
                "y": [values[at] for at in places],
                "name": text_of(story.name),
                "line": {"color": colour(place) if runs > 1 else "@held", "width": 1.6},
            }
        )


def operators(stories: Sequence[Story]) -> Chart | None:
    """Return the share of children that are better than their parents, over the generations."""
    chart = Chart("operators", "Children better than their parents", [])
    number_of = 0
    for story in stories:
        for name in operator_names(story)[:6]:
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
    spent = [(story, _phases(story)) for story in stories]
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
    at = _spaced([one[0] for one in line], 2 * _BUCKETS)
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


def _spaced(positions: Sequence[float], count: int) -> list[int]:
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


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[math.ceil(share * (len(ordered) - 1))] if ordered else 0.0
