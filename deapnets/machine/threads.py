"""One thread or all of torch's: whichever has been faster of late."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar, final

import torch

Part = TypeVar("Part")
Found = TypeVar("Found")

_SHORTEST, _LONGEST = 8, 64  # calls between two trials of the slower way
_CLEAR = 1.2  # a way that took so many times as long is tried less and less often


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the block with one thread of torch; its setting comes back.

    For many operations that are small each: divided between threads, they wait for them.
    """
    most = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(most)


def side_by_side(function: Callable[[Part], Found], parts: Iterable[Part]) -> Iterator[Found]:
    """Yield a function of each part, in order: as many at a time as torch has threads.

    Each is computed by one thread of torch, so its bits do not depend on their number.
    """
    lot, threads = list(parts), torch.get_num_threads()
    if threads == 1 or len(lot) == 1:
        with one_thread():
            yield from map(function, lot)
        return
    try:
        with ThreadPoolExecutor(min(threads, len(lot)), initializer=_alone) as pool:
            yield from pool.map(function, lot)
    finally:
        torch.set_num_threads(threads)  # MKL has one setting for all threads


def _alone() -> None:
    torch.set_num_threads(1)  # of this thread


@final
class ThreadChoice:
    """Chooses the number of threads of calls that give the same bits with any number.

    On a machine that others use too, small parallel operations wait for threads that are not
    running: evaluating small networks took six times as long with two threads as with one there,
    and three quarters of it on the idle machine. So both ways are timed as the run goes on.
    """

    def __init__(self) -> None:
        self._pace: dict[int, float] = {}  # seconds an individual, of late
        self._calls = 0
        self._gap = _SHORTEST
        self._trial_at = 0

    @contextmanager
    def timed(self, individuals: int) -> Iterator[None]:
        """Run the block with the threads of choice, and take its time; torch's setting comes back.

        The first call is not judged: it loads data and fills caches.
        """
        most = torch.get_num_threads()
        threads = self._pick(most)
        torch.set_num_threads(threads)
        began = time.perf_counter()
        try:
            yield
        finally:
            torch.set_num_threads(most)
        if self._calls:
            self._note(threads, (time.perf_counter() - began) / individuals, most)
        self._calls += 1

    def _pick(self, most: int) -> int:
        if self._calls <= 1 or most == 1:
            return most
        return self._slower(most) if self._calls >= self._trial_at else self._faster(most)

    def _faster(self, most: int) -> int:
        return min((most, 1), key=lambda threads: self._pace.get(threads, 0.0))

    def _slower(self, most: int) -> int:
        return 1 if self._faster(most) == most else most

    def _note(self, threads: int, pace: float, most: int) -> None:
        trial = self._calls >= self._trial_at and threads != self._faster(most)
        before = self._pace.get(threads, pace)
        self._pace[threads] = 0.5 * (before + pace)
        if trial:
            other = self._pace.get(most if threads == 1 else 1, pace)
            self._gap = min(2 * self._gap, _LONGEST) if pace > _CLEAR * other else _SHORTEST
            self._trial_at = self._calls + self._gap
