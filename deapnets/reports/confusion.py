"""Which classes a network takes for which: a matrix, and the worst mistakes as pictures."""

from __future__ import annotations

import base64

from deapnets.plugins.scripts import is_script
from deapnets.reports import page
from deapnets.reports.charts import Chart
from deapnets.reports.page import Markup, markup
from deapnets.reports.pixels import png
from deapnets.reports.story import Record, Story, number
from deapnets.runs.directory import RunDirectory

_FEW = 12
"""Classes up to which there is room for counts in the cells."""

_AXES: Record = {
    "xaxis": {"title": {"text": "taken for"}, "type": "category", "showgrid": False},
    "yaxis": {
        "title": {"text": "true class"},
        "type": "category",
        "autorange": "reversed",
        "showgrid": False,
    },
}


def look_for_mistakes(story: Story) -> None:
    """Find the mistakes of a run that wrote none down, on the validation split.

    An older run, or one that has not finished. Where evaluator or data are not there, the story
    says so.
    """
    if story.mistakes or not (story.path / "best.safetensors").is_file():
        return
    if is_script(str(story.config.get("distribution"))):
        story.missing.append(
            "There is no confusion matrix: the evaluator is a file, and a report runs none."
        )
        return
    try:
        story.mistakes = _found(story) or {}
    except Exception as error:  # whatever a plugin raises: the rest of the report is there
        story.missing.append(f"There is no confusion matrix: {' '.join(str(error).split())}")


def _found(story: Story) -> Record | None:
    from deapnets.evaluators.mistakes import find_mistakes
    from deapnets.evaluators.supervised import SupervisedTask
    from deapnets.runs.exporting import best_network

    best = best_network(RunDirectory(story.path), any_version=True)
    if not isinstance(best.evaluator, SupervisedTask) or not best.evaluator.classifies:
        return None
    splits = best.evaluator.splits
    held = splits.validation
    name = "training" if held is None else "validation"
    return find_mistakes(best.network, splits.train if held is None else held, name)


def matrix(story: Story, place: int) -> Chart | None:
    """Return the confusion matrix: a row a true class, in parts of that class."""
    counts = _counts(story)
    if counts is None:
        return None
    note = (
        f"{sum(map(sum, counts)):,} rows of the {story.mistakes.get('split')} split. A row is a "
        "true class, a column what it was taken for; only mistakes are coloured, by their part of "
        "the class."
    )
    return Chart(
        f"confusion-{place}",
        "Which class is taken for which",
        [_heatmap(counts)],
        _AXES,
        note=note,
        height=440,
    )


def _heatmap(counts: list[list[int]]) -> Record:
    """Return the counts as Plotly takes them; what is right has no colour."""
    names = [str(at) for at in range(len(counts))]
    wrong = [
        [None if at == to else count / max(sum(row), 1) for to, count in enumerate(row)]
        for at, row in enumerate(counts)
    ]
    reach = max((value for row in wrong for value in row if value is not None), default=0) or 1.0
    return {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": wrong,
        "zmin": 0,
        "zmax": reach,
        "colorscale": "@mistakes",
        "customdata": counts,
        "hovertemplate": "%{y} taken for %{x}: %{customdata} (%{z:.1%})<extra></extra>",
        "colorbar": {"thickness": 10, "outlinewidth": 0, "tickformat": ".0%"},
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
        **(_written(counts) if len(counts) <= _FEW else {}),
    }


def _written(counts: list[list[int]]) -> Record:
    """Return the counts as text in the cells; none where nothing was mistaken."""
    shown = [
        [str(count) if count or at == to else "" for to, count in enumerate(row)]
        for at, row in enumerate(counts)
    ]
    return {"text": shown, "texttemplate": "%{text}", "textfont": {"color": "@ink"}}


def classes_in_words(story: Story) -> str:
    """Return which class is told best, and which worst; nothing where no matrix is known."""
    counts = _counts(story)
    if counts is None:
        return ""
    shares = {at: row[at] / sum(row) for at, row in enumerate(counts) if sum(row)}
    if not shares:
        return ""
    best, worst = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    most = max(map(sum, counts)) / max(sum(map(sum, counts)), 1)
    if shares[worst] == 1.0:
        return "No row is told wrong."
    return (
        f"Class {best} is told best ({100 * shares[best]:.1f} %), class {worst} worst "
        f"({100 * shares[worst]:.1f} %). Always saying the most frequent class would be right "
        f"{100 * most:.1f} % of the time."
    )


def worst(story: Story) -> Markup:
    """Return the mistakes that the network was surest of, as pictures."""
    parts = []
    written = story.mistakes.get("worst")
    for one in written if isinstance(written, list) else []:
        picture = _picture(one) if isinstance(one, dict) else None
        if picture is not None:
            sure = number(one.get("probability"))
            parts.append(
                markup(
                    "<figure>{image}<figcaption>{target}, taken for {predicted}{sure}</figcaption>"
                    "</figure>",
                    image=page.image(picture, f"row {one.get('row')}"),
                    target=one.get("target"),
                    predicted=one.get("predicted"),
                    sure="" if sure is None else f" ({100 * sure:.0f}\N{NO-BREAK SPACE}%)",
                )
            )
    return markup('<div class="faces">{parts}</div>', parts=parts) if parts else Markup()


def _counts(story: Story) -> list[list[int]] | None:
    """Return the matrix of a sound file, or None."""
    rows = story.mistakes.get("confusion")
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return None
    if not rows or any(len(row) != len(rows) for row in rows):
        return None
    if any(not isinstance(count, int) or count < 0 for row in rows for count in row):
        return None
    return rows


def _picture(one: Record) -> bytes | None:
    """Return a row as a PNG; None where it is no picture."""
    try:
        height, width, channels = one["shape"]
        pixels = base64.b64decode(one["pixels"], validate=True)
        sound = 0 < height <= 4096 and 0 < width <= 4096 and channels in (1, 3)
        return png(pixels, height, width, channels) if sound else None
    except (KeyError, TypeError, ValueError):
        return None
