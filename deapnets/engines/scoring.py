"""`Scorer`: nodes to rows of weights to networks to scores, chunk by chunk, in one process."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol, final

import torch

from deapnets.engines.families import (
    LOT,
    Ways,
    families,
    family_networks,
    low_rank,
    low_rank_path,
)
from deapnets.engines.keeping import WIDE, Keeper, Store, may_be_kept
from deapnets.errors import MemoryBudgetError
from deapnets.evaluators.base import Evaluator, score
from deapnets.genomes.accounts import open_account
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import (
    aligned_rows,
    make,
    shared_operands,
)
from deapnets.genomes.nodes import Node
from deapnets.machine.collecting import collector_paused
from deapnets.machine.freed import FreedMemory
from deapnets.machine.threads import ThreadChoice
from deapnets.networks.base import Path
from deapnets.networks.chunk import Networks
from deapnets.networks.lowrank import LowRankPath
from deapnets.networks.paths import choose_path
from deapnets.networks.precision import Precision

_CACHE = 1 << 21
"""Weights in a chunk on a CPU: made and evaluated before they leave the cache."""
_SPARE = 256 << 20
"""Bytes that the process may take beside the budget: making a wide row needs as much."""
_LARGEST_CHUNK = 256
"""Networks evaluated at once: the activations of narrow networks have to stay in the cache too."""


_NOT_SHARED = (
    "Children of low rank are evaluated without making their weights in chains of linear layers, "
    "convolutions, pools and activations only: this module goes through {path}, so their weights "
    "are made."
)


class Scored(NamedTuple):
    """What became of a chunk of nodes."""

    first: int  # index of the chunk's first node among those that were given
    values: torch.Tensor  # fitness, float64 [n, objectives] on the CPU
    records: Mapping[str, torch.Tensor]  # what the evaluator recorded, [n] or [n, k] each
    forwards: int  # rows of input that went through a network, all networks together
    making: float  # seconds
    evaluating: float  # seconds
    lost: str = ""  # why the node was given up: its values are NaN then


class Keeping(Protocol):
    """Who keeps weights that were made: see `deapnets.engines.keeping.Keeper`."""

    def keep(self, nodes: Sequence[Node], rows: torch.Tensor) -> None:
        """Take what is to be kept of ``rows`` ``[n, P]``, which are the weights of ``nodes``."""


@final
class Scorer:
    """Makes and scores networks in this process: everything about one machine is decided here.

    Parameters
    ----------
    device
        Where networks are made and evaluated.
    memory
        Bytes for weights that are kept and the chunk that is made.
    path
        ``"stacked"``, ``"vmap"``, ``"loop"``; ``""`` for the fastest that keeps rows invariant.
    chunk
        Networks evaluated at once; None for as many as fit the processor's cache.
    precision
        What networks compute in: ``"float32"`` or ``"bfloat16"``.
    """

    def __init__(
        self,
        device: torch.device,
        memory: int,
        *,
        path: str = "",
        chunk: int | None = None,
        precision: Precision = "float32",
    ) -> None:
        self.device = device
        self.memory = memory
        self._wish = path
        self._chunk = chunk
        self.precision: Precision = precision
        self._most: dict[Layout, int] = {}  # networks at once that a device had the memory for
        self._paths: dict[tuple[int, Layout], tuple[Any, Path]] = {}
        self._store = Store(memory)
        self._freed = FreedMemory()
        self._threads = ThreadChoice()
        self._families: dict[Layout, LowRankPath | None] = {}

    def path(self, evaluator: Evaluator, layout: Layout) -> Path:
        """Return the path of the evaluator's module for a layout."""
        module = evaluator.genome()
        key = (id(module), layout)
        if key not in self._paths:
            layout.require_in(module)
            path = choose_path(module, layout, self.device, self._wish, self.precision)
            self._paths[key] = (module, path)
        return self._paths[key][1]

    def rows_at_once(self, layout: Layout) -> int:
        """Return how many networks a chunk holds.

        Raises
        ------
        MemoryBudgetError
            When the budget holds not even one.
        """
        row = layout.width * 4
        room = self.memory // (3 * row)  # the row, its parent, and the block it is made in
        if room < 1:
            raise MemoryBudgetError(
                f"A memory budget of {self.memory:,} bytes holds not one individual: "
                f"{layout.width:,} weights need at least {3 * row:,}. Give memory= more."
            )
        wanted = self._chunk or max(4, min(self._rows_made(layout), _LARGEST_CHUNK))
        return min(room, wanted, self._most.get(layout, wanted))

    def count(self, nodes: Sequence[Node]) -> None:
        """Count what ``nodes`` come from against the budget, whoever has kept it.

        So is, from now on, what operators store of them.

        Raises
        ------
        MemoryBudgetError
            When the budget does not hold that.
        """
        open_account(nodes[0].layout, self)
        self._store.adopt(nodes)

    def take(self, node: Node) -> None:
        """Count what an operator has stored, which is said here and not when all of them have."""
        self._store.adopt([node])
        self._give_back(node.layout)

    def scores(
        self,
        evaluator: Evaluator,
        keywords: Mapping[str, Any],
        nodes: Sequence[Node],
        keeping: Keeping | None = None,
    ) -> Iterator[Scored]:
        """Yield the scores of nodes of one layout, chunk by chunk, in their order.

        ``keeping`` is shown all rows that are made. Without it weights that fit the budget are
        kept: their nodes are settled.
        """
        path = self.path(evaluator, nodes[0].layout)
        with self._choice_of_threads(evaluator, path, len(nodes)):
            ways = self._ways(evaluator, path, nodes) if any(map(low_rank, nodes)) else None
            if ways is None:
                yield from self._lots(evaluator, keywords, path, nodes, keeping)
            else:
                yield from self._mixed(evaluator, keywords, ways, nodes, keeping)

    def _ways(self, evaluator: Evaluator, path: Path, nodes: Sequence[Node]) -> Ways | None:
        """Return how families go without weights; None, said once, where they do not."""
        layout = nodes[0].layout
        if self._wish not in ("", "stacked"):  # a path that was asked for is taken
            return None
        if layout.dtype != torch.float32:  # every child's weights are rounded by themselves
            return None
        if layout not in self._families:
            found = low_rank_path(evaluator.genome(), layout, path, self.device)
            if found is None:
                warnings.warn(_NOT_SHARED.format(path=path.name), stacklevel=2)
            self._families[layout] = found
        low = self._families[layout]
        return None if low is None else Ways(path, low)

    def _mixed(
        self,
        evaluator: Evaluator,
        keywords: Mapping[str, Any],
        ways: Ways,
        nodes: Sequence[Node],
        keeping: Keeping | None,
    ) -> Iterator[Scored]:
        """Yield the scores of lots of nodes: families of children of low rank, and all others."""
        self._make_shared(nodes)
        for start in range(0, len(nodes), LOT):
            lot = nodes[start : start + LOT]
            related, others = families(lot)
            parts = []
            for family in related:
                began = time.perf_counter()
                for members, networks in family_networks(family, ways, self.device, self._chunk):
                    making = time.perf_counter() - began
                    parts.append((members, _scored(0, evaluator, keywords, networks, making)))
                    began = time.perf_counter()
            if others:
                rest = [lot[index] for index in others]
                for scored in self._lots(evaluator, keywords, ways.made, rest, keeping):
                    end = scored.first + len(scored.values)
                    parts.append((others[scored.first : end], scored))
            yield _merged(start, len(lot), parts)

    def settle(self, nodes: Sequence[Node]) -> None:
        """Make those of ``nodes`` that are recipes, and keep the weights that fit the budget."""
        recipes = [node for node in nodes if may_be_kept(node)]
        if not recipes:
            return
        keeper = self._keeper(recipes)
        height = self._rows_made(recipes[0].layout)
        slab = aligned_rows(min(height, len(recipes)), recipes[0].layout.width, self.device)
        for start in range(0, len(recipes), height):
            lot = recipes[start : start + height]
            with collector_paused():
                make(lot, slab[: len(lot)])
                keeper.keep(lot, slab[: len(lot)])
                self._give_back(recipes[0].layout)

    def _keeper(self, nodes: Sequence[Node]) -> Keeper:
        return Keeper(self._store, nodes, self._slab_bytes(nodes[0].layout))

    def _lots(
        self,
        evaluator: Evaluator,
        keywords: Mapping[str, Any],
        path: Path,
        nodes: Sequence[Node],
        keeping: Keeping | None,
    ) -> Iterator[Scored]:
        """Make a lot of rows, keep those that fit, evaluate chunks; the next lot follows."""
        layout = nodes[0].layout
        chunk = self.rows_at_once(layout)
        height = max(chunk, self._rows_made(layout))
        self._give_back(layout)  # what breeding has left
        self._make_shared(nodes)
        keeper = keeping or self._keeper(nodes)
        slab = aligned_rows(min(height, len(nodes)), layout.width, self.device)
        for start in range(0, len(nodes), height):
            lot = nodes[start : start + height]
            rows = slab[: len(lot)]
            began = time.perf_counter()
            with collector_paused():
                make(lot, rows)
                keeper.keep(lot, rows)
                self._give_back(layout)
            making = time.perf_counter() - began
            first = 0
            while first < len(lot):
                networks = Networks(path, layout, rows[first : first + chunk])
                scored = None
                with contextlib.suppress(torch.OutOfMemoryError):
                    scored = _scored(start + first, evaluator, keywords, networks, making)
                if scored is None:
                    chunk = self._halved(layout, len(networks))
                    continue
                yield scored
                first += len(networks)
                making = 0.0
        self._give_back(layout, self.memory * 3 // 4)  # breeding needs some for operands

    def _halved(self, layout: Layout, tried: int) -> int:
        """Return half of the networks that were too many for the device, and say so.

        Raises
        ------
        MemoryBudgetError
            When it was one.
        """
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if tried == 1:
            raise MemoryBudgetError(
                f"{self.device} has not the memory to evaluate one network of "
                f"{layout.width:,} weights. Give it fewer rows at once, or memory= less."
            )
        self._most[layout] = tried // 2
        warnings.warn(
            f"{self.device} ran out of memory with {tried} networks at once; going on with "
            f"{tried // 2}. PopulationMap(chunk={tried // 2}) begins there.",
            stacklevel=2,
        )
        return tried // 2

    def _choice_of_threads(
        self, evaluator: Evaluator, path: Path, count: int
    ) -> AbstractContextManager[None]:
        """Return a context in which threads are chosen, where that cannot change a bit."""
        if evaluator.thread_invariant and path.thread_invariant:
            return self._threads.timed(count)
        return nullcontext()

    def _rows_made(self, layout: Layout) -> int:
        """Return how many rows are made at once: what fits the processor's cache and the budget."""
        room = self.memory // (12 * layout.width)
        return max(1, min(room, _CACHE // layout.width))

    def _make_shared(self, nodes: Sequence[Node]) -> None:
        """Make recipes that several individuals come from once, while the budget lasts."""
        for node in shared_operands(nodes):
            layout = node.layout
            if may_be_kept(node) and self._store.room(layout.nbytes, self._slab_bytes(layout)):
                out = torch.empty(1, layout.width, dtype=layout.dtype, device=self.device)
                make([node], out)
                self._store.hold(out)
                node.settle(out, 0)
                self._give_back(layout)

    def _give_back(self, layout: Layout, limit: int | None = None) -> None:
        """Keep the process within the budget and a little more, whatever the C library holds."""
        if layout.nbytes >= WIDE:
            self._freed.bound(self._store.held, limit or self.memory + _SPARE)

    def _slab_bytes(self, layout: Layout) -> int:
        return max(self.rows_at_once(layout), self._rows_made(layout)) * 4 * layout.width


def _merged(first: int, count: int, parts: Sequence[tuple[list[int], Scored]]) -> Scored:
    """Return what became of ``count`` nodes from that of some of them, under their indices."""
    order = torch.tensor([index for members, _ in parts for index in members])
    place = torch.empty(count, dtype=torch.int64)
    place[order] = torch.arange(count)
    scored = [part for _, part in parts]
    names = scored[0].records.keys()
    return Scored(
        first,
        torch.cat([part.values for part in scored])[place],
        {name: torch.cat([part.records[name] for part in scored])[place] for name in names},
        sum(part.forwards for part in scored),
        sum(part.making for part in scored),
        sum(part.evaluating for part in scored),
    )


def _scored(
    first: int,
    evaluator: Evaluator,
    keywords: Mapping[str, Any],
    networks: Networks,
    making: float,
) -> Scored:
    began = time.perf_counter()
    values = score(evaluator, networks, keywords)
    evaluating = time.perf_counter() - began
    return Scored(first, values, networks.records, networks.forwards, making, evaluating)
