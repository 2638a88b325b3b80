"""`Loggers`: the loggers of a run, none of which can be its end."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, final

from deapnets.errors import PluginError
from deapnets.loggers.base import Logger
from deapnets.plugins import LOGGERS, get


@final
class Loggers:
    """Loggers by their names, told one after the other.

    One that raises while a run goes on is left out from there, with a warning: the run is worth
    more than its curves, and ``log.jsonl`` has every record.

    Raises
    ------
    PluginError
        When one is not installed, or is none.
    OptionError
        When one cannot be used as it is: a package is missing, say.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._loggers: dict[str, Logger] = {}
        for name in names:
            made = get(LOGGERS, name).load().make().instance
            if not isinstance(made, Logger):
                raise PluginError(
                    f'Logger "{name}" is {type(made).__name__}, which is no '
                    "deapnets.loggers.base.Logger."
                )
            self._loggers[name] = made

    def begin(
        self,
        directory: Path,
        configuration: Mapping[str, Any],
        history: Callable[[], Iterable[Mapping[str, Any]]],
    ) -> None:
        """Begin all of them; ``history`` gives the records so far."""
        self._tell(lambda one: one.begin(directory, configuration, history()))

    def log(self, record: Mapping[str, Any]) -> None:
        """Tell all of them a record."""
        self._tell(lambda one: one.log(record))

    def end(self, result: Mapping[str, Any]) -> None:
        """Tell all of them the result, and let them go."""
        self._tell(lambda one: one.end(result))
        self._loggers.clear()

    def _tell(self, told: Callable[[Logger], None]) -> None:
        for name, one in list(self._loggers.items()):
            try:
                told(one)
            except Exception as error:
                del self._loggers[name]
                said = " ".join(str(error).split())
                warnings.warn(
                    f'Logger "{name}" failed and is left out from here: {type(error).__name__}: '
                    f"{said}. log.jsonl has every record.",
                    stacklevel=3,
                )
