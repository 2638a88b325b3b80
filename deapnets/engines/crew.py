"""`Crew`: workers that take tasks and give replies, wherever they are."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deapnets.engines.messages import Call, Reply, Task
from deapnets.engines.pool import Pool


@dataclass
class Traffic:
    """Bytes that were sent to workers."""

    tasks: int = 0  # children, as recipes
    supplies: int = 0  # evaluators, states and the weights of live parents


class Crew(ABC):
    """Workers. Whoever uses them starts as many tasks as are `idle`, then waits.

    Attributes
    ----------
    workers
        How many there are.
    pool
        Memory that all of them share with this process; None where there is none.
    traffic
        What was sent so far; not counted where somebody else sends it.
    """

    workers: int
    pool: Pool | None = None
    traffic: Traffic
    time_limit: float | None = None

    @abstractmethod
    def idle(self) -> int:
        """Return how many tasks may be started now."""

    @abstractmethod
    def start(self, ticket: int, task: Task | Call) -> None:
        """Have a worker begin a task."""

    @abstractmethod
    def wait(self) -> list[tuple[int, Reply]]:
        """Wait until something happens; return the replies that came, under their tickets.

        A worker that is lost is replaced, and its ticket's reply is `Lost`. None may have come:
        the number of idle workers may have changed.
        """

    @abstractmethod
    def close(self) -> None:
        """Let the workers go; they come back when a task is started."""

    def publish(self, value: Any) -> Any:
        """Return what is sent to workers for a block of weights, or for a pickle."""
        return value


@contextmanager
def random_kept() -> Iterator[None]:
    """Put Python's random state back: what talks to workers (Dask does) draws from it."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
