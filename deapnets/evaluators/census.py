"""`Census`: all networks of a space with their scores, and what random draws of them find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from deapnets.errors import OptionError

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Census:
    """Every outcome that an evaluation of a network drawn at random can have.

    Parameters
    ----------
    scores
        Fitness of each outcome, to be maximised, float64 ``[n]``.
    chances
        Probability of each outcome, ``[n]``; they sum to 1.
    figures
        What is known of the outcome's network by name, as `Evaluator.measure` has it: ``[n]`` each.
    seconds
        Cost of each outcome, ``[n]``.
    """

    scores: Floats
    chances: Floats
    figures: Mapping[str, Floats]
    seconds: Floats

    def best_of(self, draws: int) -> dict[str, float]:
        """Return the expected figures of the one with the best score among independent draws.

        Exact: of outcomes in the order of their scores, the best of k draws is among the first i
        with the probability that one draw is, to the k-th power. Of equal scores each may have been
        drawn first.

        Raises
        ------
        OptionError
            When there is not one draw.
        """
        if draws < 1:
            raise OptionError(f"The best of {draws} draws: there is at least one.")
        order, first = self._groups
        groups = np.add.reduceat(self.chances[order], first)
        below = np.minimum(np.cumsum(groups), 1.0)
        below[-1] = 1.0
        best = np.diff(below**draws, prepend=0.0) / groups
        return {
            name: float(best @ np.add.reduceat((self.chances * values)[order], first))
            for name, values in self.figures.items()
        }

    def draws_for(self, seconds: float) -> int:
        """Return how many draws so many seconds pay for on average, at least 1."""
        return max(1, int(seconds / float(self.chances @ self.seconds)))

    @property
    def _groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the order of the scores, and where in it each different score begins."""
        order = np.argsort(self.scores, kind="stable")
        ordered = self.scores[order]
        return order, np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1.0))
