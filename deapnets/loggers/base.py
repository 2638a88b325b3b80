"""`Logger`: whoever is told each line of a run's log, as it is written."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


class Logger(ABC):
    """Is told the records of ``log.jsonl``, one a generation, in their order.

    Register a class whose constructor needs no arguments, and opens nothing, under the entry-point
    group ``deapnets.loggers``; ``deapnets run ... --log its-name`` uses it. An error in `log` or
    `end` is said once and ends the logging, not the run.
    """

    @abstractmethod
    def begin(
        self,
        directory: Path,
        configuration: Mapping[str, Any],
        history: Iterable[Mapping[str, Any]],
    ) -> None:
        """Get ready.

        Parameters
        ----------
        directory
            Of the run. What belongs to the run goes into a folder of the logger's own there.
        configuration
            The object of ``config.json``.
        history
            The records so far: none of a new run; those up to the snapshot of one that is resumed,
            whatever was logged after it before.
        """

    @abstractmethod
    def log(self, record: Mapping[str, Any]) -> None:
        """Take a generation's record: ``generation``, ``best``, ``seconds`` and so on."""

    def end(self, result: Mapping[str, Any]) -> None:
        """Finish, however the run ended; ``result`` is the object of ``result.json``."""


def scalars(record: Mapping[str, Any], before: str = "") -> dict[str, float]:
    """Return the finite numbers of a record under their names, inner ones as ``outer/inner``."""
    found: dict[str, float] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            found |= scalars(value, f"{before}{name}/")
        elif isinstance(value, int | float) and math.isfinite(value):
            found[f"{before}{name}"] = float(value)
    return found
