"""`PopulationMap`: the toolbox's map, which evaluates whole populations of networks at once."""

from __future__ import annotations

import functools
import inspect
import random
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import torch

from deapnets.collecting import collector_paused
from deapnets.errors import EvaluationError, MemoryBudgetError, OptionError, unknown
from deapnets.evaluators.base import Evaluator, score
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import aligned_rows, make, shared_operands
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.keeping import Keeper, Store
from deapnets.machine import parse_memory, pick_device
from deapnets.networks.base import Path
from deapnets.networks.chunk import Networks
from deapnets.networks.paths import choose_path
from deapnets.randomness import Stream
from deapnets.threads import ThreadChoice

OnError = Literal["raise", "worst"]

_CACHE = 1 << 21
"""Weights in a chunk on a CPU: made and evaluated before they leave the cache."""
_LARGEST_CHUNK = 256
"""Networks evaluated at once: the activations of narrow networks have to stay in the cache too."""


def find_evaluator(function: Callable[..., Any]) -> tuple[Evaluator | None, dict[str, Any]]:
    """Return the evaluator that a toolbox function calls, and the keywords of its registration."""
    keywords: dict[str, Any] = {}
    while isinstance(function, functools.partial) and not function.args:
        keywords = {**function.keywords, **keywords}
        function = function.func
    return (function, keywords) if isinstance(function, Evaluator) else (None, {})


class PopulationMap:
    """A ``toolbox.map`` that makes weights and evaluates networks a chunk at a time.

    ``toolbox.register("map", PopulationMap())`` is all that DEAP's own algorithms need. For an
    `Evaluator` and `WeightGenome` individuals, one call evaluates the whole population; for any
    other function it is a plain ordered map in this process.

    Parameters
    ----------
    device
        ``"auto"`` (CUDA where there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``.
    memory
        Bytes, or text such as ``"4GB"``, for weights that are kept and the chunk that is made; None
        for half of what is free. Weights that do not fit are made again when they are needed.
    on_error
        What fitness that is not finite does: ``"raise"``, or ``"worst"``: it is replaced by the
        worst finite value of the generation and recorded in `faults`.
    seed
        64-bit seed of what evaluators draw once a generation; None draws one from Python's `random`
        at the first evaluation.
    path
        ``"stacked"``, ``"vmap"``, ``"loop"``; by default the fastest that keeps results the same in
        every chunk.
    chunk
        Networks evaluated at once; by default as many as fit the processor's cache.

    Attributes
    ----------
    number
        The generation that is evaluated, or was last: 0 for the initial population.
    faults
        One dict for each replaced fitness: ``generation, individual, value``.
    seconds
        Time spent in ``"making"`` weights and ``"evaluating"`` networks, in seconds.
    evaluations
        Individuals evaluated so far.
    forwards
        Rows of input that went through a network so far, all networks together.
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        memory: int | str | None = None,
        on_error: OnError = "raise",
        seed: int | None = None,
        path: str = "",
        chunk: int | None = None,
    ) -> None:
        if on_error not in ("raise", "worst"):
            raise OptionError(unknown("on_error", str(on_error), ("raise", "worst")))
        if chunk is not None and chunk < 1:
            raise OptionError(f"chunk is at least 1 network, got {chunk}.")
        self.device = pick_device(device)
        self.memory = parse_memory(memory, self.device)
        self.on_error = on_error
        self.seed = seed
        self.number = -1
        self.faults: list[dict[str, Any]] = []
        self.seconds = {"making": 0.0, "evaluating": 0.0}
        self.evaluations = 0
        self.forwards = 0
        self._wish = path
        self._chunk = chunk
        self._paths: dict[tuple[int, Layout], tuple[Any, Path]] = {}
        self._store = Store(self.memory)
        self._threads = ThreadChoice()
        self._open: _Generation | None = None
        self._explicit = False
        self._warned: set[str] = set()

    def __call__(self, function: Callable[..., Any], *iterables: Iterable[Any]) -> list[Any]:
        """Return ``function`` of each element, in order: a fitness tuple an individual."""
        evaluator, keywords = find_evaluator(function)
        if evaluator is None or len(iterables) != 1:
            self._warn_if_hidden(function)
            return list(map(function, *iterables))
        population = list(iterables[0])
        if not population:
            return []
        self._require_alike(evaluator, population)
        return self._evaluate(evaluator, keywords, population)

    @contextmanager
    def generation(self) -> Iterator[PopulationMap]:
        """Make several calls one generation: islands, co-evolution, survivors scored again.

        The evaluator prepares at the first call and concludes at the end; calls outside such a
        block are a generation each.
        """
        if self._open is not None:
            yield self
            return
        self._open = _Generation()
        self._explicit = True
        try:
            yield self
            self._open.conclude()
        finally:
            self._open = None

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs: seed, generation and counters, as JSON values."""
        return {"seed": self.seed, "number": self.number, "evaluations": self.evaluations}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self.seed, self.number = state["seed"], state["number"]
        self.evaluations = state["evaluations"]

    def describe(self, evaluator: Evaluator, layout: Layout) -> dict[str, Any]:
        """Return path, chunk and memory as they are used for a layout: JSON values."""
        return {
            "device": str(self.device),
            "path": self._path(evaluator, layout).name,
            "chunk": self._rows_at_once(layout),
            "memory": self.memory,
        }

    def _warn_once(self, topic: str, message: str) -> None:
        if topic not in self._warned:
            self._warned.add(topic)
            warnings.warn(message, stacklevel=4)

    def _warn_if_hidden(self, function: Callable[..., Any]) -> None:
        """Say that a decorated evaluator is called one individual at a time."""
        called = getattr(function, "func", function)
        inner = inspect.unwrap(called)
        if inner is not called and find_evaluator(inner)[0] is not None:
            self._warn_once(
                "decorated",
                "The evaluator is decorated, so individuals are evaluated one by one. Decorate "
                "Evaluator.evaluate, which sees a chunk, to keep whole populations in one batch.",
            )

    def _require_alike(self, evaluator: Evaluator, population: Sequence[Any]) -> None:
        """Check every individual against the evaluator: kind, direction of fitness, layout."""
        directions = _signs(evaluator.weights)
        for individual in {type(one): one for one in population}.values():
            if not isinstance(individual, WeightGenome):
                raise EvaluationError(
                    f"{evaluator.title} evaluates WeightGenome individuals, got "
                    f"{type(individual).__name__}. See: deapnets.initWeights."
                )
            fitness = getattr(individual, "fitness", None)
            if fitness is not None and _signs(fitness.weights) != directions:
                raise EvaluationError(
                    f"{evaluator.title} returns objectives of weights {evaluator.weights}, the "
                    f"individuals' fitness has {tuple(fitness.weights)}: the run would go the "
                    f"wrong way. Create the fitness with weights={evaluator.weights}."
                )

    def _evaluate(
        self, evaluator: Evaluator, keywords: dict[str, Any], population: Sequence[WeightGenome]
    ) -> list[tuple[float, ...]]:
        with self._one_call() as generation:
            generation.prepare(self, evaluator, population)
            with self._choice_of_threads(evaluator, population):
                scores = self._scores(evaluator, keywords, population)
            generation.note(evaluator, population, scores)
        self.evaluations += len(population)
        return scores

    def _choice_of_threads(
        self, evaluator: Evaluator, population: Sequence[WeightGenome]
    ) -> AbstractContextManager[None]:
        """Return a context in which threads are chosen, where that cannot change a bit."""
        layouts = {individual.node.layout for individual in population}
        paths = [self._path(evaluator, layout) for layout in layouts]
        if evaluator.thread_invariant and all(path.thread_invariant for path in paths):
            return self._threads.timed(len(population))
        return nullcontext()

    @contextmanager
    def _one_call(self) -> Iterator[_Generation]:
        """Return the open generation, or one that lasts for this call."""
        if self._open is not None:
            yield self._open
            return
        generation = _Generation()
        yield generation
        generation.conclude()

    def begin(
        self, evaluator: Evaluator, population: Sequence[WeightGenome], *, first: bool
    ) -> None:
        """Let an evaluator prepare; the ``first`` of a generation starts it. Not for callers."""
        if evaluator.fresh and self.number >= 0 and not self._explicit:
            self._warn_once(
                "fresh",
                f"{evaluator.title} draws anew every generation, so survivors keep a score from "
                "an older draw under DEAP's own loops. deapnets.eaGenerational scores them again.",
            )
        if self.seed is None:
            self.seed = random.getrandbits(64)
        self.number += first
        seed = Stream(self.seed, position=self.number).integer()
        evaluator.prepare(population, self.number, Stream(seed))

    def _scores(
        self, evaluator: Evaluator, keywords: dict[str, Any], population: Sequence[WeightGenome]
    ) -> list[tuple[float, ...]]:
        groups: dict[Layout, list[int]] = {}
        for index, individual in enumerate(population):
            groups.setdefault(individual.node.layout, []).append(index)
        values = torch.empty(len(population), len(evaluator.weights), dtype=torch.float64)
        for layout, indices in groups.items():
            members = [population[i] for i in indices]
            values[indices] = self._group(evaluator, keywords, layout, members)
        self._settle_faults(evaluator, population, values)
        with collector_paused():
            return list(map(tuple, values.tolist()))

    def _group(
        self,
        evaluator: Evaluator,
        keywords: dict[str, Any],
        layout: Layout,
        members: Sequence[WeightGenome],
    ) -> torch.Tensor:
        """Return the scores ``[n, objectives]`` of individuals of one layout."""
        path = self._path(evaluator, layout)
        chunk = self._rows_at_once(layout)
        height = max(chunk, self._rows_made(layout))
        nodes = [member.node for member in members]
        self._make_shared(nodes)
        keeper = Keeper(self._store, nodes, self._slab_bytes(layout))
        slab = aligned_rows(min(height, len(members)), layout.width, self.device)
        scores = []
        for start in range(0, len(members), height):
            lot = nodes[start : start + height]
            rows = slab[: len(lot)]
            began = time.perf_counter()
            with collector_paused():
                make(lot, rows)
                keeper.keep(lot, rows)
            made = time.perf_counter()
            for first in range(0, len(lot), chunk):
                networks = Networks(path, layout, rows[first : first + chunk])
                owners = members[start + first : start + first + len(networks)]
                scores.append(score(evaluator, networks, owners, keywords))
                self.forwards += networks.forwards
            self.seconds["making"] += made - began
            self.seconds["evaluating"] += time.perf_counter() - made
        return torch.cat(scores)

    def _settle_faults(
        self, evaluator: Evaluator, population: Sequence[WeightGenome], values: torch.Tensor
    ) -> None:
        """Raise on fitness that is not finite, or replace it by the worst that is."""
        finite = torch.isfinite(values).all(1)
        if bool(finite.all()):
            return
        bad = torch.nonzero(~finite)[:, 0].tolist()
        first = population[bad[0]]
        got = "NaN" if bool(torch.isnan(values[bad[0]]).any()) else "infinity"
        said = (
            f"{evaluator.title} returned {got} for individual {first.digest[:8]} (generation "
            f"{self.number}). Fitness must be finite; "
        )
        if self.on_error == "raise":
            raise EvaluationError(f'{said}on_error="worst" gives it the worst value.')
        if not bool(finite.any()):
            raise EvaluationError(
                f"{said}that of no individual was, so there is no worst value to give them."
            )
        signs = torch.tensor(_signs(evaluator.weights), dtype=values.dtype)
        worst = (values[finite] * signs).amin(0) * signs
        for index in bad:
            self.faults.append(
                {
                    "generation": self.number,
                    "individual": population[index].digest,
                    "value": [repr(v) for v in values[index].tolist()],
                }
            )
            values[index] = worst

    def _path(self, evaluator: Evaluator, layout: Layout) -> Path:
        module = evaluator.genome()
        key = (id(module), layout)
        if key not in self._paths:
            layout.require_in(module)
            self._paths[key] = (module, choose_path(module, layout, self.device, self._wish))
        return self._paths[key][1]

    def _rows_at_once(self, layout: Layout) -> int:
        """Return how many networks a chunk holds."""
        row = layout.width * 4
        room = self.memory // (3 * row)  # the row, its parent, and the block it is made in
        if room < 1:
            raise MemoryBudgetError(
                f"A memory budget of {self.memory:,} bytes holds not one individual: "
                f"{layout.width:,} weights need at least {3 * row:,}. Give memory= more."
            )
        return min(room, self._chunk or max(4, min(self._rows_made(layout), _LARGEST_CHUNK)))

    def _rows_made(self, layout: Layout) -> int:
        """Return how many rows are made at once: what fits the processor's cache and the budget."""
        room = self.memory // (12 * layout.width)
        return max(1, min(room, _CACHE // layout.width))

    def _make_shared(self, nodes: Sequence[Node]) -> None:
        """Make recipes that several individuals come from once, while the budget lasts."""
        for node in shared_operands(nodes):
            width = node.layout.width
            if node.recipe is not None and self._store.room(width, self._slab_bytes(node.layout)):
                out = torch.empty(1, width, device=self.device)
                make([node], out)
                self._store.hold(out)
                node.settle(out, 0)

    def _slab_bytes(self, layout: Layout) -> int:
        return max(self._rows_at_once(layout), self._rows_made(layout)) * 4 * layout.width


class _Generation:
    """What one generation has seen: whose turn it was to prepare, and what is to be concluded."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Evaluator, list[Any], list[Any]]] = {}

    def prepare(
        self, owner: PopulationMap, evaluator: Evaluator, population: Sequence[WeightGenome]
    ) -> None:
        """Let the evaluator prepare, the first time it is met."""
        if id(evaluator) not in self._seen:
            owner.begin(evaluator, population, first=not self._seen)
            self._seen[id(evaluator)] = (evaluator, [], [])

    def note(
        self, evaluator: Evaluator, population: Sequence[WeightGenome], scores: Sequence[Any]
    ) -> None:
        """Remember a call's individuals and scores for `conclude`."""
        _, individuals, all_scores = self._seen[id(evaluator)]
        individuals.extend(population)
        all_scores.extend(scores)

    def conclude(self) -> None:
        """Let every evaluator of the generation conclude."""
        for evaluator, individuals, scores in self._seen.values():
            evaluator.conclude(individuals, scores)


def _signs(weights: Sequence[float]) -> tuple[float, ...]:
    return tuple(1.0 if weight > 0 else -1.0 for weight in weights)
