"""`PopulationMap`: the toolbox's map, which evaluates whole populations of networks at once."""

from __future__ import annotations

import functools
import inspect
import random
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from deapnets.collecting import collector_paused
from deapnets.engines.base import Engine, Job
from deapnets.engines.faults import OnError, settle_faults
from deapnets.engines.scoring import Scored, Scorer
from deapnets.engines.serial import SerialEngine
from deapnets.errors import EvaluationError, OptionError, unknown
from deapnets.evaluators.architectures import ArchitectureEvaluator
from deapnets.evaluators.base import Evaluator, signs
from deapnets.genomes.layout import Layout
from deapnets.genomes.weights import WeightGenome
from deapnets.machine import parse_memory, pick_device
from deapnets.networks.chunk import attach
from deapnets.networks.precision import Precision, require_precision
from deapnets.randomness import Stream


def find_evaluator(function: Callable[..., Any]) -> tuple[Evaluator | None, dict[str, Any]]:
    """Return the evaluator that a toolbox function calls, and the keywords of its registration."""
    keywords: dict[str, Any] = {}
    while isinstance(function, functools.partial) and not function.args:
        keywords = {**function.keywords, **keywords}
        function = function.func
    if isinstance(function, Evaluator) and not isinstance(function, ArchitectureEvaluator):
        return function, keywords
    return None, {}


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
    precision
        What networks compute in: ``"float32"``, or ``"bfloat16"`` (products only; losses stay in
        float32), which is about twice as fast where a processor has it. Weights are made and kept
        as ever.

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
    on_scores
        Called with the individuals of a chunk and their `deapnets.engines.scoring.Scored` as soon
        as a chunk was scored, before fitness that is not finite is dealt with; None for nobody.
    recall
        Called with an individual before it is evaluated: its fitness if that is known already, or
        None. What it returns counts as an evaluation; nobody is asked when it is None.
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
        precision: Precision = "float32",
    ) -> None:
        require_precision(precision)
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
        self.on_scores: Callable[[Sequence[WeightGenome], Scored], None] | None = None
        self.recall: Callable[[WeightGenome], tuple[float, ...] | None] | None = None
        self._scorer = Scorer(self.device, self.memory, path=path, chunk=chunk, precision=precision)
        self._engine: Engine = SerialEngine(self._scorer)
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
        return {
            "seed": self.seed,
            "number": self.number,
            "evaluations": self.evaluations,
            "forwards": self.forwards,
            "faults": list(self.faults),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self.seed, self.number = state["seed"], state["number"]
        self.evaluations, self.forwards = state["evaluations"], state["forwards"]
        self.faults = list(state["faults"])

    def describe(self, evaluator: Evaluator, layout: Layout) -> dict[str, Any]:
        """Return path, chunk and memory as they are used for a layout: JSON values."""
        return {
            "device": str(self.device),
            "path": self._scorer.path(evaluator, layout).name,
            "chunk": self._scorer.rows_at_once(layout),
            "precision": self._scorer.precision,
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
        directions = signs(evaluator.weights)
        for individual in {type(one): one for one in population}.values():
            if not isinstance(individual, WeightGenome):
                raise EvaluationError(
                    f"{evaluator.title} evaluates WeightGenome individuals, got "
                    f"{type(individual).__name__}. See: deapnets.initWeights."
                )
            fitness = getattr(individual, "fitness", None)
            if fitness is not None and signs(fitness.weights) != directions:
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
            scores = self._scores(Job(evaluator, keywords, self.number), population)
            generation.note(evaluator, population, scores)
        self.evaluations += len(population)
        return scores

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
        survivors = any(individual.survives for individual in population)
        if evaluator.fresh and self.number >= 0 and survivors and not self._explicit:
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

    def _scores(self, job: Job, population: Sequence[WeightGenome]) -> list[tuple[float, ...]]:
        groups: dict[Layout, list[int]] = {}
        for index, individual in enumerate(population):
            groups.setdefault(individual.node.layout, []).append(index)
        values = torch.empty(len(population), len(job.evaluator.weights), dtype=torch.float64)
        for indices in groups.values():
            self._group(job, population, indices, values)
        self.faults += settle_faults(job.evaluator, population, values, self.number, self.on_error)
        with collector_paused():
            return list(map(tuple, values.tolist()))

    def _group(
        self,
        job: Job,
        population: Sequence[WeightGenome],
        indices: Sequence[int],
        values: torch.Tensor,
    ) -> None:
        """Write the scores of individuals of one layout into their rows of ``values``."""
        waiting = self._recall(population, indices, values)
        members = [population[index] for index in waiting]
        if not members:
            return
        nodes = [member.node for member in members]
        self._scorer.count(nodes)
        for scored in self._engine.map(job, nodes):
            end = scored.first + len(scored.values)
            values[waiting[scored.first : end]] = scored.values
            self._take(scored, members[scored.first : end])

    def _recall(
        self, population: Sequence[WeightGenome], indices: Sequence[int], values: torch.Tensor
    ) -> Sequence[int]:
        """Write the scores that are known already; return the indices of those that are not."""
        if self.recall is None:
            return indices
        waiting = []
        for index in indices:
            known = self.recall(population[index])
            if known is None:
                waiting.append(index)
            else:
                values[index] = torch.tensor(known, dtype=values.dtype)
        return waiting

    def _take(self, scored: Scored, individuals: Sequence[WeightGenome]) -> None:
        """Hand a chunk's records to its individuals, count it, and tell who wants to know."""
        attach(scored.records, individuals)
        if self.on_scores is not None:
            self.on_scores(individuals, scored)
        self.forwards += scored.forwards
        self.seconds["making"] += scored.making
        self.seconds["evaluating"] += scored.evaluating


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
