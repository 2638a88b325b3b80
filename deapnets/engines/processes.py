"""`ProcessCrew`: worker processes of this machine, which never import the user's script."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import dataclass, field
from typing import Any, final

import psutil

from deapnets.engines.crew import Crew, Traffic
from deapnets.engines.messages import Call, Done, Lost, Reply, Returned, Task
from deapnets.engines.pool import Pool
from deapnets.engines.worker import read_frame, write_frame
from deapnets.errors import EngineError

_FALSE_STARTS = 3
"""Workers in a row that may end before they are ready, until that is an error."""


@dataclass(eq=False)
class _Worker:
    """A process, and what it is doing."""

    process: subprocess.Popen[bytes]
    life: int  # the end of a pipe that nobody else holds: see `worker._end_with_parent`
    ready: bool = False
    ticket: int | None = None
    since: float = 0.0
    evaluated: int = 0
    reason: str = ""  # why we stopped it
    about: Any = field(default=None, repr=False)

    def private_bytes(self) -> int:
        """Return the memory that is its own."""
        try:
            memory = self.about.memory_info()
        except psutil.Error:
            return 0
        return int(memory.rss - getattr(memory, "shared", 0))


@final
class ProcessCrew(Crew):
    """Worker processes that stay from one generation to the next.

    Each is a Python of its own that imports deapnets and what it is told to: a script without a
    main guard does not start again. They end with this process, however it ends.

    Parameters
    ----------
    workers
        How many.
    threads
        Threads of each.
    shared_bytes
        Size of the memory that they share with this process, on systems that have such.
    time_limit
        Seconds after which a task's worker is stopped; None for never.
    max_evaluations
        Evaluations after which a worker is replaced; None for never.
    max_memory
        Bytes of its own from which a worker is replaced, so that a leak ends; None for its share
        of what is free now.
    """

    def __init__(
        self,
        workers: int,
        *,
        threads: int = 1,
        shared_bytes: int = 0,
        time_limit: float | None = None,
        max_evaluations: int | None = None,
        max_memory: int | None = None,
    ) -> None:
        self.workers = workers
        self.time_limit = time_limit
        self.traffic = Traffic()
        self.recycled = 0
        if shared_bytes and Pool.available():
            self.pool = Pool(shared_bytes)
        self._threads = threads
        self._max_evaluations = max_evaluations
        self._max_memory = max_memory or psutil.virtual_memory().available // workers
        self._staff: list[_Worker] = []
        self._mail: queue.SimpleQueue[tuple[_Worker, Any]] = queue.SimpleQueue()
        self._false_starts = 0
        weakref.finalize(self, _end, self._staff)

    def idle(self) -> int:
        """Return how many workers wait for a task."""
        self._hire()
        return sum(worker.ready and worker.ticket is None for worker in self._staff)

    def start(self, ticket: int, task: Task | Call) -> None:
        """Have a waiting worker begin a task: the last one that replied, which holds the most."""
        waiting = [w for w in self._staff if w.ready and w.ticket is None]
        worker = max(waiting, key=lambda one: one.since)
        worker.ticket, worker.since = ticket, time.monotonic()
        with contextlib.suppress(BrokenPipeError):  # its end is noticed by who reads from it
            size = write_frame(worker.process.stdin, task)  # type: ignore[arg-type]  # a pipe
            if task.supplies:
                self.traffic.supplies += size
            else:
                self.traffic.tasks += size

    def wait(self) -> list[tuple[int, Reply]]:
        """Wait until a worker is ready, replies, ends or has taken too long."""
        try:
            mail = [self._mail.get(timeout=self._patience())]
        except queue.Empty:
            self._stop_the_late()
            return []
        with contextlib.suppress(queue.Empty):
            while True:
                mail.append(self._mail.get_nowait())
        replies = [self._read(worker, message) for worker, message in mail]
        return [reply for reply in replies if reply is not None]

    def close(self) -> None:
        """End the workers."""
        _end(self._staff)

    def _read(self, worker: _Worker, message: Any) -> tuple[int, Reply] | None:
        """Return a worker's reply with its ticket; None for other news."""
        ticket, worker.ticket = worker.ticket, None
        if message is None:
            return self._lose(worker, ticket)
        worker.since = time.monotonic()
        if not worker.ready:
            worker.ready, self._false_starts = True, 0
            return None
        if isinstance(message, (Done, Returned)):
            worker.evaluated += message.individuals
            self._recycle(worker)
        return None if ticket is None else (ticket, message)

    def _lose(self, worker: _Worker, ticket: int | None) -> tuple[int, Reply] | None:
        if worker not in self._staff:
            return None  # retired, or the crew was closed
        self._staff.remove(worker)
        ending = _reason(_reap(worker))
        reason = worker.reason or ending
        if not worker.ready:
            self._false_starts += 1
            if self._false_starts >= _FALSE_STARTS:
                raise EngineError(
                    f"Worker processes end before they are ready ({reason}). What they said is on "
                    f"standard error; each is: {sys.executable} -m deapnets.engines.worker"
                )
        return None if ticket is None else (ticket, Lost(reason))

    def _patience(self) -> float | None:
        """Return the seconds until the first worker has taken too long; None for no end."""
        began = [worker.since for worker in self._staff if worker.ticket is not None]
        if self.time_limit is None or not began:
            return None
        return max(0.0, min(began) + self.time_limit - time.monotonic()) + 0.01

    def _stop_the_late(self) -> None:
        now = time.monotonic()
        for worker in self._staff:
            if worker.ticket is not None and now - worker.since > (self.time_limit or now):
                worker.reason = f"took longer than {self.time_limit:g} s"
                _kill(worker.process)  # who reads from it notices

    def _recycle(self, worker: _Worker) -> None:
        """Replace a worker that has done enough, or holds too much memory."""
        tired = worker.evaluated >= (self._max_evaluations or sys.maxsize)
        if tired or worker.private_bytes() > self._max_memory:
            self.recycled += 1
            self._staff.remove(worker)
            _kill(worker.process)
            _reap(worker)

    def _hire(self) -> None:
        while len(self._staff) < self.workers:
            worker = self._spawned()
            worker.about = psutil.Process(worker.process.pid)
            self._staff.append(worker)
            arguments = (worker, self._mail)
            threading.Thread(target=_listen, args=arguments, daemon=True).start()

    def _spawned(self) -> _Worker:
        """Return a new worker that was told what it needs to know."""
        theirs, ours = os.pipe() if sys.platform.startswith("linux") else (-1, -1)
        counts = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        process = subprocess.Popen(
            [sys.executable, "-c", "from deapnets.engines.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=() if theirs < 0 else (theirs,),
            start_new_session=True,  # signals of the terminal are for the parent
            env={
                **os.environ,
                **dict.fromkeys(counts, str(self._threads)),
                "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
            },
        )
        settings = {
            "life": theirs,
            "parent": os.getpid(),
            "path": sys.path,
            "threads": self._threads,
            "pool": self.pool.address if self.pool else None,
        }
        with contextlib.suppress(BrokenPipeError):
            write_frame(process.stdin, settings)  # type: ignore[arg-type]  # a pipe
        if theirs >= 0:
            os.close(theirs)
        return _Worker(process, ours)


def _listen(worker: _Worker, mail: queue.SimpleQueue[tuple[_Worker, Any]]) -> None:
    """Hand over what a worker writes; None when it has ended."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            mail.put((worker, read_frame(worker.process.stdout)))  # type: ignore[arg-type]  # a pipe
    worker.process.stdout.close()  # type: ignore[union-attr]  # a pipe
    mail.put((worker, None))


def _reason(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError, PermissionError):
        process.kill()


def _reap(worker: _Worker) -> int:
    """Return the exit code of a worker that is ending, its pipes closed."""
    with contextlib.suppress(OSError):
        worker.process.stdin.close()  # type: ignore[union-attr]  # a pipe
    if worker.life >= 0:
        os.close(worker.life)
    return worker.process.wait()


def _end(staff: list[_Worker]) -> None:
    for worker in staff:
        _kill(worker.process)
    for worker in staff:
        _reap(worker)
    staff.clear()
