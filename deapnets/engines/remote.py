"""`RemoteEngine`: nodes scored by workers, whoever they are and whatever becomes of them."""

from __future__ import annotations

import itertools
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, final
from weakref import WeakSet

import torch

from deapnets.engines.base import Engine, Job
from deapnets.engines.crew import Crew
from deapnets.engines.errands import Errands
from deapnets.engines.messages import (
    Done,
    Failed,
    Lost,
    Missing,
    Reply,
    Task,
    repeat_warnings,
    unpacked,
)
from deapnets.engines.orders import Order
from deapnets.engines.packing import tensor_on
from deapnets.engines.scoring import Scored, Scorer
from deapnets.engines.sending import Machine, Sender
from deapnets.engines.shipping import recipes_below, settle_in
from deapnets.engines.waiting import Waiting
from deapnets.genomes.nodes import Node


@dataclass(frozen=True)
class _Call:
    """One call of the engine."""

    order: Order
    waiting: Waiting
    lacking: deque[_Started] = field(default_factory=deque)  # to be sent again, with supplies


@dataclass(frozen=True)
class _Started:
    """A task under way."""

    call: _Call
    numbers: range
    task: Task
    room: list[torch.Tensor]  # held until the worker is done with it, whatever becomes of the call


@final
class RemoteEngine(Engine):
    """Has a crew score nodes: cuts tasks, sends what is missing, tries again what was lost.

    A task that a worker was lost with is cut into single individuals, and one that three workers
    were lost with is given up.

    Parameters
    ----------
    crew
        The workers.
    name
        What the engine is called.
    scorer
        Makes the weights of live parents in this process, where workers do not share its memory.
    machine
        What the workers' scorers are made with.
    """

    def __init__(self, crew: Crew, name: str, scorer: Scorer, machine: Machine) -> None:
        self.crew = crew
        self.name = name
        self._scorer = scorer
        self._machine = machine
        self._sender = Sender()
        self._tickets = itertools.count()
        self._names = (f"{uuid.uuid4().hex}.{number}" for number in itertools.count())
        self._underway: dict[int, _Started] = {}
        self._pace: dict[str, float] = {}  # seconds an individual takes, by the evaluator's spec
        self._scored: WeakSet[Node] = WeakSet()
        self._said: set[str] = set()
        self._noted: list[dict[str, Any]] = []

    @property
    def workers(self) -> int:  # type: ignore[override]  # a crew may grow and shrink
        """How many workers there are."""
        return self.crew.workers

    def close(self) -> None:
        """Let the workers go; they come back when the engine is used."""
        self.crew.close()
        self._underway.clear()

    def executor(self) -> Executor:
        """Return the same workers as an executor of any calls."""
        return Errands(self.crew)

    def faults(self) -> list[dict[str, Any]]:
        """Return the losses since this was asked last: ``generation, worker, individuals``."""
        noted, self._noted = self._noted, []
        return noted

    def map(self, job: Job, nodes: Sequence[Node]) -> Iterator[Scored]:
        """Yield the scores of nodes of one layout as they come in, in whatever order."""
        call = self._call(job)
        self._add(call, nodes, 0)
        while call.waiting.left:
            yield from self._step(call)

    def stream(self, job: Job, nodes: Iterable[Node], window: int) -> Iterator[Scored]:
        """Yield the scores of nodes one by one, in their order."""
        call = self._call(job)
        source = iter(nodes)
        arrived: dict[int, Scored] = {}
        asked = 0
        for index in itertools.count():
            for node in islice(source, index + window - asked):
                self._add(call, [node], asked)
                asked += 1
                self._fill(call, alone=True)
            if index == asked:
                return
            while index not in arrived:
                arrived |= {scored.first: scored for scored in self._step(call, alone=True)}
            del call.order.nodes[index]
            yield arrived.pop(index)

    def _call(self, job: Job) -> _Call:
        order = Order(job, self.crew, self._sender, self._machine, next(self._names))
        return _Call(order, Waiting())

    def _add(self, call: _Call, nodes: Sequence[Node], first: int) -> None:
        """Add nodes to a call; where workers share no memory, live parents are made here."""
        if self.crew.pool is None:
            self._scorer.settle([node for node in recipes_below(nodes) if node in self._scored])
        call.order.add(nodes, first)
        call.waiting.add(len(nodes))

    def _step(self, call: _Call, *, alone: bool = False) -> list[Scored]:
        """Start what can be started, wait for something to happen, and return what came in."""
        self._fill(call, alone=alone)
        scored = []
        for ticket, reply in self.crew.wait():
            started = self._underway.pop(ticket, None)
            if started is not None and started.call is call:
                scored += self._taken(started, reply)
        return scored

    def _fill(self, call: _Call, *, alone: bool) -> None:
        """Start tasks while workers are idle; ``alone``: of one individual each."""
        while call.lacking and self.crew.idle():
            self._send(call.lacking.popleft())
        while call.waiting and self.crew.idle():
            pace = None if alone else self._pace.get(call.order.spec)
            numbers = call.waiting.take(self.workers, pace, self.crew.time_limit)
            task, room = call.order.task(numbers)
            self._send(_Started(call, numbers, task, room))

    def _send(self, started: _Started) -> None:
        ticket = next(self._tickets)
        self._underway[ticket] = started
        self.crew.start(ticket, started.task)

    def _taken(self, started: _Started, reply: Reply) -> list[Scored]:
        """Return the scores of a task that came back, or see to what it came back with."""
        if isinstance(reply, Failed):
            raise reply.error()
        if isinstance(reply, Missing):
            supplies = {name: started.call.order.supply(name) for name in reply.names}
            task = replace(started.task, supplies=supplies)
            started.call.lacking.append(replace(started, task=task))
            return []
        if isinstance(reply, Lost):
            return self._lost(started, reply.reason)
        return self._done(started, reply) if isinstance(reply, Done) else []

    def _lost(self, started: _Started, reason: str) -> list[Scored]:
        """Note the loss; return the scores of an individual that is given up: NaN."""
        job = started.call.order.job
        count = len(started.numbers)
        self._noted.append({"generation": job.generation, "worker": reason, "individuals": count})
        if not started.call.waiting.lost(started.numbers):
            return []
        started.call.waiting.arrived(1)
        values = torch.full((1, len(job.evaluator.weights)), torch.nan, dtype=torch.float64)
        return [Scored(started.numbers[0], values, {}, 0, 0.0, 0.0, reason)]

    def _done(self, started: _Started, reply: Done) -> list[Scored]:
        """Keep the weights that a task left, and return its scores."""
        nodes = [started.call.order.nodes[number] for number in started.numbers]
        settle_in([nodes[at] for at in started.task.kept.tolist()], started.room, write=False)
        for at, weights in reply.weights.items():
            if nodes[at].recipe is not None:
                nodes[at].settle(tensor_on(weights))
        if self.crew.pool is None:
            self._scored.update(nodes)
        repeat_warnings(reply.said, self._said)
        started.call.waiting.arrived(len(nodes))
        chunks = [unpacked(packing, started.numbers[0]) for packing in reply.scored]
        self._note_pace(started.task.spec, chunks)
        return chunks

    def _note_pace(self, spec: str, chunks: Sequence[Scored]) -> None:
        """Remember how long an individual takes, half of it by the last task."""
        seconds = sum(chunk.making + chunk.evaluating for chunk in chunks)
        pace = seconds / sum(len(chunk.values) for chunk in chunks)
        self._pace[spec] = 0.5 * (self._pace.get(spec, pace) + pace)
