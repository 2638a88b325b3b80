"""`Waiting`: which individuals of a call are still to be scored, and what was lost with them."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from typing import final

STRIKES = 3
"""Workers that may be lost with an individual before it is given up."""
_TASK_SECONDS = 0.2
"""What a task should take: long beside the milliseconds that sending costs, short beside a wait."""


@final
class Waiting:
    """The numbers of individuals that wait, cut into tasks.

    Attributes
    ----------
    left
        How many have no scores yet, those that are under way included.
    """

    def __init__(self) -> None:
        self.left = 0
        self._next = 0  # the first number that was never in a task
        self._end = 0
        self._again: deque[int] = deque()
        self._strikes: Counter[int] = Counter()

    def add(self, count: int) -> None:
        """Let the next ``count`` individuals wait."""
        self._end += count
        self.left += count

    def __bool__(self) -> bool:
        """Return whether some wait for a task."""
        return bool(self._again) or self._next < self._end

    def take(self, workers: int, pace: float | None, time_limit: float | None) -> range:
        """Return the numbers of the next task, one after the other.

        What was lost goes first and alone. Otherwise a task takes a fifth of a second, and is small
        enough for all workers to end together: half of an equal share of what waits. Where a task
        is stopped after ``time_limit`` seconds, it should take a tenth of that.

        Parameters
        ----------
        workers
            How many share the work.
        pace
            Seconds an individual takes; None when that is not known: one is tried then.
        time_limit
            Seconds a task may take; None for any.
        """
        if self._again:
            number = self._again.popleft()
            return range(number, number + 1)
        size = 1
        if pace is not None:
            seconds = min(_TASK_SECONDS, 0.1 * (time_limit or math.inf))
            share = math.ceil((self._end - self._next) / (2 * workers))
            size = max(1, min(share, int(seconds / max(pace, 1e-9))))
        first, self._next = self._next, min(self._next + size, self._end)
        return range(first, self._next)

    def arrived(self, count: int) -> None:
        """Note that so many individuals have their scores."""
        self.left -= count

    def lost(self, numbers: Sequence[int]) -> bool:
        """Let the individuals of a lost task wait again, each alone.

        Return True when the one individual of the task is given up instead, having been the end of
        three workers: the last time alone.
        """
        self._strikes.update(numbers)
        if len(numbers) == 1 and self._strikes[numbers[0]] >= STRIKES:
            return True
        self._again.extend(numbers)
        return False
