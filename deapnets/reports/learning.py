"""Learning curves: fitness, figures of the validation split, and whatever else the log has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from deapnets.reports.charts import AXES, GROUPED, Chart, Look, buckets_for, looks, thinned, traced
from deapnets.reports.story import Record, Story, number, numbers


def fitness(stories: Sequence[Story]) -> Chart | None:
    """Return best and mean fitness of the generations, of all runs; of many runs the best alone."""
    searched = any(story.networks for story in stories)
    chart = Chart("fitness", "Fitness" if searched else "Fitness on the training rows", [])
    alone, many = len(stories) == 1, len(stories) > GROUPED
    for story, look in zip(stories, looks(stories, "@best"), strict=True):
        label = "" if alone else f"{look.name}, "
        runs = len(stories)
        _add(chart, story.log, "best", replace(look, name=f"{label}best"), runs)
        if not many:
            tint = "@mean" if alone else f"{look.colour}/0.5"
            mean = replace(look, name=f"{label}mean", colour=tint)
            _add(chart, story.log, "mean", mean, runs, dash="solid" if alone else "dot")
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
        for story, look in zip(stories, looks(stories), strict=True):
            _add(chart, story.log, name, look, len(stories))
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
        for story, look in zip(stories, looks(stories), strict=True):
            _add(chart, story.log, name, look, len(stories))
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
    chart: Chart, log: Sequence[Record], name: str, look: Look, runs: int, dash: str = "solid"
) -> None:
    """Add a curve of the log to a chart, if there is one."""
    values = numbers(log, name)
    places = thinned(values, buckets_for(runs))
    if not places:
        return
    for axis in AXES:
        positions = numbers(log, axis)
        chart.axes.setdefault(axis, []).append([positions[at] for at in places])
    line = {"color": look.colour, "width": 1.6, "dash": dash}
    shown = [values[at] for at in places]
    chart.data.append(traced(look, chart.axes[AXES[0]][-1], shown, line=line))
