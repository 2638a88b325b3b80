"""`PopulationMap`: the toolbox's map, which evaluates whole populations of networks at once."""

from __future__ import annotations

import random
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

import torch

from deapnets.engines.base import Job
from deapnets.engines.choosing import Staffing, make_engine
from deapnets.engines.faults import OnError, settle_faults, worst_of
from deapnets.engines.scoring import Scored, Scorer
from deapnets.engines.sending import Machine
from deapnets.errors import EvaluationError, OptionError, at_least_one, unknown
from deapnets.evaluators.archive import ScoreArchive
from deapnets.evaluators.base import Evaluator
from deapnets.evaluators.calling import find_evaluator, find_programs, hides_evaluator
from deapnets.evaluators.programs import ProgramEvaluator
from deapnets.evaluators.turns import Turn, require_alike
from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.machine.collecting import collector_paused
from deapnets.machine.resources import parse_memory, pick_device
from deapnets.networks.chunk import attach
from deapnets.networks.paths import require_path
from deapnets.networks.precision import Precision, require_precision
from deapnets.randomness import Stream


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
    engine
        Who makes and scores networks: ``"serial"``: this process; ``"processes"``: worker
        processes; ``"ray"``: a Ray cluster, or Ray on this machine; or any
        `concurrent.futures.Executor`. The scores are the same.
    workers
        How many there are; None for one a processor core (of this machine, or of the cluster).
    address
        The Ray cluster's; None for one that runs already, or a new one on this machine.
    time_limit
        Seconds for an evaluation, after which its worker is stopped and the evaluation tried by
        another; None for any. For ``"processes"`` and ``"ray"``.
    archive
        A `ScoreArchive` of programs: what it knows is not scored again. Also an attribute.

    Attributes
    ----------
    number
        The generation that is evaluated, or was last: 0 for the initial population.
    faults
        One dict for each replaced fitness: ``generation, individual, value``, and ``reason`` where
        its evaluation was given up; and one for each worker that was lost: ``generation, worker``
        (what became of it) and ``individuals`` (how many it was scoring).
    seconds
        Time spent in ``"making"`` weights and ``"evaluating"`` networks, in seconds, that of all
        workers together; and in ``"waiting"``: what else calls of the map took, for want of a
        worker's reply or to hand nodes over.
    evaluations
        Individuals evaluated so far.
    forwards
        Rows of input that went through a network so far, all networks together.
    on_scores
        Called with the individuals of a chunk and their `deapnets.engines.scoring.Scored` as soon
        as a chunk was scored, before fitness that is not finite is dealt with; None for nobody.
    on_population
        Called with the individuals of a call before any of them is made; None for nobody.
    recall
        Called with an individual before it is evaluated: its fitness if that is known already, or
        None. What it returns counts as an evaluation; nobody is asked when it is None.

    Examples
    --------
    >>> import torch
    >>> import deapnets as dn
    >>> net = torch.nn.Linear(2, 2)
    >>> task = dn.Supervised(net, torch.eye(2), torch.tensor([0, 1]), fitness="accuracy")
    >>> population = [dn.initWeights(dn.WeightGenome, net, sigma=0.0) for _ in range(3)]
    >>> for individual in population:
    ...     individual.weights = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    >>> mapping = dn.PopulationMap(device="cpu", seed=1)
    >>> mapping(task, population)
    [(1.0,), (1.0,), (1.0,)]
    >>> mapping.evaluations, mapping.forwards
    (3, 6)
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
        engine: str | Executor = "serial",
        workers: int | None = None,
        address: str | None = None,
        time_limit: float | None = None,
        archive: ScoreArchive | None = None,
    ) -> None:
        require_precision(precision)
        if on_error not in ("raise", "worst"):
            raise OptionError(unknown("on_error", str(on_error), ("raise", "worst")))
        require_path(path)
        at_least_one(chunk=chunk)
        self.device = pick_device(device)
        self.memory = parse_memory(memory, self.device)
        self.on_error = on_error
        self.seed = seed
        self.number = -1
        self.faults: list[dict[str, Any]] = []
        self.seconds = {"making": 0.0, "evaluating": 0.0, "waiting": 0.0}
        self.evaluations = 0
        self.forwards = 0
        self.on_scores: Callable[[Sequence[WeightGenome], Scored], None] | None = None
        self.on_population: Callable[[Sequence[WeightGenome]], None] | None = None
        self.recall: Callable[[WeightGenome], tuple[float, ...] | None] | None = None
        self._scorer = Scorer(self.device, self.memory, path=path, chunk=chunk, precision=precision)
        machine = Machine(str(self.device), self.memory, path, chunk, precision)
        staffing = Staffing(workers, address, time_limit)
        self._engine = make_engine(engine, self._scorer, machine, staffing)
        self._open: Turn | None = None
        self._explicit = False
        self.archive = archive
        self._warned: set[str] = set()
        self._reasons: dict[str, str] = {}  # why an individual was given up, by its digest

    def __call__(self, function: Callable[..., Any], *iterables: Iterable[Any]) -> list[Any]:
        """Return ``function`` of each element, in order: a fitness tuple an individual."""
        programs = find_programs(function)
        if programs is not None and len(iterables) == 1:
            return self._programs(programs, list(iterables[0]))
        evaluator, keywords = find_evaluator(function)
        if evaluator is None or len(iterables) != 1:
            self._warn_if_hidden(function)
            return list(map(function, *iterables))
        population = list(iterables[0])
        if not population:
            return []
        require_alike(evaluator, population)
        return self._evaluate(evaluator, keywords, population)

    def _programs(
        self, evaluator: ProgramEvaluator, population: Sequence[Any]
    ) -> list[tuple[float, ...]]:
        """Return the fitness of a generation of programs; one that has none is a fault."""
        if not population:
            return []
        if self.seed is None:
            self.seed = random.getrandbits(64)
        self.number += 1
        outcomes = evaluator.generation(population, self.seed, self.archive)
        for individual, outcome in zip(population, outcomes, strict=True):
            individual.records = outcome.records
            if "infeasible" in outcome.records:
                fault = {"individual": str(individual), "reason": outcome.records["infeasible"]}
                self.faults.append({"generation": self.number, **fault})
        self.evaluations += len(population)
        return [outcome.values for outcome in outcomes]

    def steady(
        self, function: Callable[..., Any], individuals: Iterable[Any], window: int = 12
    ) -> Iterator[tuple[Any, tuple[float, ...]]]:
        """Yield individuals with their fitness one by one, in their order: a steady state.

        ``individuals`` may be a generator that breeds from what was yielded: the next one is asked
        for when the oldest result was taken, so that ``window`` are always under way. What it
        breeds follows from the window alone, not from the number of workers; it should be about
        three times that number, to keep all of them busy. The whole is one generation: an evaluator
        prepares before its first individual, and concludes at the end.

        Raises
        ------
        OptionError
            When ``function`` is no evaluator, or ``window`` is below 1.
        """
        evaluator, keywords = find_evaluator(function)
        if evaluator is None or window < 1:
            raise OptionError(
                "PopulationMap.steady needs an Evaluator and a window of at least 1; got "
                f"{type(function).__name__} and {window}."
            )
        asked: deque[Any] = deque()
        worst = None
        with self._one_call() as generation:
            generation.prepare(self, evaluator, [])
            job = Job(evaluator, keywords, self.number)
            for scored in self._engine.stream(job, self._asked(job, individuals, asked), window):
                individual = asked.popleft()
                self._take(scored, [individual])
                values = scored.values.clone()
                self._settle(job, [individual], values, worst)
                worst = worst_of(evaluator, values if worst is None else torch.cat([worst, values]))
                fitness = tuple(values[0].tolist())
                generation.note(evaluator, [individual], [fitness])
                self.evaluations += 1
                yield individual, fitness

    def _asked(self, job: Job, individuals: Iterable[Any], asked: deque[Any]) -> Iterator[Node]:
        """Yield the nodes of individuals, who wait in ``asked`` for their scores."""
        for individual in individuals:
            require_alike(job.evaluator, [individual])
            asked.append(individual)
            yield individual.node

    @property
    def workers(self) -> int:
        """How many networks are made and scored at the same time: workers of the engine."""
        return self._engine.workers

    def executor(self) -> Executor | None:
        """Return the engine's workers as an executor, for a search; None for this process alone."""
        return self._engine.executor()

    def close(self) -> None:
        """Let workers go, if there are any; they come back when the map is used."""
        self._engine.close()

    @contextmanager
    def generation(self) -> Iterator[PopulationMap]:
        """Make several calls one generation: islands, co-evolution, survivors scored again.

        The evaluator prepares at the first call and concludes at the end; calls outside such a
        block are a generation each.
        """
        if self._open is not None:
            yield self
            return
        self._open = Turn()
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
        if hides_evaluator(function):
            self._warn_once(
                "decorated",
                "The evaluator is decorated, so individuals are evaluated one by one. Decorate "
                "Evaluator.evaluate, which sees a chunk, to keep whole populations in one batch.",
            )

    def _evaluate(
        self, evaluator: Evaluator, keywords: dict[str, Any], population: Sequence[WeightGenome]
    ) -> list[tuple[float, ...]]:
        with self._one_call() as generation:
            generation.prepare(self, evaluator, population)
            if self.on_population is not None:
                self.on_population(population)
            with self._counted():
                scores = self._scores(Job(evaluator, keywords, self.number), population)
            generation.note(evaluator, population, scores)
        self.evaluations += len(population)
        return scores

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count what the block takes beside the work of the workers, who share it."""
        began, before = time.perf_counter(), self._work()
        yield
        took = time.perf_counter() - began
        self.seconds["waiting"] += max(0.0, took - (self._work() - before) / self.workers)

    def _work(self) -> float:
        return self.seconds["making"] + self.seconds["evaluating"]

    @contextmanager
    def _one_call(self) -> Iterator[Turn]:
        """Return the open generation, or one that lasts for this call."""
        if self._open is not None:
            yield self._open
            return
        generation = Turn()
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
        self._settle(job, population, values)
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
        self.faults += self._engine.faults()
        if scored.lost:
            self._give_up(individuals[0], scored.lost)
        attach(scored.records, individuals)
        if self.on_scores is not None:
            self.on_scores(individuals, scored)
        self.forwards += scored.forwards
        self.seconds["making"] += scored.making
        self.seconds["evaluating"] += scored.evaluating

    def _give_up(self, individual: WeightGenome, reason: str) -> None:
        """Raise for an individual that workers were lost with, or remember why it has no score."""
        if self.on_error == "raise":
            raise EvaluationError(
                f"Individual {individual.digest[:8]} (generation {self.number}) was given up: "
                f"three workers were lost with it, the last one {reason}. "
                'on_error="worst" gives it the worst value.'
            )
        self._reasons[individual.digest] = reason

    def _settle(
        self,
        job: Job,
        population: Sequence[WeightGenome],
        values: torch.Tensor,
        worst: torch.Tensor | None = None,
    ) -> None:
        """Deal with fitness that is not finite."""
        self.faults += settle_faults(
            job.evaluator,
            population,
            values,
            self.number,
            self.on_error,
            reasons=self._reasons,
            worst=worst,
        )
        self._reasons.clear()
