"""Parameters that change over a run: a schedule in place of a number, which observes the fitness.

Give a schedule to a mutation where a number would stand, and register it as a statistic, so that it
sees every generation and stands in the logbook::

    sigma = ExponentialSchedule(0.1, 0.01, ngen=100)
    toolbox.register("mutate", mutGaussian, sigma=sigma, indpb=1.0)
    stats = tools.Statistics(lambda individual: individual.fitness.values)
    stats.register("sigma", sigma)

Every algorithm of DEAP compiles its statistics once a generation, after the fitness is there and
before the next one is bred. A mutation could not look for itself: `deap.algorithms.varAnd` deletes
the fitness before it mutates.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, SupportsFloat, final

from deapnets.errors import OptionError


class Schedule(ABC):
    """A number that follows a run; operators read it whenever they are called.

    Parameters
    ----------
    start
        What it is until a generation has been observed.

    Attributes
    ----------
    value
        What it is now.
    generation
        The last generation that was observed; -1 before the initial one.
    """

    def __init__(self, start: float) -> None:
        self.value = float(start)
        self.generation = -1

    def __call__(self, fitness: Sequence[Any]) -> float:
        """Observe a generation's fitness, once, and return what the next one is bred with.

        ``fitness`` has a number for each individual, or a tuple, of which the first objective
        counts: what `deap.tools.Statistics` hands over.
        """
        self.generation += 1
        self.value = self._next([one[0] if isinstance(one, Sequence) else one for one in fitness])
        return self.value

    @abstractmethod
    def _next(self, fitness: Sequence[float]) -> float:
        """Return the value that follows from a generation's fitness."""

    def state_dict(self) -> dict[str, Any]:
        """Return its attributes: what it was made with, and what it has observed."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        vars(self).update(state)


@final
class ConstantSchedule(Schedule):
    """The same number throughout: what others are compared with.

    Parameters
    ----------
    start
        The number, finite and at least 0.
    """

    def __init__(self, start: float) -> None:
        if not _are_numbers(start) or not 0.0 <= start < math.inf:
            raise OptionError(f"ConstantSchedule: start is finite and at least 0, got {start!r}.")
        super().__init__(start)

    def _next(self, fitness: Sequence[float]) -> float:
        return self.value


@final
class ExponentialSchedule(Schedule):
    """Falls from ``start`` to ``floor``, by the same factor a generation, and stays there.

    Parameters
    ----------
    start, floor
        Its first value and its last one, ``0 < floor <= start``.
    ngen
        Generations after the initial one until it is at the floor.

    Raises
    ------
    OptionError
        When one of them cannot be used.
    """

    def __init__(self, start: float, floor: float, ngen: int) -> None:
        require_fall("ExponentialSchedule", start, floor)
        if not _are_numbers(ngen) or ngen < 1:
            raise OptionError(f"ExponentialSchedule: ngen is at least 1 generation, got {ngen!r}.")
        super().__init__(start)
        self.start, self.floor, self.ngen = start, floor, ngen

    def _next(self, fitness: Sequence[float]) -> float:
        return exponential(self.start, self.floor, self.generation / self.ngen)


@final
class GoalSchedule(Schedule):
    """Large while the best fitness is far from a goal, small near it.

    It falls from ``start`` to ``floor`` in proportion to what is left of the way to the goal, and
    rises again when the best fitness falls back. The way begins at the best of the initial
    population. Whether the goal is above or below follows from that population; who has passed the
    goal is there.

    Parameters
    ----------
    start, floor
        Its value at the beginning of the way and at the goal, ``0 < floor <= start``.
    goal
        The fitness that is hoped for: 1.0 of an accuracy, 0.0 of a loss.

    Raises
    ------
    OptionError
        When one of them cannot be used, or there is no goal.
    """

    def __init__(self, start: float, floor: float, goal: float | None = None) -> None:
        require_fall("GoalSchedule", start, floor)
        if goal is None or not _are_numbers(goal) or not math.isfinite(goal):
            raise OptionError(
                "GoalSchedule needs a goal, the fitness that is hoped for, such as goal=1.0 for an "
                f"accuracy and goal=0.0 for a loss; got {goal!r}."
            )
        super().__init__(start)
        self.start, self.floor, self.goal = start, floor, goal
        self._side = 0  # 1 where the goal is above the initial population, -1 below
        self._way = 0.0  # from the best of the initial population to the goal

    def _next(self, fitness: Sequence[float]) -> float:
        if self._side == 0:
            below = sum(fitness) <= self.goal * len(fitness)
            self._side = 1 if below else -1
            self._way = self._left(fitness)
        part = min(1.0, self._left(fitness) / self._way) if self._way > 0.0 else 0.0
        return self.floor + (self.start - self.floor) * part

    def _left(self, fitness: Sequence[float]) -> float:
        """Return how far the individual that is nearest is from the goal."""
        return max(0.0, min(self._side * (self.goal - value) for value in fitness))


def exponential(start: float, floor: float, progress: float) -> float:
    """Return where an exponential fall from ``start`` to ``floor`` is at ``progress`` in [0, 1]."""
    return float(start * (floor / start) ** min(max(progress, 0.0), 1.0))


def require_fall(name: str, start: float, floor: float) -> None:
    """Raise an `OptionError` unless ``0 < floor <= start``, both finite."""
    if not _are_numbers(start, floor) or not 0.0 < floor <= start < math.inf:
        raise OptionError(
            f"{name} falls from start to floor, both finite and above 0; "
            f"got {start!r} and {floor!r}."
        )


def _are_numbers(*values: Any) -> bool:
    """Return whether all of them are: text that looks like one is none."""
    return all(isinstance(value, SupportsFloat) for value in values)
