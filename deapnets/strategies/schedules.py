"""Numbers that change as the budget is spent."""

from __future__ import annotations

import math

from deapnets.errors import OptionError
from deapnets.operators.schedules import exponential


def between(start: float, end: float | None, spent: float) -> float:
    """Return the number between ``start`` and ``end`` when ``spent`` in [0, 1] lies behind.

    It changes exponentially: each tenth of the budget multiplies it by the same factor. Without an
    ``end`` it stays.
    """
    return start if end is None else exponential(start, end, spent)


def require_schedule(name: str, start: float, end: float | None) -> None:
    """Raise an `OptionError` unless both ends are finite and above 0."""
    for key, value in ((name, start), (f"{name}_end", end)):
        if value is not None and not 0.0 < value < math.inf:
            raise OptionError(f"{key} is finite and above 0, got {value}.")
