"""Networks as a table of weights and recipes, and back.

A network that is held as weights is stored by the recipe it was made by, where that is known and
its parents are stored already: a few dozen bytes instead of all its weights. What is read is made
again, generation by generation, with the same bits.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, final

import torch

from deapnets.errors import RunError
from deapnets.genomes.layout import DTYPES, Layout
from deapnets.genomes.making import make
from deapnets.genomes.nodes import Node, Parameters, Recipe
from deapnets.operators.contract import find_operator

Rows = torch.Tensor | list[torch.Tensor]

_LOT = 1 << 22
"""Weights that are made at once."""


class Origin(NamedTuple):
    """The recipe of a network, its parents by their digests: no network is held by it."""

    layout: Layout
    operator: str
    parameters: Parameters
    seed: int
    parents: tuple[str, ...]
    held: bool  # whether it is held as weights, or was


@final
class Lineage:
    """Recipes of networks that are about to be made, and may be held as weights from then on.

    Attributes
    ----------
    origins
        The recipes since `forget`, under the networks' digests.
    """

    def __init__(self) -> None:
        self.origins: dict[str, Origin] = {}

    def note(self, node: Node) -> None:
        """Remember how a network and those on the way to it come about.

        Not where an operator stores its result: that may differ by a bit when it is made again.
        """
        found = _origins_of(node)
        if found is not None:
            self.origins.update(found)

    def forget(self) -> None:
        """Remember nothing: all networks that live are stored."""
        self.origins.clear()


def _origins_of(node: Node) -> dict[str, Origin] | None:
    """Return the recipes from a network down to weights; None where one is not to be repeated."""
    found: dict[str, Origin] = {}
    stack = [node]
    while stack:
        top = stack.pop()
        if top.recipe is None or top.digest in found:
            continue
        if top.recipe.operator.keep:
            return None
        found[top.digest] = _origin(top, top.recipe, held=top is node)
        stack.extend(top.recipe.parents)
    return found


def _origin(node: Node, recipe: Recipe, *, held: bool) -> Origin:
    parents = tuple(parent.digest for parent in recipe.parents)
    return Origin(
        node.layout, recipe.operator.reference, recipe.parameters, recipe.seed, parents, held
    )


@final
class NetworkWriter:
    """Fills the tables of a document: parents before children, each network once.

    Parameters
    ----------
    known
        Digests of networks that are stored elsewhere.
    origins
        Recipes of networks that are held as weights, by their digests.
    """

    def __init__(self, known: Container[str], origins: Mapping[str, Origin]) -> None:
        self._known, self._origins = known, origins
        self._stored: set[str] = set()
        self.networks: list[list[Any]] = []
        self.layouts: dict[Layout, int] = {}
        self.operators: dict[tuple[str, Parameters], int] = {}
        self.rows: dict[str, list[torch.Tensor]] = {}

    def store(self, node: Node) -> str:
        """Add a network to the table, after those it is made from; return its digest."""
        stack = [node]
        while stack:
            top = stack[-1]
            parents = () if top.recipe is None else top.recipe.parents
            missing = [parent for parent in parents if not self._has(parent.digest)]
            if missing and not self._has(top.digest):
                stack.extend(missing)
                continue
            stack.pop()
            if not self._has(top.digest):
                self._add(top)
        return node.digest

    def _has(self, digest: str) -> bool:
        return digest in self._stored or digest in self._known

    def _add(self, node: Node) -> None:
        if node.recipe is not None:
            self._write(node.digest, _origin(node, node.recipe, held=False))
            return
        derived = self._derivation(node.digest)
        for digest in derived:
            self._write(digest, self._origins[digest])
        if not derived:
            layout = self.layouts.setdefault(node.layout, len(self.layouts))
            rows = self.rows.setdefault(f"weights.{layout}", [])
            assert node.weights is not None  # it is no recipe
            rows.append(node.weights)
            self._stored.add(node.digest)
            self.networks.append([node.digest, layout, len(rows) - 1])

    def _derivation(self, digest: str) -> list[str]:
        """Return whom to write so that a network can be made again; nobody when it cannot."""
        order: dict[str, None] = {}
        stack = [digest]
        while stack:
            top = stack[-1]
            if top in order or self._has(top):
                stack.pop()
                continue
            if top not in self._origins:
                return []
            missing = [p for p in self._origins[top].parents if p not in order and not self._has(p)]
            if missing:
                stack.extend(missing)
            else:
                order[stack.pop()] = None
        return list(order)

    def _write(self, digest: str, origin: Origin) -> None:
        layout = self.layouts.setdefault(origin.layout, len(self.layouts))
        key = (origin.operator, origin.parameters)
        operator = self.operators.setdefault(key, len(self.operators))
        self._stored.add(digest)
        self.networks.append(
            [digest, layout, operator, origin.seed, list(origin.parents), int(origin.held)]
        )


class _Stored(NamedTuple):
    """A network of a table: weights, or a recipe."""

    layout: Layout
    weights: torch.Tensor | None
    origin: Origin | None


@final
class NetworkReader:
    """Makes nodes from the tables of documents."""

    def __init__(self) -> None:
        self._stored: dict[str, _Stored] = {}

    def add(
        self,
        networks: Iterable[Sequence[Any]],
        layouts: Sequence[Layout],
        operators: Sequence[tuple[str, Parameters]],
        tensors: Mapping[str, Rows],
    ) -> None:
        """Know the networks of one more document; their parents may be in those before."""
        for digest, at, what, *recipe in networks:
            if not recipe:
                weights = tensors[f"weights.{at}"][what]
                self._stored[digest] = _Stored(layouts[at], weights, None)
                continue
            seed, parents, held = recipe
            name, parameters = operators[what]
            origin = Origin(layouts[at], name, parameters, seed, tuple(parents), bool(held))
            self._stored[digest] = _Stored(layouts[at], None, origin)

    def nodes(self, wanted: Iterable[str]) -> dict[str, Node]:
        """Return nodes under their digests.

        What was held as weights is made, a generation of ancestors at a time, and let go as soon
        as no descendant needs it.

        Raises
        ------
        RunError
            When a recipe gives another network than the one that was stored.
        OperatorError
            When an operator cannot be found.
        """
        ends = set(wanted)
        steps = self._steps(ends)
        last = {digest: step for step, lot in enumerate(steps) for digest in lot}
        for step, lot in enumerate(steps):
            for digest in lot:
                for parent in self._parents(digest):
                    last[parent] = max(last[parent], step)
        nodes: dict[str, Node] = {}
        for step, lot in enumerate(steps):
            for digest in lot:
                nodes[digest] = self._node(digest, nodes)
            origins = {digest: self._stored[digest].origin for digest in lot}
            settle([nodes[digest] for digest, one in origins.items() if one and one.held])
            for digest in [d for d in nodes if last[d] <= step and d not in ends]:
                del nodes[digest]
        return nodes

    def _parents(self, digest: str) -> tuple[str, ...]:
        origin = self._stored[digest].origin
        return () if origin is None else origin.parents

    def _steps(self, ends: set[str]) -> list[list[str]]:
        """Return the ends and their ancestors: first those without parents, then their children."""
        needed: set[str] = set()
        stack = list(ends)
        while stack:
            digest = stack.pop()
            if digest not in needed:
                needed.add(digest)
                stack.extend(self._parents(digest))
        depth: dict[str, int] = {}
        steps: list[list[str]] = []
        for digest in self._stored:  # parents before children
            if digest not in needed:
                continue
            depth[digest] = 1 + max((depth[p] for p in self._parents(digest)), default=-1)
            if depth[digest] == len(steps):
                steps.append([])
            steps[depth[digest]].append(digest)
        return steps

    def _node(self, digest: str, nodes: Mapping[str, Node]) -> Node:
        layout, weights, origin = self._stored[digest]
        if origin is None:
            return Node(layout, weights).named(bytes.fromhex(digest))
        operator = find_operator(origin.operator)
        parents = tuple(nodes[parent] for parent in origin.parents)
        node = Node(layout, recipe=Recipe(operator, parents, origin.seed, origin.parameters))
        if node.digest != digest:
            raise RunError(
                f"The recipe of network {digest[:8]} by {operator.name} gives {node.digest[:8]}: "
                "the snapshot is damaged."
            )
        return node


def settle(nodes: Sequence[Node]) -> None:
    """Make the weights of nodes, a lot at a time, and let them hold these."""
    groups: dict[Layout, list[Node]] = {}
    for node in nodes:
        groups.setdefault(node.layout, []).append(node)
    for layout, members in groups.items():
        height = max(1, _LOT // layout.width)
        for start in range(0, len(members), height):
            lot = members[start : start + height]
            rows = torch.empty(len(lot), layout.width, dtype=layout.dtype)
            make(lot, rows)
            for node, row in zip(lot, rows, strict=True):
                node.settle(row.clone())


def layout_spec(layout: Layout) -> dict[str, Any]:
    """Return a layout as JSON."""
    return {
        "names": list(layout.names),
        "shapes": [list(shape) for shape in layout.shapes],
        "dtype": str(layout.dtype).removeprefix("torch."),
        "ordered": list(layout.ordered),
    }


def layout_of(spec: Mapping[str, Any]) -> Layout:
    """Return the layout of `layout_spec`."""
    dtypes = {str(dtype).removeprefix("torch."): dtype for dtype in DTYPES}
    shapes = tuple(tuple(shape) for shape in spec["shapes"])
    ordered = tuple(spec.get("ordered", ()))  # which older snapshots lack
    return Layout(tuple(spec["names"]), shapes, dtypes[spec["dtype"]], ordered)
