"""Trees as text, and back: names and numbers are looked up, nothing is evaluated."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from deap import gp

from deapnets.errors import ArchitectureError, OptionError, suggest

Nodes = tuple[Any, ...]
"""Primitives and terminals of a tree, depth first: what `gp.PrimitiveTree` is a list of."""

_TOKEN = re.compile(r"[^\s(),]+|[(),]")


def is_constant(node: Any) -> bool:
    """Return whether a node is a number, which may be tuned: no argument and no named terminal."""
    return (
        node.arity == 0
        and isinstance(node.value, (int, float))
        and not isinstance(node.value, bool)
    )


def constant_like(node: Any, value: float) -> Any:
    """Return a node of the kind of a constant with another value; ephemerals stay ephemeral."""
    if isinstance(type(node), gp.MetaEphemeral):
        return _ephemeral(type(node), value)
    return gp.Terminal(value, False, node.ret)


def constants_of(nodes: Sequence[Any]) -> list[float]:
    """Return the constants of a tree, in order."""
    return [float(node.value) for node in nodes if is_constant(node)]


def with_constants(nodes: Sequence[Any], values: Sequence[float]) -> Nodes:
    """Return the tree with other constants, as many as it has."""
    left = iter(values)
    return tuple(constant_like(node, next(left)) if is_constant(node) else node for node in nodes)


def require_tree(nodes: Sequence[Any], pset: Any) -> Nodes:
    """Return the nodes as a tuple.

    Raises
    ------
    ArchitectureError
        When they are no whole tree, or a type does not fit: it says where.
    """
    row = tuple(nodes)
    waiting: list[tuple[Any, str]] = [(pset.ret, f"the result of {pset.name}")]
    for at, node in enumerate(row):
        if not waiting:
            raise ArchitectureError(f"The tree ends at node {at} of {len(row)}: the rest is loose.")
        wanted, place = waiting.pop()
        if not issubclass(node.ret, wanted):
            raise ArchitectureError(
                f"{node.name} is of type {_name(node.ret)}, and {place} is of {_name(wanted)}."
            )
        if node.arity:
            takes = [(kind, f"argument {i} of {node.name}") for i, kind in enumerate(node.args)]
            waiting.extend(reversed(takes))
    if waiting:
        raise ArchitectureError(f"The tree of {len(row)} nodes lacks {waiting[-1][1]}.")
    return row


def parse(text: str, pset: Any) -> Nodes:
    """Return the nodes of a text as `str` of a `gp.PrimitiveTree` writes it.

    Raises
    ------
    OptionError
        When a name is unknown, a number cannot be used, or brackets and commas do not fit.
    ArchitectureError
        When types do not fit.
    """
    tokens = _TOKEN.findall(text)
    if not tokens:
        raise OptionError(f"A program of {pset.name} is an expression, got nothing.")
    row: list[Any] = []
    end = _expression(tokens, pset, row, text)
    if end != len(tokens):
        raise OptionError(f"The program ends before {tokens[end]!r} in {_short(text)}.")
    return require_tree(row, pset)


def _expression(tokens: list[str], pset: Any, row: list[Any], text: str) -> int:
    """Append an expression's nodes, and return where it ends; a loop: trees may be deep."""
    open_: list[list[Any]] = []  # of each bracket: its primitive, and how many arguments it has
    at = 0
    while True:
        wanted = open_[-1][0].args[open_[-1][1]] if open_ else pset.ret
        node = _node(tokens[at] if at < len(tokens) else "", pset, wanted, text)
        row.append(node)
        at += 1
        if node.arity:
            at = _expect(tokens, at, "(", text)
            open_.append([node, 0])
            continue
        while open_:
            open_[-1][1] += 1
            if open_[-1][1] < open_[-1][0].arity:
                at = _expect(tokens, at, ",", text)
                break
            at = _expect(tokens, at, ")", text)
            open_.pop()
        if not open_:
            return at


def _expect(tokens: list[str], at: int, wanted: str, text: str) -> int:
    got = tokens[at] if at < len(tokens) else "the end"
    if got != wanted:
        raise OptionError(f"Expected {wanted!r}, got {got!r} in {_short(text)}.")
    return at + 1


def _node(token: str, pset: Any, wanted: Any, text: str) -> Any:
    known = pset.mapping.get(token)
    if known is not None and not isinstance(known, gp.MetaEphemeral):
        return known
    try:
        value: float = int(token) if re.fullmatch(r"[+-]?\d+", token) else float(token)
    except ValueError:
        names = [name for name, node in pset.mapping.items() if not isinstance(node, type)]
        near = suggest(token, names)
        raise OptionError(
            f"Unknown word {token!r} in {_short(text)}.{near} "
            f"Valid: {', '.join(sorted(names))}, and numbers."
        ) from None
    if not math.isfinite(value):
        raise OptionError(f"A constant is a finite number, got {token!r} in {_short(text)}.")
    return _constant(value, pset, wanted)


def _constant(value: float, pset: Any, wanted: Any) -> Any:
    """Return a number as an ephemeral constant of the set, where it has one of the type."""
    for kind in pset.mapping.values():
        if isinstance(kind, gp.MetaEphemeral) and issubclass(kind.ret, wanted):
            return _ephemeral(kind, value)
    return gp.Terminal(value, False, wanted)


def _ephemeral(kind: Any, value: float) -> Any:
    """Return an ephemeral constant of a value, without drawing one."""
    made = kind.__new__(kind)
    made.value = value
    return made


def subtrees(nodes: Sequence[Any]) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each subtree, the whole tree first."""
    ends = [0] * len(nodes)
    stack: list[int] = []
    for at in range(len(nodes) - 1, -1, -1):
        end = at + 1
        for _ in range(nodes[at].arity):
            end = ends[stack.pop()]
        ends[at] = end
        stack.append(at)
    yield from enumerate(ends)


def _name(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
