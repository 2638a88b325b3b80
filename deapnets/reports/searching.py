"""Figures of searches of architectures: every network as a dot, and the winner's ancestors."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple, final

from deapnets.errors import DeapnetsError
from deapnets.reports.charts import Chart, looks, text_of, traced
from deapnets.reports.page import Markup, markup
from deapnets.reports.story import Record, Story, number, numbers
from deapnets.reports.wiring import drawing, wirings
from deapnets.reports.words import figure

_DRAWN = 8  # ancestors that are drawn as networks
_DOTS = 4000
_COUNTED = 60  # networks whose weights are counted for the report


@final
class Network(NamedTuple):
    """One network that a search has scored: see ``trace.jsonl``."""

    number: int
    parent: int | None
    seconds: float
    fitness: float
    level: int
    size: float | None
    text: str
    reason: str | None  # why it could not be trained


def networks_of(story: Story) -> list[Network]:
    """Return the networks of a search whose fitness is known, in their order."""
    found = []
    for at, parent, seconds, fitness, level, size, text, reason in story.networks:
        if None in (number(at), number(seconds), number(fitness)):
            continue
        known = None if number(parent) is None else int(parent)
        stage = int(number(level) or 0)
        why = None if reason is None else str(reason)
        found.append(Network(int(at), known, seconds, fitness, stage, number(size), str(text), why))
    return found


def winner_of(story: Story, networks: Sequence[Network]) -> Network | None:
    """Return the network that the run saved; the best one where it has saved none."""
    text = story.best.get("architecture")
    same = [network for network in networks if network.text == text]
    level = max((network.level for network in networks), default=0)
    able = [network for network in networks if network.level == level]
    return max(same or able, key=lambda network: network.fitness, default=None)


def line_of(winner: Network | None, networks: Sequence[Network]) -> list[Network]:
    """Return the winner's ancestors, the oldest first, and the winner."""
    known = {network.number: network for network in networks}
    line = []
    while winner is not None:
        line.append(winner)
        before = known.get(winner.parent) if winner.parent is not None else None
        winner = before if before is not None and before.number < winner.number else None
    return line[::-1]


def dots(story: Story, place: int) -> Chart | None:
    """Return every network as a dot: what the search had cost by then, against its fitness."""
    networks = networks_of(story)
    if not networks:
        return None
    line = line_of(winner_of(story, networks), networks)
    able = [network for network in networks if network.reason is None]
    shown = able[:: -(-len(able) // _DOTS)] if able else []
    timed = max(network.seconds for network in networks) > 0
    data = [
        _scatter(shown, "a network", timed, {"color": "@mean/0.6", "size": 6}),
        {
            **_scatter(line, "the winner and its ancestors", timed, {"color": "@best", "size": 7}),
            "mode": "lines+markers",
            "line": {"color": "@best", "width": 1.5},
        },
    ]
    title = "seconds of evaluations" if timed else "evaluations"
    layout = {
        "xaxis": {"title": {"text": title}},
        "yaxis": {"title": {"text": "fitness"}, **_span(shown)},
        "hovermode": "closest",
        "showlegend": True,
    }
    failed = len(networks) - len(able)
    note = f"{len(able):,} networks; {failed:,} more could not be trained." if failed else ""
    return Chart(
        f"dots-{place}", "Every network that was scored", data, layout, note=note, height=400
    )


def _span(networks: Sequence[Network]) -> Record:
    """Return the range of an axis without the worst twentieth, which would hide the rest."""
    values = sorted(network.fitness for network in networks)
    if len(values) < 40:
        return {}
    low, high = values[len(values) // 20], values[-1]
    return {"range": [low - 0.1 * (high - low), high + 0.06 * (high - low)]}


def _scatter(networks: Sequence[Network], name: str, timed: bool, marker: Record) -> Record:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [network.seconds if timed else network.number for network in networks],
        "y": [network.fitness for network in networks],
        "text": [f"{network.number}: {text_of(_short(network.text))}" for network in networks],
        "hovertemplate": "%{text}<br>%{y:.4f}<extra></extra>",
        "marker": marker,
    }


def _short(text: str) -> str:
    return text if len(text) <= 90 else f"{text[:87]}..."


def pareto(story: Story, place: int) -> Chart | None:
    """Return fitness against weights, and those that no network beats in both."""
    networks = [n for n in networks_of(story) if n.reason is None]
    distinct = list(
        {network.text: network for network in sorted(networks, key=lambda n: n.fitness)}.values()
    )
    if not any(network.size for network in distinct):
        distinct = _counted(story, distinct[-_COUNTED:])
    sized = [network for network in distinct if network.size]
    if len(sized) < 2:
        return None
    front = _front(sized)
    data: list[Record] = [
        _sized(sized, "a network", {"color": "@mean/0.6", "size": 6}),
        {
            **_sized(front, "not beaten in both", {"color": "@held", "size": 8}),
            "mode": "lines+markers",
            "line": {"color": "@held", "width": 1.5, "shape": "hv"},
        },
    ]
    layout = {
        "xaxis": {"title": {"text": "weights"}, **_scale([network.size for network in sized])},
        "yaxis": {"title": {"text": "fitness"}, **_span(sized)},
        "hovermode": "closest",
        "showlegend": True,
    }
    some = len(networks) > len(sized) and not any(n.size for n in networks)
    note = f"The best {len(sized):,} different networks." if some else ""
    return Chart(f"pareto-{place}", "Fitness against weights", data, layout, note=note, height=400)


def _scale(sizes: Sequence[float | None]) -> Record:
    """Return a linear axis, or one of decades where sizes differ by more than two of them."""
    known = [size for size in sizes if size]
    return {"type": "log", "dtick": 1} if max(known) > 100 * min(known) else {}


def _sized(networks: Sequence[Network], name: str, marker: Record) -> Record:
    sizes = [network.size for network in networks]
    return {
        **_scatter(networks, name, False, marker),
        "x": sizes,
        "hovertemplate": "%{text}<br>%{x:,} weights, %{y:.4f}<extra></extra>",
    }


def _front(networks: Sequence[Network]) -> list[Network]:
    """Return the networks that none beats in weights and fitness, by their weights."""
    front: list[Network] = []
    for network in sorted(networks, key=lambda n: (n.size or 0.0, -n.fitness)):
        if not front or network.fitness > front[-1].fitness:
            front.append(network)
    return front


def _counted(story: Story, networks: Sequence[Network]) -> list[Network]:
    """Return networks with their weights, as far as the space can count them."""
    space = _space(story)
    if space is None:
        return []
    found = []
    for network in networks:
        with contextlib.suppress(DeapnetsError):  # nothing to train, or of another space
            size = space.parse(network.text).parameters()
            found.append(network._replace(size=size))
    return found


def _space(story: Story) -> Any:
    """Return one of the published spaces, by its name; None for another one."""
    from deapnets.architectures.cells import NASBENCH201, NASNET

    described = story.config.get("space")
    return next((s for s in (NASBENCH201, NASNET) if s.describe() == described), None)


def variety(stories: Sequence[Story]) -> Chart | None:
    """Return how many different networks were proposed, beside how many at all."""
    chart = Chart("variety", "Different networks among those proposed", [])
    for story, look in zip(stories, looks(stories), strict=True):
        if story.networks and any("distinct" in record for record in story.log):
            proposed, distinct = (numbers(story.log, name) for name in ("proposals", "distinct"))
            chart.data.append(traced(look, proposed, distinct))
    chart.layout = {"xaxis": {"title": {"text": "proposed"}}, "yaxis": {"rangemode": "tozero"}}
    return chart if chart.data else None


def improvements(story: Story) -> tuple[int, int] | None:
    """Return how many networks are children, and how many of them are better than their parent."""
    networks = networks_of(story)
    known = {network.number: network for network in networks}
    pairs = [
        (network, known[network.parent])
        for network in networks
        if network.parent in known and network.level == known[network.parent].level
    ]
    if not pairs:
        return None
    return len(pairs), sum(child.fitness > parent.fitness for child, parent in pairs)


def ancestors_drawn(story: Story) -> Markup:
    """Return the winner's line as drawings, oldest first; nothing for texts of another kind."""
    networks = networks_of(story)
    line = line_of(winner_of(story, networks), networks)
    line = [one for at, one in enumerate(line) if not at or one.text != line[at - 1].text]
    if len(line) > _DRAWN:
        line = [line[at * (len(line) - 1) // (_DRAWN - 1)] for at in range(_DRAWN)]
    parts = []
    for network in line:
        drawn = [drawing(one) for one in wirings(network.text)]
        if any(drawn):
            parts.append(
                markup(
                    "<figure><h3>{title}</h3>{drawn}<figcaption>{text}</figcaption></figure>",
                    title=f"Evaluation {network.number}: {_fitness(network)}",
                    drawn=drawn,
                    text=network.text,
                )
            )
    return markup('<div class="figures">{parts}</div>', parts=parts) if parts else Markup()


def retrained(story: Story) -> list[list[str]]:
    """Return what `deapnets retrain` has found of each of the best, a row of texts each."""
    written = story.retrain.get("candidates")
    rows = []
    for one in written if isinstance(written, list) else []:
        if isinstance(one, dict):
            figures = [number(one.get(name)) for name in ("searched", "mean", "deviation", "gap")]
            texts = ["-" if value is None else f"{value:.4f}" for value in figures]
            rows.append([str(one.get("rank")), *texts, str(one.get("architecture"))])
    return rows


def _fitness(network: Network) -> str:
    likely = 0.0 <= network.fitness <= 1.0
    return figure("accuracy" if likely else "fitness", network.fitness)
