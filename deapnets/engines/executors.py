"""`ExecutorCrew`: any `concurrent.futures.Executor`: threads, loky, Dask's."""

from __future__ import annotations

import os
import threading
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import final

from deapnets.engines.bench import Bench
from deapnets.engines.crew import Crew, Traffic, random_kept
from deapnets.engines.messages import Call, Done, Failed, Lost, Missing, Reply, Returned, Task
from deapnets.errors import EngineError

_here = threading.local()  # an executor's workers have no other place to keep a bench


def do(task: Task | Call, driver: int) -> Done | Returned | Missing | Failed:
    """Do a task at the bench of this thread, in whatever process that is.

    ``driver`` is the id of the process that wants it: where that is this one, warnings are not
    caught, which would be felt in all threads.
    """
    if not hasattr(_here, "bench"):
        _here.bench = Bench(relays=os.getpid() != driver)
    reply: Done | Returned | Missing | Failed = _here.bench.do(task)
    return reply


@final
class ExecutorCrew(Crew):
    """Workers that somebody else looks after.

    Parameters
    ----------
    executor
        The executor; it is not shut down here.
    workers
        How many workers it has; None to ask it, or for one a core.
    """

    def __init__(self, executor: Executor, workers: int | None = None) -> None:
        self.workers = workers or getattr(executor, "_max_workers", None) or os.cpu_count() or 1
        self.traffic = Traffic()
        self._executor = executor
        self._futures: dict[Future[Done | Returned | Missing | Failed], int] = {}

    def idle(self) -> int:
        """Return how many tasks may be started: two a worker, so that none waits for the next."""
        return max(0, 2 * self.workers - len(self._futures))

    def start(self, ticket: int, task: Task | Call) -> None:
        """Submit a task."""
        try:
            with random_kept():
                future = self._executor.submit(do, task, os.getpid())
        except (BrokenExecutor, RuntimeError) as error:
            raise self._broken(error) from error
        self._futures[future] = ticket

    def wait(self) -> list[tuple[int, Reply]]:
        """Wait until a task has come back.

        Raises
        ------
        EngineError
            When the executor is broken: it takes no tasks any more, so nothing can be tried again.
        """
        with random_kept():
            done, _ = wait(self._futures, return_when=FIRST_COMPLETED)
            return [(self._futures.pop(future), self._reply(future)) for future in done]

    def close(self) -> None:
        """Forget what is under way; the executor is its owner's to shut down."""
        self._futures.clear()

    def _reply(self, future: Future[Done | Returned | Missing | Failed]) -> Reply:
        error = future.exception()
        if error is None:
            return future.result()
        if isinstance(error, BrokenExecutor):
            raise self._broken(error) from error
        return Lost(f"{type(error).__name__}: {' '.join(str(error).split())}")

    def _broken(self, error: BaseException) -> EngineError:
        return EngineError(
            f"The {type(self._executor).__name__} takes no tasks any more: "
            f'{" ".join(str(error).split())} engine="processes" replaces workers that are lost.'
        )
