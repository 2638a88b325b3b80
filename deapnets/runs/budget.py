"""When a run ends, and how much of its budget is spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from deapnets.errors import OptionError


@final
@dataclass(frozen=True)
class Target:
    """A figure that ends a run when it is reached: a metric of the validation split, maximised."""

    metric: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Target:
        """Return the target of ``"validation_accuracy=0.95"``."""
        metric, separator, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            separator = ""
        if not separator or not metric:
            raise OptionError(
                f'A target is METRIC=VALUE, such as validation_accuracy=0.95; got "{text}".'
            )
        return cls(metric, value)


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

    Raises
    ------
    OptionError
        When a limit is not positive, or none is given.
    """

    generations: int | None = None
    seconds: float | None = None
    evaluations: int | None = None
    target: Target | None = None

    def __post_init__(self) -> None:
        limits = {
            "generations": self.generations,
            "seconds": self.seconds,
            "evaluations": self.evaluations,
        }
        for name, value in limits.items():
            if value is not None and value <= 0:
                raise OptionError(f"A budget of {name} must be more than 0, got {value}.")
        if all(value is None for value in limits.values()):
            raise OptionError("A run needs a budget: generations, seconds or evaluations.")

    def require_more_than(self, population: int) -> None:
        """Raise an `OptionError` when the initial population alone would use it up."""
        if self.evaluations is not None and self.evaluations <= population:
            raise OptionError(
                f"A budget of {self.evaluations} evaluations is not above the population of "
                f"{population}: this never evolves. Give more evaluations or a smaller population."
            )

    def spent(self, generation: int, seconds: float, evaluations: int) -> float:
        """Return the part of the budget that is spent, from 0 to 1: 1 ends the run."""
        parts = [
            generation / self.generations if self.generations is not None else 0.0,
            seconds / self.seconds if self.seconds is not None else 0.0,
            evaluations / self.evaluations if self.evaluations is not None else 0.0,
        ]
        return min(1.0, max(parts))

    def reached(self, figures: dict[str, float]) -> bool:
        """Return whether the target is among the figures and reached.

        Raises
        ------
        OptionError
            When there are figures, but not the target's.
        """
        if self.target is None or not figures:
            return False
        if self.target.metric not in figures:
            raise OptionError(
                f'The target "{self.target.metric}" is not measured while the run goes on. '
                f"Measured: {', '.join(sorted(figures))}."
            )
        return figures[self.target.metric] >= self.target.value
