"""Ctrl-C and SIGTERM: the present generation is finished and saved, unless it takes too long."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar, final

PATIENCE = 2.0
"""Seconds that a generation may go on after it was asked to stop."""

T = TypeVar("T")


@final
class Interrupted(KeyboardInterrupt):
    """The run was asked to stop, by a signal.

    Attributes
    ----------
    code
        The exit code that shells know it by: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"signal {signum}")
        self.code = 128 + signum


@final
class Interrupts:
    """Signals that came in while a run goes on: see `listening`."""

    def __init__(self) -> None:
        self._asked: int | None = None
        self._timer: threading.Timer | None = None

    def between(self, steps: Iterable[T]) -> Iterator[T]:
        """Yield the steps; raise `Interrupted` after one, once a signal has come."""
        for step in steps:
            yield step
            if self._asked is not None:
                self.forget()  # what is saved now is not to be cut off
                raise Interrupted(self._asked)

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """Ask for a stop after the step; the second time, or after `PATIENCE`, stop at once."""
        if self._asked is not None:
            raise Interrupted(self._asked)
        self._asked = signum
        self._timer = threading.Timer(PATIENCE, _signal_again, (signum,))
        self._timer.daemon = True
        self._timer.start()

    def forget(self) -> None:
        """Let the clock stop."""
        if self._timer is not None:
            self._timer.cancel()


def _signal_again(signum: int) -> None:
    """Send a signal to the main thread, so that it wakes up, where the system can."""
    if sys.platform == "win32":
        _thread.interrupt_main(signum)
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signum)


@contextmanager
def listening() -> Iterator[Interrupts]:
    """Handle SIGINT and SIGTERM inside the block; as before behind it."""
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts  # only the main thread may handle signals
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, interrupts.handle)
    try:
        yield interrupts
    finally:
        interrupts.forget()
        for number, handler in before.items():
            signal.signal(number, handler)
