"""`Errands`: a crew as a `concurrent.futures.Executor`: any calls, whoever the workers are."""

from __future__ import annotations

import itertools
import pickle
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from hashlib import blake2b
from typing import Any, final

from deapnets.engines import pickling
from deapnets.engines.crew import Crew
from deapnets.engines.messages import Call, Failed, Lost, Missing, Reply, Returned, repeat_warnings
from deapnets.engines.sending import made
from deapnets.engines.waiting import STRIKES
from deapnets.errors import WorkerLostError
from deapnets.evaluators.base import Evaluator


@final
class Errands(Executor):
    """Has a crew's workers call functions, each of them sent once to a worker.

    Calls begin in the order of their submission, as workers become free. They are handed out while
    somebody submits or waits for a result, in that thread alone: there is no other one.

    A call that a worker was lost with is tried again; with the third one it is given up, and its
    result is a `WorkerLostError`.

    Parameters
    ----------
    crew
        The workers, who do nothing else meanwhile.
    """

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._tickets = itertools.count()
        self._queue: deque[_Errand] = deque()
        self._underway: dict[int, _Errand] = {}
        self._functions: dict[str, bytes] = {}
        self._said: set[str] = set()

    def submit(self, call: Callable[..., Any], /, *args: Any, **keywords: Any) -> Future[Any]:
        """Return the future of a call; a method of a plugin's evaluator travels by its name."""
        function = _portable(call)
        name = blake2b(function, digest_size=16).hexdigest()
        self._functions[name] = function
        errand = _Errand(self, Call(name, pickling.dumps((args, keywords))))
        self._queue.append(errand)
        self._hand_out()
        return errand

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Forget what is under way; the workers are their owner's to let go."""
        self._queue.clear()
        self._underway.clear()

    def pump(self) -> None:
        """Hand out what can be, and wait until something happens to a worker."""
        self._hand_out()
        for ticket, reply in self._crew.wait():
            errand = self._underway.pop(ticket, None)
            if errand is not None:
                self._take(errand, reply)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._queue and self._crew.idle():
            errand = self._queue.popleft()
            ticket = next(self._tickets)
            self._underway[ticket] = errand
            self._crew.start(ticket, errand.call)

    def _take(self, errand: _Errand, reply: Reply) -> None:
        if isinstance(reply, Missing):
            supplies = {n: self._crew.publish(self._functions[n]) for n in reply.names}
            errand.call = replace(errand.call, supplies=supplies)
            self._queue.appendleft(errand)
        elif isinstance(reply, Lost):
            self._lose(errand, reply.reason)
        elif isinstance(reply, Failed):
            errand.set_exception(reply.error())
        elif isinstance(reply, Returned):
            repeat_warnings(reply.said, self._said)
            errand.set_result(pickling.loads(reply.value))

    def _lose(self, errand: _Errand, reason: str) -> None:
        errand.strikes += 1
        errand.call = replace(errand.call, supplies={})
        if errand.strikes < STRIKES:
            self._queue.appendleft(errand)
            return
        errand.set_exception(WorkerLostError(f"{STRIKES} workers were lost with it: {reason}"))


class _Errand(Future[Any]):
    """The future of a call: waiting for its result hands out calls."""

    def __init__(self, errands: Errands, call: Call) -> None:
        super().__init__()
        self.call, self.strikes = call, 0
        self._errands = errands

    def result(self, timeout: float | None = None) -> Any:
        """Return what the call returned, or raise what it raised; ``timeout`` has no effect."""
        while not self.done():
            self._errands.pump()
        return super().result()


def _portable(call: Callable[..., Any]) -> bytes:
    owner = getattr(call, "__self__", None)
    if isinstance(owner, Evaluator):
        return pickle.dumps((made(owner), call.__name__))
    return pickle.dumps((pickling.dumps(call), ""))
