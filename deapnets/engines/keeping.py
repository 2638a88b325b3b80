"""Made weights that stay in memory, counted against a budget."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import final

import torch

from deapnets.errors import MemoryBudgetError
from deapnets.genomes.making import blocks_below
from deapnets.genomes.nodes import Node

_BLOCK = 16 << 20
"""Bytes of a block of narrow rows: below what the C library gives back to the system at once."""
WIDE = 64 << 10
"""Bytes from which a row is kept in a tensor of its own, so that it is freed alone."""


@final
class Store:
    """A budget of bytes, and the blocks that count against it until nothing holds them any more.

    Parameters
    ----------
    budget
        Bytes.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.held = 0
        self._known: set[int] = set()  # ids of the blocks that are counted
        self._asked = 0  # bytes that operators want to be kept whatever the budget

    def hold(self, block: torch.Tensor, *, asked: bool = False) -> None:
        """Count a block as long as somebody holds it; ``asked``: kept whatever the budget."""
        size = block.nbytes
        self.held += size
        self._asked += size * asked
        self._known.add(id(block))
        weakref.finalize(block, self._release, id(block), size, asked).atexit = False

    def adopt(self, nodes: Sequence[Node]) -> None:
        """Count the wide rows that nodes come from and that somebody else has kept.

        Operators do, where recipes would nest too deep; so does whoever assigns weights.

        Raises
        ------
        MemoryBudgetError
            When nodes cannot do with the budget: all that is counted is needed.
        """
        if nodes[0].layout.nbytes < WIDE:
            return
        for block in blocks_below(nodes):
            if id(block) not in self._known:
                self.hold(block)
        if self.held - self._asked > self.budget:
            size = nodes[0].layout.nbytes
            raise MemoryBudgetError(
                f"The individuals, and the parents they are made from, are {self.held // size:,} "
                f"networks of {size:,} bytes, more than memory={self.budget:,} holds. Give memory= "
                "more, breed from fewer parents (selTruncation), or store weights in bfloat16: "
                "initWeights(..., dtype=torch.bfloat16)."
            )

    def _release(self, block: int, size: int, asked: bool) -> None:
        self.held -= size
        self._asked -= size * asked
        self._known.discard(block)

    def room(self, size: int, reserved: int) -> int:
        """Return how many more rows of ``size`` bytes fit beside ``reserved`` bytes."""
        return max(0, (self.budget - self.held - reserved) // size)


@final
class Keeper:
    """Settles the nodes of one call on copies of their rows, while there is room.

    Wide rows get a tensor each. Narrow ones share blocks, which are freed together: gathering
    parents from few blocks is what makes breeding small networks fast.

    Parameters
    ----------
    store
        What the rows count against.
    nodes
        All nodes of the call: how many of them are recipes decides the size of the blocks.
    reserved
        Bytes of the budget that are needed for something else.
    """

    def __init__(self, store: Store, nodes: Sequence[Node], reserved: int) -> None:
        self._store = store
        self._layout = nodes[0].layout
        self._room = min(store.room(self._layout.nbytes, reserved), _spared(store, nodes, reserved))
        self._waiting = min(self._room, sum(map(may_be_kept, nodes)))
        self._block: torch.Tensor | None = None
        self._used = 0

    def keep(self, nodes: Sequence[Node], rows: torch.Tensor) -> None:
        """Settle those of ``nodes`` that are recipes; ``rows`` ``[n, P]`` are their weights."""
        recipes = [index for index, node in enumerate(nodes) if may_be_kept(node)]
        asked = [index for index in recipes[self._room :] if _asks(nodes[index])]
        chosen = recipes[: self._room] + asked
        self._room = max(0, self._room - len(chosen))
        if self._layout.nbytes >= WIDE:
            self._keep_alone(nodes, rows, chosen, asked)
        else:
            self._keep_together(nodes, rows, chosen)

    def _keep_alone(
        self, nodes: Sequence[Node], rows: torch.Tensor, chosen: list[int], asked: list[int]
    ) -> None:
        for index in chosen:
            vector = rows[index].to(self._layout.dtype, copy=True)
            self._store.hold(vector, asked=index in asked)
            nodes[index].settle(vector)

    def _keep_together(self, nodes: Sequence[Node], rows: torch.Tensor, chosen: list[int]) -> None:
        while chosen:
            block = self._open_block(rows)
            lot, chosen = chosen[: len(block) - self._used], chosen[len(block) - self._used :]
            first, self._used = self._used, self._used + len(lot)
            together = lot[-1] - lot[0] + 1 == len(lot)
            block[first : self._used] = rows[lot[0] : lot[-1] + 1] if together else rows[lot]
            for row, index in enumerate(lot, first):
                nodes[index].settle(block, row)
            self._waiting -= len(lot)

    def _open_block(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the block that is being filled, or a new one."""
        if self._block is None or self._used == len(self._block):
            layout = self._layout
            height = max(1, min(self._waiting, _BLOCK // layout.nbytes))
            self._block = torch.empty(height, layout.width, dtype=layout.dtype, device=rows.device)
            self._used = 0
            self._store.hold(self._block)
        return self._block


def may_be_kept(node: Node) -> bool:
    """Return whether the node is a recipe whose weights may be stored.

    Those of a transient one never are: how a child is scored must not depend on what was kept.
    """
    return node.recipe is not None and not node.recipe.operator.transient


def _spared(store: Store, nodes: Sequence[Node], reserved: int) -> int:
    """Return how many of ``nodes`` may be kept so that the next generation has the room it needs.

    Of ``n`` individuals that ``s`` parents have bred, ``k`` are kept. While the next generation is
    bred, those are in memory, the parents of the others, and as many new parents as were not kept:
    ``k + s + s * (1 - k / n)`` rows, if ``s`` stays what it is. ``1.5 * sqrt(n)`` are left for
    chance: from one generation to the next, how many are selected, and how many of those are kept,
    varies by less than a third of that.
    """
    size, count = nodes[0].layout.nbytes, len(nodes)
    total = (store.budget - reserved) // size
    if size < WIDE or store.room(size, reserved) >= count:
        return count
    parents = len(blocks_below(nodes))
    if any(map(_is_first, nodes)):  # nothing was selected yet; a tournament of three selects half
        parents = max(parents, count // 2)
    if parents >= count:
        return 0
    return max(0, int((total - 2 * parents - 1.5 * count**0.5) / (1 - parents / count)))


def _is_first(node: Node) -> bool:
    """Return whether a node is an individual of an initial population."""
    name = "" if node.recipe is None else node.recipe.operator.reference.partition(":")[2]
    return name.startswith("init")


def _asks(node: Node) -> bool:
    """Return whether the node's operator wants its result stored."""
    return node.recipe is not None and node.recipe.operator.keep
