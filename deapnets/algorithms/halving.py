"""`Halving`: children start at a low fidelity, and the best of them go on to the next one."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

from deapnets.errors import OptionError


@final
@dataclass
class Halving:
    """Successive halving, asynchronous: who is in the best ``1 / eta`` so far goes on.

    Fitness of different fidelities is never compared: whoever came further beats whoever did not,
    for it was better where both were; of two that came equally far the fitness decides.

    Parameters
    ----------
    fidelities
        From the lowest to the full one, such as ``(12, 200)`` epochs.
    eta
        One of so many goes on, above 1.
    seen
        Fitness of those that were looked at, by fidelity: part of a state; empty to begin with.

    Raises
    ------
    OptionError
        When there are no fidelities, they do not rise, or ``eta`` is not above 1.

    Notes
    -----
    Source: Li, Jamieson, Rostamizadeh, Gonina, Hardt, Recht & Talwalkar 2020, "A system for
    massively parallel hyperparameter tuning", arXiv 1810.05934, algorithm 2.
    """

    fidelities: Sequence[float]
    eta: float = 3.0
    seen: list[list[tuple[float, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.fidelities, self.fidelities[1:], strict=False))
        if not self.fidelities or not rising:
            raise OptionError(f"fidelities rise, and there is one; got {list(self.fidelities)}.")
        if not self.eta > 1.0:
            raise OptionError(f"eta is above 1, got {self.eta}.")
        self.seen = self.seen or [[] for _ in self.fidelities]

    @property
    def top(self) -> int:
        """Number of the full fidelity."""
        return len(self.fidelities) - 1

    def goes_on(self, level: int, worth: tuple[float, ...]) -> bool:
        """Take note of a fitness, to be maximised, at a level; return whether it is promoted."""
        bisect.insort(self.seen[level], worth)
        better = len(self.seen[level]) - bisect.bisect_right(self.seen[level], worth)
        return level < self.top and better < len(self.seen[level]) / self.eta


def standing(individual: Any) -> tuple[Any, ...]:
    """Return what individuals are compared by: how far they came, then fitness."""
    return (getattr(individual, "level", 0), individual.fitness)
