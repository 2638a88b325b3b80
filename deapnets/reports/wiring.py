"""Architectures as drawings: vertices from left to right, operations as arcs between them.

Drawn from an architecture's text as the page's own SVG: it takes the colours of the page, and
nothing of the space that it is from has to be installed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from deapnets.reports.page import Markup, markup

_STEP, _MARGIN, _TOP = 96, 34, 26
_MOST = 80  # edges above which a drawing shows nothing


class Edge(NamedTuple):
    """An operation from one vertex to another."""

    source: int
    target: int
    label: str


class Wiring(NamedTuple):
    """One cell or graph."""

    title: str
    vertices: list[str]
    inputs: int  # how many of the vertices are inputs
    edges: list[Edge]


def wirings(text: str) -> list[Wiring]:
    """Return the graphs of an architecture's text; empty where it is written in another way.

    ``|operation~source|+|...|`` is a cell, ``0:linear 1:relu 0-1:conv3x3x16/1`` a graph.
    """
    if re.fullmatch(r"(\S+:)?\|[^ ]*~\d+\|( \S+:\|[^ ]*~\d+\|)*", text):
        return [_cell(word) for word in text.split()]
    edges = [Edge(int(m[1]), int(m[2]), m[3]) for m in re.finditer(r"\b(\d+)-(\d+):(\S+)", text)]
    names = re.findall(r"(?:^| )(\d+):(linear|relu)\b", text)
    if not edges or max(max(edge.source, edge.target) for edge in edges) >= len(names):
        return []
    vertices = ["input", *(kind for _, kind in names[1:])]
    return [Wiring(text.split()[0], vertices, 1, edges)]


def _cell(word: str) -> Wiring:
    title, _, body = word.rpartition(":")
    combinations = [part.strip("|").split("|") for part in body.split("+")]
    terms = [[term.rpartition("~") for term in combination] for combination in combinations]
    inputs = 1 if not title else 2
    edges = [
        Edge(int(source), inputs + at, operation)
        for at, combination in enumerate(terms)
        for operation, _, source in combination
        if source.isdigit() and int(source) < inputs + at
    ]
    names = ["input"] if inputs == 1 else ["input 0", "input 1"]
    return Wiring(title, [*names, *(str(inputs + at) for at in range(len(terms)))], inputs, edges)


def drawing(wiring: Wiring) -> Markup:
    """Return a graph as SVG; nothing where it is too large to be read."""
    if len(wiring.edges) > _MOST or len(wiring.vertices) > _MOST:
        return Markup()
    arcs = _arcs(wiring)
    up = max((height for _, height in arcs if height > 0), default=0)
    down = max((-height for _, height in arcs if height < 0), default=0)
    middle = up + _TOP
    width = _STEP * (len(wiring.vertices) - 1) + 2 * _MARGIN
    tall = middle + down + _TOP
    parts = [_arc(edge, height, middle) for edge, height in arcs]
    parts += [_label(edge, height, middle) for edge, height in arcs]
    parts += [_box(wiring, at, middle) for at in range(len(wiring.vertices))]
    return markup(
        '<div class="scroll"><svg class="net" role="img" aria-label="{title}" '
        'viewBox="0 0 {width} {tall}" width="{width}" height="{tall}">{parts}</svg></div>',
        title=wiring.title or "cell",
        width=width,
        tall=tall,
        parts=parts,
    )


def _arcs(wiring: Wiring) -> list[tuple[Edge, int]]:
    """Return each edge with the height of its arc: above the vertices, or below."""
    drawn: dict[tuple[int, int], int] = {}
    found = []
    for edge in wiring.edges:
        again = drawn[edge[:2]] = drawn.get(edge[:2], -1) + 1
        span = edge.target - edge.source
        side = 1 if (edge.target + again) % 2 else -1
        found.append((edge, side * (18 + 24 * span + 20 * (again // 2))))
    return found


def _x(vertex: int) -> int:
    return _MARGIN + _STEP * vertex


def _arc(edge: Edge, height: int, middle: int) -> Markup:
    top = middle - 4 * height // 3  # a cubic reaches three quarters of the way
    start, end = _x(edge.source), _x(edge.target)
    path = f"M{start} {middle}C{start} {top} {end} {top} {end} {middle}"
    return markup('<path class="edge" d="{path}"/>', path=path)


def _label(edge: Edge, height: int, middle: int) -> Markup:
    return markup(
        '<text class="label" x="{x}" y="{y}" text-anchor="middle">{text}</text>',
        x=(_x(edge.source) + _x(edge.target)) / 2,
        y=middle - height + (-4 if height > 0 else 12),
        text=edge.label,
    )


def _box(wiring: Wiring, at: int, middle: int) -> Markup:
    return markup(
        '<g><rect class="box {kind}" x="{x}" y="{y}" width="54" height="22" rx="5"/>'
        '<text x="{at}" y="{base}" text-anchor="middle">{name}</text></g>',
        kind="in" if at < wiring.inputs else "",
        x=_x(at) - 27,
        y=middle - 11,
        at=_x(at),
        base=middle + 4,
        name=wiring.vertices[at],
    )
