"""Every exception that deapnets raises on purpose, and the words they share.

A message says what failed, what was expected and what was got, and what to type next.
The command line turns each of them into one line and exit code 1.
"""

from __future__ import annotations

import difflib
import operator
import reprlib
from collections.abc import Iterable
from typing import Any


class DeapnetsError(Exception):
    """Base of everything deapnets raises on purpose."""


class OptionError(DeapnetsError, ValueError):
    """An option, argument or name that cannot be used; the message says what can."""


class LayoutError(DeapnetsError, ValueError):
    """A genome that does not belong to the network it meets."""


class ArchitectureError(DeapnetsError, ValueError):
    """A genome that is not of the space it meets, or that decodes to nothing trainable."""


class OperatorError(DeapnetsError, ValueError):
    """An operator that broke its contract, or that cannot be found again by its name."""


class EvaluationError(DeapnetsError, RuntimeError):
    """Fitness that cannot be used: too few values, not finite, in the wrong direction."""


class DivergenceError(DeapnetsError, RuntimeError):
    """A strategy whose centre left every bound; the message says what to lower."""


class EngineError(DeapnetsError, RuntimeError):
    """Workers that cannot be reached, started or sent what they need."""


class WorkerLostError(EngineError):
    """A call that was given up: every worker that tried it was lost."""


class MemoryBudgetError(DeapnetsError, ValueError):
    """A memory budget in which not even one individual can be evaluated."""


class DataError(DeapnetsError, RuntimeError):
    """Data that is missing, damaged or of another format than its name says."""


class PluginError(DeapnetsError, RuntimeError):
    """A plugin that is not installed, installed twice, or broken."""


class RunError(DeapnetsError, RuntimeError):
    """A run directory that cannot be written, read or used as asked."""


def suggest(name: str, valid: Iterable[str]) -> str:
    """Return ``' Did you mean "near"?'`` for the nearest valid name; ``""`` when none is near."""
    near = difflib.get_close_matches(name, list(valid), n=1)
    return f' Did you mean "{near[0]}"?' if near else ""


def unknown(kind: str, name: str, valid: Iterable[str]) -> str:
    """Return the sentence for a name that does not exist: what it is, the near one, all of them."""
    names = sorted(valid)
    listed = ", ".join(names) if names else "none"
    return f'Unknown {kind} "{name}".{suggest(name, names)} Valid: {listed}.'


def shown(value: Any) -> str:
    """Return what somebody gave, on one line and cut short."""
    short = reprlib.Repr()
    short.maxother = short.maxstring = 60
    return " ".join(short.repr(value).split())


def at_least_one(**numbers: int | None) -> None:
    """Raise an `OptionError` for what is no whole number from 1 on, by its name; None passes."""
    for name, value in numbers.items():
        if value is None:
            continue
        try:
            operator.index(value)
        except TypeError as error:
            raise OptionError(f"{name} is a whole number, got {value!r}.") from error
        if value < 1:
            raise OptionError(f"{name} is at least 1, got {value}.")
