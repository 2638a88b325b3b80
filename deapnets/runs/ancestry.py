"""`Ancestry`: whom the living descend from, generation by generation, without the dead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

DENSE = 256
"""Generations from the start that are all looked at; from then on ever fewer."""

_EVERY = 16  # generations from one pruning to the next

NOBODY = -1


def looked_at(generation: int) -> bool:
    """Return whether a generation is one of those that are looked at closely.

    Every one of the first `DENSE`, every second one up to twice as many, every fourth up to four
    times, and so on: 925 of 10,000, the same ones when a run is stopped and goes on.
    """
    return generation % (1 << (generation // DENSE).bit_length()) == 0


@final
@dataclass
class _Level:
    """Those of a generation that have living descendants, ``k`` of them.

    Attributes
    ----------
    generation
        Its number.
    before
        Where each one's parent stands in the level below; `NOBODY` where it has none. ``[k]``
    fitness
        Of the first objective. ``[k]``
    born
        Whether it is a child, and no survivor. ``[k]``
    """

    generation: int
    before: NDArray[np.int64]
    fitness: NDArray[np.float64]
    born: NDArray[np.bool_]

    def keep(self, alive: NDArray[np.bool_]) -> None:
        """Forget all but those who are alive."""
        self.before, self.fitness = self.before[alive], self.fitness[alive]
        self.born = self.born[alive]


@final
class Ancestry:
    """The lines of a population: each individual's parent, the parent's, and so on.

    A child of two is in the line of the one that it was cloned from, as DEAP's loops have it.
    Whoever has no living descendant is forgotten, so that memory follows from how long ago the
    living have a common ancestor; of the line behind that one, `looked_at` says what stays.
    """

    def __init__(self) -> None:
        self._levels: list[_Level] = []
        self._pruned = 0  # levels from the oldest on in which nobody is dead

    def add(
        self,
        generation: int,
        before: NDArray[np.int64],
        fitness: NDArray[np.float64],
        born: NDArray[np.bool_],
    ) -> None:
        """Add a generation of ``n``: where each one's parent stood in the one before, or `NOBODY`.

        All arrays are ``[n]``. ``before`` counts in the order in which that one was added.
        """
        self._levels.append(_Level(generation, before, fitness, born))
        if len(self._levels) % _EVERY == 0:
            self._prune()

    def line(self, place: int) -> list[tuple[int, float, bool]]:
        """Return the line of an individual of the last generation, the oldest ancestor first.

        Generation, fitness, and whether it was born there and had not survived.
        """
        self._prune()
        found = []
        for level in reversed(self._levels):
            born, fitness = bool(level.born[place]), float(level.fitness[place])
            found.append((level.generation, fitness, born))
            place = int(level.before[place])
            if place == NOBODY:
                break
        return found[::-1]

    def state_dict(self) -> dict[str, Any]:
        """Return what the living descend from; nothing before there is anybody."""
        if not self._levels:
            return {}
        self._prune()
        return {
            "generations": [level.generation for level in self._levels],
            "sizes": [len(level.before) for level in self._levels],
            "before": np.concatenate([level.before for level in self._levels]),
            "fitness": np.concatenate([level.fitness for level in self._levels]),
            "born": np.concatenate([level.born for level in self._levels]),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        if not state:
            return
        ends = np.cumsum(state["sizes"], dtype=np.int64)[:-1]
        parts = [np.split(state[name], ends) for name in ("before", "fitness", "born")]
        self._levels = [_Level(*level) for level in zip(state["generations"], *parts, strict=True)]
        self._pruned = len(self._levels)

    def _prune(self) -> None:
        """Forget the dead, down to where a level that was pruned before stays as it is."""
        for at in range(len(self._levels) - 1, 0, -1):
            upper, lower = self._levels[at], self._levels[at - 1]
            alive = np.zeros(len(lower.before) + 1, dtype=bool)
            alive[upper.before] = True  # the last one is for those who have no parent
            places = np.cumsum(alive) - 1
            places[-1], alive[-1] = NOBODY, False
            if alive[:-1].all():
                if at <= self._pruned:
                    break
                continue
            upper.before = places[upper.before]
            lower.keep(alive[:-1])
        self._thin()

    def _thin(self) -> None:
        """Let go of what is not to be looked at in the one line behind a common ancestor."""
        alone = 0
        while alone < len(self._levels) - 1 and len(self._levels[alone].before) <= 1:
            alone += 1
        kept = [
            level
            for level in self._levels[:alone]
            if len(level.before) and looked_at(level.generation)
        ]
        self._levels[:alone] = kept
        self._pruned = len(self._levels)
