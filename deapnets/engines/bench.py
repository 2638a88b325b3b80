"""`Bench`: what a worker has at hand, and the tasks that it does with it."""

from __future__ import annotations

import pickle
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch

from deapnets.engines import pickling
from deapnets.engines.messages import (
    Call,
    Done,
    Failed,
    Missing,
    Packing,
    Returned,
    Task,
    failed,
    packed,
)
from deapnets.engines.packing import SHARED, tensor_on, unpack
from deapnets.engines.scoring import Scorer
from deapnets.engines.sending import Spec, remade, take_state
from deapnets.evaluators.base import Evaluator
from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node

_EVALUATORS = 8
"""Evaluators that a bench keeps: those that were not used for longest go."""


@dataclass
class _Place:
    """An evaluator at its scorer, and the name of the state it is in."""

    evaluator: Evaluator
    layout: Layout
    scorer: Scorer
    state: str = ""


@final
class Bench:
    """Does tasks: keeps evaluators, states and blocks of weights from one to the next.

    Parameters
    ----------
    shared
        The bytes that all processes of the machine share, uint8 ``[size]``; None for none.
    relays
        Whether warnings are caught and told: in a process of its own nobody would see them.
    """

    def __init__(self, shared: np.ndarray | None = None, *, relays: bool = True) -> None:
        self._shared = shared
        self._relays = relays
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._shelf: OrderedDict[str, Any] = OrderedDict()  # states and blocks
        self._functions: OrderedDict[str, Callable[..., Any]] = OrderedDict()

    def do(self, task: Task | Call) -> Done | Returned | Missing | Failed:
        """Return a task's scores, or what a call returned; or what it lacks, or what went wrong."""
        try:
            self._shelf.update(task.supplies)
            lacking = [name for name in task.needs if not self._has(name)]
            if lacking:
                return Missing(lacking)
            with _caught_warnings(self._relays) as caught:
                if isinstance(task, Call):
                    value = self._called(task)
                else:
                    scored, weights = self._scored(task)
            said = [(warning.category, str(warning.message)) for warning in caught]
            return Returned(value, said) if isinstance(task, Call) else Done(scored, said, weights)
        except Exception as error:
            return failed(error)

    def _has(self, name: str) -> bool:
        return name in self._shelf or name in self._places or name in self._functions

    def _called(self, call: Call) -> bytes:
        """Return what a function returns, pickled; functions used longest ago are forgotten."""
        if call.function not in self._functions:
            source, method = pickle.loads(self._shelf.pop(call.function))
            function = remade(source)
            self._functions[call.function] = getattr(function, method) if method else function
        self._functions.move_to_end(call.function)
        while len(self._functions) > _EVALUATORS:
            self._functions.popitem(last=False)
        arguments, keywords = pickling.loads(call.arguments)
        return pickling.dumps(self._functions[call.function](*arguments, **keywords))

    def _scored(self, task: Task) -> tuple[list[Packing], dict[int, np.ndarray]]:
        place = self._place(task)
        nodes = unpack(task.nodes, place.layout, self._blocks(task, place))
        keeper = _RoomKeeper(nodes, self._room(task, place.layout), task.kept)
        keywords = pickle.loads(task.keywords)
        scores = place.scorer.scores(place.evaluator, keywords, nodes, keeper)
        return [packed(scored) for scored in scores], keeper.asked

    def _place(self, task: Task) -> _Place:
        """Return the task's evaluator at its scorer, in the task's state."""
        if task.spec not in self._places:
            spec: Spec = pickling.loads(self._shelf.pop(task.spec))
            device, memory, path, chunk, precision = spec.machine
            scorer = Scorer(
                torch.device(device), memory, path=path, chunk=chunk, precision=precision
            )
            self._places[task.spec] = _Place(spec.evaluator(), spec.layout, scorer)
        place = self._places[task.spec]
        self._places.move_to_end(task.spec)
        while len(self._places) > _EVALUATORS:
            self._places.popitem(last=False)
        if task.state and place.state != task.state:
            take_state(place.evaluator, self._shelf[task.state])
            place.state = task.state
        return place

    def _blocks(self, task: Task, place: _Place) -> dict[str, torch.Tensor]:
        """Return the blocks of the task's leaves; those used longest ago make room for others."""
        blocks = {}
        for name in task.nodes.blocks:
            if name == SHARED:
                blocks[name] = self._rows(place.layout)
            else:
                blocks[name] = tensor_on(self._shelf[name]).view(place.layout.dtype)
        for name in task.needs:
            if name in self._shelf:
                self._shelf.move_to_end(name)
        held = sum(_size(value) for value in self._shelf.values())
        while held > place.scorer.memory // 2 and next(iter(self._shelf)) not in task.needs:
            held -= _size(self._shelf.popitem(last=False)[1])
        return blocks

    def _rows(self, layout: Layout) -> torch.Tensor:
        """Return the shared memory as rows ``[n, P]`` of a layout."""
        if self._shared is None:
            raise AssertionError("a task speaks of shared memory where there is none")
        whole = len(self._shared) // layout.nbytes * layout.nbytes
        return tensor_on(self._shared[:whole]).view(-1, layout.nbytes).view(layout.dtype)

    def _room(self, task: Task, layout: Layout) -> torch.Tensor:
        """Return the shared rows that weights of the task's nodes go to."""
        if not len(task.kept):
            return torch.empty(0, layout.width, dtype=torch.float32)
        return self._rows(layout)[task.room : task.room + len(task.kept)]


class _RoomKeeper:
    """Copies rows as they are made into the room that was given.

    Parameters
    ----------
    nodes
        The task's nodes.
    room
        Rows ``[k, P]``.
    kept
        Numbers of the nodes whose rows they are to become, int32 ``[k]``.

    Attributes
    ----------
    asked
        Weights of other nodes whose operators want their results stored, by the node's number.
    """

    def __init__(self, nodes: Sequence[Node], room: torch.Tensor, kept: np.ndarray) -> None:
        self._room = room
        self._places = {id(nodes[number]): row for row, number in enumerate(kept.tolist())}
        self._numbers = {id(node): number for number, node in enumerate(nodes)}
        self.asked: dict[int, np.ndarray] = {}

    def keep(self, nodes: Sequence[Node], rows: torch.Tensor) -> None:
        """Copy those of ``rows`` ``[n, P]`` that are to be kept."""
        here = [at for at, node in enumerate(nodes) if id(node) in self._places]
        if here:
            self._room[[self._places[id(nodes[at])] for at in here]] = rows[here].to(
                self._room.device, self._room.dtype
            )
        for at, node in enumerate(nodes):
            asks = node.recipe is not None and node.recipe.operator.keep
            if asks and id(node) not in self._places:
                self.asked[self._numbers[id(node)]] = rows[at].cpu().numpy().copy()


@contextmanager
def _caught_warnings(catch: bool) -> Iterator[list[warnings.WarningMessage]]:
    """Collect warnings; where nobody collects, they go their usual way."""
    if not catch:
        yield []
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        yield caught


def _size(value: Any) -> int:
    return int(value.nbytes) if isinstance(value, np.ndarray) else len(value)
