"""`report_of`: one page about one run, or several beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, final

from deapnets.reports import confusion, evolving, learning, page, searching, words
from deapnets.reports.charts import GROUPED, Chart
from deapnets.reports.page import Markup, chart_of, figures_of, markup, paragraph, section, table
from deapnets.reports.repeating import command_of
from deapnets.reports.story import Story, number, record_of

_SHOWN = 4
"""Runs of which there is a picture each, where a picture shows one run."""
_FAULTS = 50
_SAME = ("status", "evaluator", "algorithm", "parameters")  # no column where all runs have the same


def report_of(stories: Sequence[Story]) -> str:
    """Return the report as one HTML page.

    Raises
    ------
    PluginError
        When Plotly is not installed.
    """
    return _Report(stories).html()


@final
class _Report:
    """The sections of a report, and the charts that they have asked for."""

    def __init__(self, stories: Sequence[Story]) -> None:
        self._stories = stories
        self._charts: list[Chart] = []
        firsts = {story.settings: story for story in reversed(stories)}.values()
        others = [story for story in stories if all(story is not first for first in firsts)]
        self._shown = [*reversed(firsts), *others][:_SHOWN]  # of each setting one, if there is room

    def html(self) -> str:
        """Return the page."""
        names = ", ".join(story.name for story in self._stories[:3])
        more = len(self._stories) - 3
        title = f"{names} and {more} more" if more > 0 else names
        sections = [
            self._head(title),
            markup("<main>{parts}</main>", parts=[part for part in self._sections() if part]),
            markup("<footer>{text}</footer>", text=self._foot()),
        ]
        return page.page(f"{title} - deapnets report", sections, self._charts)

    def _sections(self) -> Iterator[Markup]:
        yield self._verdicts()
        yield self._missing()
        yield section("Summary", self._summary())
        yield self._curves()
        yield section("Weights", figures_of(self._per_run(evolving.weights)))
        yield self._searches()
        yield self._mistakes()
        yield self._evolution()
        yield self._lineages()
        yield self._pictures()
        yield self._faults()
        yield section("Machine and versions", self._environments())
        yield self._commands()

    def _head(self, title: str) -> Markup:
        config = self._stories[0].config
        about = f"{config.get('evaluator')} by {config.get('algorithm')}, seed {config.get('seed')}"
        sub = about if len(self._stories) == 1 else f"{len(self._stories)} runs"
        return markup(
            '<header><h1>{title}</h1><p class="sub">{sub}</p></header>', title=title, sub=sub
        )

    def _foot(self) -> str:
        where = ", ".join(str(story.path) for story in self._stories[:10])
        return f"Made by deapnets report from {where}. The page loads nothing from a network."

    def _verdicts(self) -> Markup:
        texts = [words.verdict(story) for story in self._stories]
        if len(texts) == 1:
            return _box(texts[0])
        own = [f"{s.name}: {' '.join(said)}" for s, said in zip(self._stories, texts, strict=True)]
        if len(own) <= GROUPED:
            return _box([*words.together(self._stories), *own])
        each = markup(
            "<details><summary>Each of them</summary>{parts}</details>",
            parts=[paragraph(text) for text in own],
        )
        return _box([*words.together(self._stories), *_exceptions(self._stories), each])

    def _missing(self) -> Markup:
        texts = [text for story in self._stories for text in story.missing]
        return _box(["Some of it is not there:", *texts], "missing") if texts else Markup()

    def _summary(self) -> Markup:
        """Return the facts of a single run, or a table with a row a run."""
        found = [_facts(story) for story in self._stories]
        if len(found) == 1:
            return page.facts(found[0])
        names = list(dict.fromkeys(name for one in found for name in one))
        names = [name for name in names if name not in _SAME or len({*_column(found, name)}) > 1]
        rows = [
            [story.name, *(one.get(name, "") for name in names)]
            for story, one in zip(self._stories, found, strict=True)
        ]
        return table(["run", *names], rows)

    def _curves(self) -> Markup:
        charts = [learning.fitness(self._stories), *learning.held_out(self._stories)]
        shown = [self._show(chart) for chart in charts]
        return section("Learning curves", _AXIS if any(shown) else "", figures_of(shown))

    def _searches(self) -> Markup:
        dots, fronts = self._per_run(searching.dots), self._per_run(searching.pareto)
        parts: list[object] = [figures_of([*dots, *fronts])]
        for story in self._shown:
            drawn = searching.ancestors_drawn(story)
            if drawn:
                whose = f" of {story.name}" if len(self._stories) > 1 else ""
                text = f"The winner{whose} and whom it descends from, the oldest first:"
                parts.append(paragraph(text))
                parts.append(drawn)
        for story in self._shown:
            saved = story.best.get("architecture")
            if isinstance(saved, str):
                whose = f" by {story.name}" if len(self._stories) > 1 else ""
                parts += [paragraph(f"Saved{whose}:"), markup("<pre>{saved}</pre>", saved=saved)]
        header = ["rank", "search", "again", "deviation", "gap", "architecture"]
        for story in self._shown:
            rows = searching.retrained(story)
            if rows:
                whose = f" of {story.name}" if len(self._stories) > 1 else ""
                parts.append(paragraph(f"The best{whose} trained again, on other seeds:"))
                parts.append(table(header, rows))
        return section("Architectures", *parts)

    def _mistakes(self) -> Markup:
        shown = self._per_run(confusion.matrix)
        parts: list[object] = [figures_of(shown)]
        for story in self._shown:
            named = f"{story.name}: " if len(self._stories) > 1 else ""
            said = confusion.classes_in_words(story)
            parts.append(paragraph(named + said) if said else "")
            faces = confusion.worst(story)
            if faces:
                parts += [paragraph(f"{named}The mistakes that it was surest of:"), faces]
        return section("Mistakes", *parts)

    def _evolution(self) -> Markup:
        stories = self._stories
        charts = [
            evolving.diversity(stories),
            searching.variety(stories),
            evolving.operators(stories),
            *learning.others(stories),
        ]
        shown = [self._show(evolving.phases(stories), wide=True), *map(self._show, charts)]
        shown += self._per_run(evolving.matrix)
        return section("How it evolved", figures_of(shown), self._operators())

    def _operators(self) -> Markup:
        rows = []
        for story in self._stories:
            for name, (count, better) in evolving.operator_counts(story).items():
                share = f"{100 * better / count:.2f} %" if count else "-"
                rows.append([story.name, name, f"{count:,}", f"{better:,}", share])
            children = searching.improvements(story)
            if children is not None:
                count, better = children
                share = f"{100 * better / count:.2f} %"
                rows.append([story.name, "mutation", f"{count:,}", f"{better:,}", share])
        header = ["run", "operators", "children", "better", "share"]
        skipped = len(self._stories) == 1  # the column that says which run
        return table(header[skipped:], [row[skipped:] for row in rows])

    def _lineages(self) -> Markup:
        parts: list[object] = [figures_of(self._per_run(evolving.lineage))]
        for story in self._shown:
            if evolving.ancestors(story):
                named = f"{story.name}: " if len(self._stories) > 1 else ""
                parts.append(paragraph(named + words.line_in_words(story), "note"))
        return section("Genealogy of the best", *parts)

    def _pictures(self) -> Markup:
        parts = [
            markup(
                "<figure>{image}<figcaption>{name}</figcaption></figure>",
                image=page.image(content, name),
                name=f"{story.name}: {name}" if len(self._stories) > 1 else name,
            )
            for story in self._shown
            for name, content in story.pictures
        ]
        grid = markup('<div class="images">{parts}</div>', parts=parts) if parts else Markup()
        return section("Pictures", grid)

    def _faults(self) -> Markup:
        rows = [
            [story.name, page.plain(fault.get("generation")), page.plain(_without(fault))]
            for story in self._stories
            for fault in _list(story.result.get("faults"))
            if isinstance(fault, dict)
        ]
        more = len(rows) - _FAULTS
        left = paragraph(f"{more:,} more stand in result.json.", "note") if more > 0 else ""
        return section("Faults", table(["run", "generation", "what"], rows[:_FAULTS]), left)

    def _environments(self) -> Markup:
        """Return the machine's facts; runs whose facts are equal share a list."""
        shared: dict[str, list[Story]] = {}
        for story in self._stories:
            if story.environment:
                shared.setdefault(repr(_machine(story.environment)), []).append(story)
        parts: list[Markup] = []
        for stories in shared.values():
            if len(shared) > 1:
                names = ", ".join(story.name for story in stories)
                parts.append(markup("<h3>{names}</h3>", names=names))
            parts.append(page.facts(_machine(stories[0].environment)))
        return page.joined(parts)

    def _commands(self) -> Markup:
        parts: list[object] = []
        for story in self._stories:
            if len(self._stories) > 1:
                parts.append(markup("<h3>{name}</h3>", name=story.name))
            parts.append(markup("<pre>{text}</pre>", text=" \\\n  ".join(command_of(story))))
        timed = record_of(self._stories[0].config.get("budget")).get("seconds") is not None
        parts.append(paragraph(_TIMED if timed else _EXACT, "note"))
        return section("Run it again", *parts)

    def _per_run(self, draw: Any) -> list[Markup]:
        """Return a chart of each of the first runs."""
        shown = []
        for place, story in enumerate(self._shown):
            chart = draw(story, place)
            if chart is not None and len(self._stories) > 1:
                chart.title = f"{story.name}: {chart.title}"
            shown.append(self._show(chart, wide=len(self._stories) == 1))
        return shown

    def _show(self, chart: Chart | None, wide: bool = False) -> Markup:
        if chart is not None:
            runs = len(self._stories)
            chart.layout.setdefault("showlegend", len(chart.data) > 1)
            if chart.layout["showlegend"] and runs > 1:
                named = sum(trace.get("showlegend", True) for trace in chart.data)
                chart.height += 14 * max(0, named - 3)
            self._charts.append(chart)
        return chart_of(chart, wide)


_AXIS = Markup(
    '<p><label>drawn against<select id="axis"><option>generation<option>evaluations'
    "<option>seconds</select></label></p>"
)
_EXACT = (
    "With the versions above, on a machine of this kind, it gives the same run to the bit, in a "
    "new directory."
)
_TIMED = (
    "A budget of seconds ends where the clock says: with the same versions it gives a run like "
    "this one. With --generations instead it is the same to the bit."
)


def _exceptions(stories: Sequence[Story]) -> list[str]:
    """Return a sentence about the runs that did not finish."""
    open_ones = [story.name for story in stories if story.status != "finished"]
    return [f"Not finished: {', '.join(open_ones)}."] if open_ones else []


def _box(texts: Sequence[str], kind: str = "") -> Markup:
    parts = [text if isinstance(text, Markup) else paragraph(text) for text in texts]
    return markup('<div class="verdict {kind}">{parts}</div>', kind=kind, parts=parts)


def _column(rows: Sequence[dict[str, str]], name: str) -> list[str]:
    return [row.get(name, "") for row in rows]


def _facts(story: Story) -> dict[str, str]:
    """Return what the summary says of a run."""
    last, config = story.last, story.config
    found = {
        "status": story.status,
        "evaluator": page.plain(config.get("evaluator")),
        "algorithm": page.plain(config.get("algorithm")),
        "seed": page.plain(config.get("seed")),
        "generations": f"{last['generation']:,}" if last else "0",
    }
    for name in ("evaluations", "seconds"):
        value = number(last.get(name))
        if value is not None:
            found[name] = f"{value:,.0f}" if name == "evaluations" else f"{value:,.1f}"
    best = number(story.best.get("fitness"))
    if best is not None:
        found["fitness"] = f"{best:.5g}"
    metrics = {name: words.figure(name, value) for name, value in story.metrics().items()}
    return found | {name.replace("_", " "): text for name, text in metrics.items()}


def _machine(environment: dict[str, Any]) -> dict[str, str]:
    """Return versions and hardware, a text each."""
    found = {
        name.replace("_", " "): page.plain(value)
        for name, value in environment.items()
        if name not in ("versions", "memory_bytes")
    }
    memory = number(environment.get("memory_bytes"))
    if memory is not None:
        found["memory"] = f"{memory / 2**30:.1f} GB"
    versions = record_of(environment.get("versions"))
    return found | {name: page.plain(version) for name, version in versions.items()}


def _without(fault: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fault.items() if name != "generation"}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
