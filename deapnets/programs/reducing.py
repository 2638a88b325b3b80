"""Smaller trees that compute the same on the probe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from deap import gp

from deapnets.errors import EvaluationError
from deapnets.programs.compiling import Programs
from deapnets.programs.spaces import ProgramSpace
from deapnets.programs.trees import Nodes, parse, subtrees


def reduced(nodes: Sequence[Any], space: ProgramSpace) -> Nodes:
    """Return a tree without what does not matter on the space's probe.

    Sub-trees are replaced by a number that they equal, or by a part of themselves, as long as the
    whole still has the same `ProgramSpace.key`. The result is not always the smallest.
    """
    best = _folded(tuple(nodes), space)
    key = space.key(best)
    while True:
        smaller = next((one for one in _smaller(best, space) if space.key(one) == key), None)
        if smaller is None:
            return best
        best = smaller


def _smaller(nodes: Nodes, space: ProgramSpace) -> Iterator[Nodes]:
    """Yield the trees in which a sub-tree gave way to a part of it or to 0 or 1, large cuts first.

    All candidates are named together before the first is looked at.
    """
    ends = dict(subtrees(nodes))
    found: list[Nodes] = []
    for begin, end in ends.items():
        if end == begin + 1:
            continue
        parts = [nodes[inner : ends[inner]] for inner in range(begin + 1, end)]
        parts += [parse(text, space.pset) for text in ("0.0", "1.0")]
        fitting = [part for part in parts if issubclass(part[0].ret, nodes[begin].ret)]
        found += [(*nodes[:begin], *part, *nodes[end:]) for part in fitting]
    found.sort(key=len)
    space.keys(found[:2000])
    yield from found[:2000]


def _folded(nodes: Nodes, space: ProgramSpace) -> Nodes:
    """Return the tree with sub-trees that hold no argument as the numbers that they are."""
    row: list[Any] = []
    at = 0
    ends = dict(subtrees(nodes))
    while at < len(nodes):
        part = nodes[at : ends[at]]
        free = all(node.arity or not isinstance(node.value, str) for node in part)
        value = _value(part, space) if free and len(part) > 1 else None
        constant = () if value is None else parse(repr(value), space.pset)
        if constant and issubclass(constant[0].ret, nodes[at].ret):
            row.extend(constant)
            at = ends[at]
        else:
            row.append(nodes[at])
            at += 1
    return tuple(row)


def _value(part: Nodes, space: ProgramSpace) -> float | None:
    """Return the number that a sub-tree is; None where it is none that can be written."""
    try:
        with torch.no_grad():
            (output,) = Programs([gp.PrimitiveTree(part)], space.pset)(*space.probe)
    except EvaluationError:
        return None
    value = float(output.flatten()[0])
    return value if -1e300 < value < 1e300 else None
