"""What DEAP's loops keep beside the population, logbook and hall of fame, and its state."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, final

from deap import tools


@final
class Books:
    """What a loop keeps of its generations: logbook, hall of fame; a line where it is verbose.

    Parameters
    ----------
    stats, halloffame, verbose
        As `deapnets.eaGenerational` takes them.
    """

    def __init__(
        self, stats: tools.Statistics | None, halloffame: tools.HallOfFame | None, verbose: bool
    ) -> None:
        self.logbook = tools.Logbook()
        self.logbook.header = ["gen", "nevals", *(stats.fields if stats else [])]
        self._stats, self._halloffame, self._verbose = stats, halloffame, verbose

    def enter(self, number: int, population: Sequence[Any], evaluations: int) -> dict[str, Any]:
        """Enter an evaluated generation, and return what the statistics say of it."""
        if self._halloffame is not None:
            self._halloffame.update(population)
        record = self._stats.compile(population) if self._stats else {}
        self.logbook.record(gen=number, nevals=evaluations, **record)
        if self._verbose:
            print(self.logbook.stream)  # noqa: T201  (what DEAP's verbose does)
        return record

    def warn_of_hall(self, title: str) -> None:
        """Say once that a hall of fame would compare scores that cannot be compared."""
        if self._halloffame is not None and not self.logbook:
            warnings.warn(
                f"{title} draws anew every generation: the hall of fame would keep "
                "individuals for lucky draws. Choose the best by Evaluator.validate instead.",
                stacklevel=4,
            )

    def state_dict(self) -> dict[str, Any]:
        """Return logbook and hall of fame."""
        hall = self._halloffame
        return {
            "logbook": logbook_state(self.logbook),
            "halloffame": None if hall is None else hall_state(hall),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Make both, in place, what they were when ``state`` was taken."""
        fill_logbook(self.logbook, state["logbook"])
        if self._halloffame is not None and state["halloffame"] is not None:
            fill_hall(self._halloffame, state["halloffame"])


def logbook_state(logbook: tools.Logbook) -> dict[str, Any]:
    """Return a logbook's records, chapters and columns: nested dicts and lists."""
    return {
        "records": [dict(record) for record in logbook],
        "chapters": {name: logbook_state(inner) for name, inner in logbook.chapters.items()},
        "header": None if logbook.header is None else list(logbook.header),
        "columns": None if logbook.columns_len is None else list(logbook.columns_len),
        "streamed": logbook.buffindex,
        "log_header": logbook.log_header,
    }


def fill_logbook(logbook: tools.Logbook, state: dict[str, Any]) -> None:
    """Make a logbook, in place, what it was when `logbook_state` looked at it."""
    logbook[:] = [dict(record) for record in state["records"]]
    logbook.chapters.clear()
    for name, inner in state["chapters"].items():
        fill_logbook(logbook.chapters[name], inner)
    logbook.header, logbook.columns_len = state["header"], state["columns"]
    logbook.buffindex, logbook.log_header = state["streamed"], state["log_header"]


def hall_state(hall: tools.HallOfFame) -> list[Any]:
    """Return a hall of fame's individuals, the best first."""
    return list(hall.items)


def fill_hall(hall: tools.HallOfFame, individuals: list[Any]) -> None:
    """Make these individuals, the best first, all that a hall of fame or Pareto front holds."""
    hall.clear()
    hall.items.extend(individuals)
    hall.keys.extend(individual.fitness for individual in reversed(individuals))
