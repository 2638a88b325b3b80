"""How an evaluator reaches a worker once, and its state once a generation.

A plugin's evaluator is made again from its name and options; another one is pickled. What
`Evaluator.prepare` changes follows each generation: what `Evaluator.state_dict` says, or where a
class has no `state_dict` of its own, the attributes whose pickles differ from those that were sent.
"""

from __future__ import annotations

import pickle
import weakref
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple, final

import torch
from torch import nn

from deapnets.engines import pickling
from deapnets.errors import EngineError
from deapnets.evaluators.base import Evaluator
from deapnets.genomes.layout import Layout
from deapnets.networks.precision import Precision
from deapnets.plugins import EVALUATORS, get, origin_of


class Machine(NamedTuple):
    """What a worker's `deapnets.engines.scoring.Scorer` is made with; memory in bytes."""

    device: str
    memory: int
    path: str
    chunk: int | None
    precision: Precision = "float32"


Made = tuple[str, dict[str, Any]] | bytes
"""Name and options of a plugin's evaluator, or a pickle."""


@final
@dataclass(frozen=True)
class Spec:
    """What a worker needs to score networks: an evaluator and how its machine is used.

    Attributes
    ----------
    made
        ``(name, options)`` of a plugin's evaluator, or its pickle.
    layout
        What the nodes' weights are.
    frozen
        Pickled parameters and buffers of its module that are not evolved: drawn anew in a worker,
        they would be others.
    machine
        What the scorer is made with.
    title
        What messages call the evaluator.
    """

    made: Made
    layout: Layout
    frozen: bytes
    machine: Machine
    title: str

    def evaluator(self) -> Evaluator:
        """Return the evaluator, in the process that uses it."""
        evaluator = remade(self.made, self.title)
        evaluator.genome().load_state_dict(pickle.loads(self.frozen), strict=False)
        return evaluator


def remade(made: Made, title: str = "A function") -> Any:
    """Return, in a worker, the evaluator or function of `made`; errors call it ``title``.

    Raises
    ------
    EngineError
        When a module is missing that its pickle needs.
    """
    try:
        if isinstance(made, bytes):
            return pickling.loads(made)
        name, options = made
        return get(EVALUATORS, name).load().make(**options).instance
    except ModuleNotFoundError as error:
        raise EngineError(
            f"{title} cannot be made in a worker: {error}. Workers do not run the script; "
            "they import what it imports from: install that, or put it on PYTHONPATH."
        ) from error


@final
class Sender:
    """Tells what is to be sent of evaluators, and remembers it for as long as they live."""

    def __init__(self) -> None:
        self._specs: weakref.WeakKeyDictionary[Evaluator, dict[Any, tuple[str, bytes]]]
        self._specs = weakref.WeakKeyDictionary()
        self._sent: weakref.WeakKeyDictionary[Evaluator, dict[str, bytes]]
        self._sent = weakref.WeakKeyDictionary()

    def spec(self, evaluator: Evaluator, layout: Layout, machine: Machine) -> tuple[str, bytes]:
        """Return the name of an evaluator's pickled `Spec`, and the pickle; made once.

        Raises
        ------
        EngineError
            When the evaluator can be neither made again nor pickled.
        """
        known = self._specs.setdefault(evaluator, {})
        key = (layout, machine)
        if key not in known:
            if _changes_silently(evaluator):
                self._sent.setdefault(evaluator, _digests(evaluator))
            frozen = _frozen(evaluator, layout)
            spec = Spec(made(evaluator), layout, frozen, machine, evaluator.title)
            known[key] = _named(pickling.dumps(spec))
        return known[key]

    def state(self, evaluator: Evaluator) -> tuple[str, bytes]:
        """Return the name of the evaluator's pickled state, and the pickle; ``""`` for none."""
        if type(evaluator).state_dict is not Evaluator.state_dict:
            return _named(_dumps(evaluator, ("state", evaluator.state_dict())))
        if not _changes_silently(evaluator):
            return "", b""
        sent = self._sent[evaluator]
        now = _digests(evaluator)
        changed = {n: vars(evaluator)[n] for n in now if now[n] != sent.get(n)}
        return _named(_dumps(evaluator, ("attributes", changed))) if changed else ("", b"")


def take_state(evaluator: Evaluator, pickled: bytes) -> None:
    """Put a worker's evaluator into a state that `Sender.state` returned."""
    kind, state = pickling.loads(pickled)
    if kind == "state":
        evaluator.load_state_dict(state)
    else:
        vars(evaluator).update(state)


def _changes_silently(evaluator: Evaluator) -> bool:
    """Return whether the evaluator prepares or concludes, and has no state of its own to tell."""
    kind = type(evaluator)
    changes = kind.prepare is not Evaluator.prepare or kind.conclude is not Evaluator.conclude
    return changes and kind.state_dict is Evaluator.state_dict


def made(evaluator: Evaluator) -> Made:
    """Return what a worker makes an evaluator from: see `remade`."""
    origin = origin_of(evaluator)
    return _dumps(evaluator, evaluator) if origin is None else origin


def _dumps(evaluator: Evaluator, value: Any) -> bytes:
    try:
        return pickling.dumps(value)
    except Exception as error:  # what an evaluator holds may refuse to be pickled in any way
        raise EngineError(
            f"{evaluator.title} cannot be sent to workers: {' '.join(str(error).split())}. Open "
            'files, locks and connections on first use, not before; or use engine="serial".'
        ) from error


def _digests(evaluator: Evaluator) -> dict[str, bytes]:
    return {
        name: blake2b(_dumps(evaluator, value), digest_size=16).digest()
        for name, value in vars(evaluator).items()
    }


def _frozen(evaluator: Evaluator, layout: Layout) -> bytes:
    module: nn.Module = evaluator.genome()
    rest = {n: v.detach().cpu() for n, v in module.state_dict().items() if n not in layout.names}
    return pickle.dumps({n: v.clone() for n, v in rest.items() if isinstance(v, torch.Tensor)})


def _named(pickled: bytes) -> tuple[str, bytes]:
    return blake2b(pickled, digest_size=16).hexdigest(), pickled
