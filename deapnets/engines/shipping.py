"""`Shipment`: the weights that nodes are made from, put where workers find them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

import numpy as np
import torch

from deapnets.engines.keeping import WIDE
from deapnets.engines.packing import SHARED, Place
from deapnets.engines.pool import Pool
from deapnets.genomes.making import make
from deapnets.genomes.nodes import Node

_BLOCK = 16 << 20
"""Bytes of a block of narrow rows."""


@final
class Shipment:
    """Where the leaves are that some nodes are made from.

    Leaves in the pool are found there, and others are put there while there is room. What has no
    room becomes blocks that are sent: wide rows one by one, under their digests, so that a worker
    that has one need not get it again; narrow ones together.

    Parameters
    ----------
    pool
        Memory that workers share; None for none.
    publish
        Returns what is sent for a block.
    name
        What the names of narrow blocks begin with: nobody else's do.
    """

    def __init__(self, pool: Pool | None, publish: Callable[[np.ndarray], Any], name: str) -> None:
        self._pool = pool
        self._publish = publish
        self._name = name
        self._places: dict[int, Place] = {}
        self._held: list[Node] = []  # so that ids stay theirs
        self._blocks: dict[str, np.ndarray] = {}
        self._published: dict[str, Any] = {}

    def add(self, nodes: Iterable[Node]) -> None:
        """Put the leaves of ``nodes`` where workers find them."""
        fresh = [leaf for leaf in leaves_of(nodes) if id(leaf) not in self._places]
        if fresh:
            self._held += fresh
            rest = self._in_pool(fresh)
            self._in_blocks(rest)

    def place(self, leaf: Node) -> Place:
        """Return where a leaf is; one that was a recipe when the nodes were added, too."""
        if id(leaf) not in self._places:
            self.add([leaf])
        return self._places[id(leaf)]

    def supply(self, name: str) -> Any:
        """Return what is sent for the block of that name."""
        if name not in self._published:
            self._published[name] = self._publish(self._blocks[name])
        return self._published[name]

    def _in_pool(self, leaves: Sequence[Node]) -> Sequence[Node]:
        """Note those that are in the pool, put others there; return those that have no room."""
        if self._pool is None:
            return leaves
        outside = [leaf for leaf in leaves if not self._note(leaf)]
        if outside:
            blocks = self._pool.rows(len(outside), outside[0].layout)
            if blocks is None:
                return outside
            settle_in(outside, blocks, write=True)
            for leaf in outside:
                self._note(leaf)
        return []

    def _note(self, leaf: Node) -> bool:
        """Note the place of a leaf that is in the pool; return whether it is."""
        assert self._pool is not None  # who has none does not ask
        assert leaf.block is not None  # it is a leaf
        first = self._pool.row_of(leaf.block)
        if first is None:
            return False
        self._places[id(leaf)] = Place(SHARED, first + max(leaf.row, 0))
        return True

    def _in_blocks(self, leaves: Sequence[Node]) -> None:
        if not leaves:
            return
        layout = leaves[0].layout
        if layout.nbytes >= WIDE:
            for leaf in leaves:
                self._blocks[leaf.digest] = _bytes_of(leaf.weights)
                self._places[id(leaf)] = Place(leaf.digest, -1)
            return
        height = _BLOCK // layout.nbytes
        for start in range(0, len(leaves), height):
            lot = leaves[start : start + height]
            name = f"{self._name}.{len(self._blocks)}"
            rows = torch.empty(len(lot), layout.width, dtype=layout.dtype)
            make(lot, rows)
            self._blocks[name] = _bytes_of(rows)
            for row, leaf in enumerate(lot):
                self._places[id(leaf)] = Place(name, row)


def _bytes_of(rows: torch.Tensor | None) -> np.ndarray:
    """Return weights as they travel: uint8, whatever they are stored in."""
    assert rows is not None  # of leaves
    array: np.ndarray = rows.detach().cpu().contiguous().view(torch.uint8).numpy()
    return array


def settle_in(nodes: Sequence[Node], blocks: Sequence[torch.Tensor], *, write: bool) -> None:
    """Settle ``nodes`` on the rows of ``blocks``, one after the other.

    ``write`` says that the weights are to be written there; otherwise they are there already.
    """
    waiting = iter(nodes)
    for block in blocks:
        lot = [node for _, node in zip(range(len(block)), waiting, strict=False)]
        if write:
            make(lot, block)
        for row, node in enumerate(lot):
            if write or node.recipe is not None:
                node.settle(block, row)


def leaves_of(nodes: Iterable[Node]) -> list[Node]:
    """Return the leaves that ``nodes`` are made from, themselves included, each once."""
    return [node for node in _below(nodes) if node.recipe is None]


def recipes_below(nodes: Iterable[Node]) -> list[Node]:
    """Return the recipes that ``nodes`` are made from, without themselves, each once."""
    parents = [p for node in nodes if node.recipe is not None for p in node.recipe.parents]
    return [node for node in _below(parents) if node.recipe is not None]


def _below(nodes: Iterable[Node]) -> list[Node]:
    found: dict[int, Node] = {}
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found[id(node)] = node
            if node.recipe is not None:
                stack.extend(node.recipe.parents)
    return list(found.values())
