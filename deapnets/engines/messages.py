"""What a driver and its workers say to each other."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from deapnets.engines import pickling
from deapnets.engines.packing import Packed, tensor_on
from deapnets.engines.scoring import Scored
from deapnets.errors import EngineError


@dataclass(frozen=True)
class Task:
    """Nodes to be scored. What is large or shared by tasks is named, and sent when it is missing.

    Attributes
    ----------
    spec
        Name of the evaluator's `deapnets.engines.sending.Spec`.
    state
        Name of the state that the evaluator must be in, ``""`` for that it was made in.
    nodes
        The nodes.
    keywords
        What `Evaluator.evaluate` gets beside the networks, pickled.
    room, kept
        First row of the shared memory that weights are put into, and of which nodes: int32 [k].
    supplies
        What a worker said it misses, by name.
    """

    spec: str
    state: str
    nodes: Packed
    keywords: bytes
    room: int
    kept: np.ndarray
    supplies: Mapping[str, Any] = field(default_factory=dict)

    @property
    def needs(self) -> list[str]:
        """Names of everything that a worker must have."""
        return [name for name in (self.spec, self.state, *self.nodes.blocks) if name]


@dataclass(frozen=True)
class Call:
    """A function to be called; it is named, and sent when it is missing.

    Attributes
    ----------
    function
        Name of what `deapnets.engines.errands` makes of a function.
    arguments
        Pickled: positional ones and keywords.
    supplies
        What a worker said it misses, by name.
    """

    function: str
    arguments: bytes
    supplies: Mapping[str, Any] = field(default_factory=dict)

    @property
    def needs(self) -> list[str]:
        """Names of everything that a worker must have."""
        return [self.function]


class Packing(NamedTuple):
    """A chunk's scores as plain arrays, which pickle in a tenth of a tensor's time."""

    first: int
    values: np.ndarray
    records: dict[str, np.ndarray]
    rest: tuple[int, float, float]


class Done(NamedTuple):
    """The task's scores; what was said in warnings; weights of nodes that ask to be stored."""

    scored: list[Packing]
    said: list[tuple[type[Warning], str]]
    weights: dict[int, np.ndarray]

    @property
    def individuals(self) -> int:
        """How many individuals were scored."""
        return sum(len(packing.values) for packing in self.scored)


class Returned(NamedTuple):
    """What a function returned, pickled, and what was said in warnings."""

    value: bytes
    said: list[tuple[type[Warning], str]]

    @property
    def individuals(self) -> int:
        """A call counts as one individual."""
        return 1


class Missing(NamedTuple):
    """Names of what the task needs and the worker has not got: it is to be sent again with them."""

    names: list[str]


class Failed(NamedTuple):
    """What the evaluator raised: pickled, or ``b""`` where that cannot be; and the traceback."""

    pickled: bytes
    text: str

    def error(self) -> BaseException:
        """Return the exception, with the worker's traceback as its cause."""
        try:
            error = pickling.loads(self.pickled)
        except Exception:  # an exception may refuse to be unpickled in any way
            error = None
        if not isinstance(error, BaseException):
            error = EngineError(f"A worker failed: {self.text.strip().splitlines()[-1]}")
        error.__cause__ = WorkerError(f"in a worker:\n{self.text}")
        return error


class Lost(NamedTuple):
    """The worker is gone, and why."""

    reason: str


Reply = Done | Returned | Missing | Failed | Lost


class WorkerError(Exception):
    """The traceback of an exception that was raised in a worker."""


def failed(error: BaseException) -> Failed:
    """Return an exception as it travels."""
    text = "".join(traceback.format_exception(error))
    try:
        return Failed(pickling.dumps(error), text)
    except Exception:  # what it carries may refuse to be pickled in any way
        return Failed(b"", text)


def packed(scored: Scored) -> Packing:
    """Return scores as they travel."""
    records = {name: values.cpu().numpy() for name, values in scored.records.items()}
    rest = (scored.forwards, scored.making, scored.evaluating)
    return Packing(scored.first, scored.values.numpy(), records, rest)


def unpacked(packing: Packing, first: int) -> Scored:
    """Return scores that travelled, of a task whose first node has number ``first``."""
    records = {name: tensor_on(values) for name, values in packing.records.items()}
    values = tensor_on(packing.values)
    return Scored(first + packing.first, values, records, *packing.rest)


def repeat_warnings(said: list[tuple[type[Warning], str]], known: set[str]) -> None:
    """Warn of what workers warned of, each text once."""
    for category, text in said:
        if text not in known:
            known.add(text)
            warnings.warn(text, category, stacklevel=4)
