"""When a run ends, and how much of its budget is spent."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import final

from deapnets.errors import OptionError, suggest

_MINIMISED = ("_loss", "_distance")
"""How the metrics end that are better when they are less."""


LIMITS = ("generations", "seconds", "evaluations", "evaluation_seconds")
"""What a budget may count."""


def minimised(metric: str) -> bool:
    """Return whether less is better of a metric: of losses and distances."""
    return metric.endswith(_MINIMISED)


@final
@dataclass(frozen=True)
class Target:
    """A figure of the validation split that ends a run: at least, of a loss or distance at most."""

    metric: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Target:
        """Return the target of ``"validation_accuracy=0.95"``."""
        metric, _, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not metric or not math.isfinite(value):
            raise OptionError(
                f'A target is METRIC=VALUE, such as validation_accuracy=0.95; got "{text}".'
            )
        return cls(metric, value)

    def reached(self, figure: float) -> bool:
        """Return whether the figure is as good as this; NaN never is."""
        if minimised(self.metric):
            return figure <= self.value
        return figure >= self.value


@final
@dataclass(frozen=True)
class Budget:
    """Limits of a run; it ends at the first one that is reached.

    Parameters
    ----------
    generations
        Generations after the initial one.
    seconds
        Seconds from the first generation on; the generation that passes them is finished.
    evaluations
        Individuals evaluated.
    target
        A figure of the validation split that is enough.
    evaluation_seconds
        Seconds that evaluations cost by the evaluator's own account, such as training that a table
        stands for; of searches of architectures.

    Raises
    ------
    OptionError
        When a limit is not positive or not finite, or none is given.
    """

    generations: int | None = None
    seconds: float | None = None
    evaluations: int | None = None
    target: Target | None = None
    evaluation_seconds: float | None = None

    def __post_init__(self) -> None:
        limits = {name: getattr(self, name) for name in LIMITS}
        for name, value in limits.items():
            if value is not None and not 0 < value < math.inf:
                raise OptionError(
                    f"A budget of {name} must be more than 0 and finite, got {value}."
                )
        if all(value is None for value in limits.values()):
            raise OptionError("A run needs a budget: generations, seconds or evaluations.")

    def extended(self, **limits: float | None) -> Budget:
        """Return a budget with other limits; those that are None stay as they are.

        Raises
        ------
        OptionError
            When a limit is less than it was: what is spent cannot be taken back.
        """
        given = {name: limit for name, limit in limits.items() if limit is not None}
        for name, limit in given.items():
            before = getattr(self, name)
            if before is not None and limit < before:
                raise OptionError(
                    f"The run has a budget of {before:g} {name}; it can be made larger, not "
                    f"smaller: got {limit:g}."
                )
        return replace(self, **given)  # type: ignore[arg-type]  # counts are whole numbers

    def require_more_than(self, population: int) -> None:
        """Raise an `OptionError` when the initial population alone would use it up."""
        if self.evaluations is not None and self.evaluations <= population:
            raise OptionError(
                f"A budget of {self.evaluations} evaluations is not above the population of "
                f"{population}: this never evolves. Give more evaluations or a smaller population."
            )

    def spent(
        self, generation: int, seconds: float, evaluations: int, evaluation_seconds: float = 0.0
    ) -> float:
        """Return the part of the budget that is spent, from 0 to 1: 1 ends the run."""
        amounts = (generation, seconds, evaluations, evaluation_seconds)
        limits = [getattr(self, name) for name in LIMITS]
        parts = [a / limit for a, limit in zip(amounts, limits, strict=True) if limit is not None]
        return min(1.0, max(parts))

    def reached(self, figures: dict[str, float]) -> bool:
        """Return whether these figures of the validation split reach the target.

        Raises
        ------
        OptionError
            When the target's figure is not among them: the run would never end there.
        """
        if self.target is None:
            return False
        metric = self.target.metric
        if metric not in figures:
            raise OptionError(
                f'The target "{metric}" is not measured while the run goes on.'
                f"{suggest(metric, figures)} Measured: {', '.join(sorted(figures)) or 'nothing'}."
            )
        return self.target.reached(figures[metric])
