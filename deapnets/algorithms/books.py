"""The state of what DEAP's loops keep beside the population: logbook and hall of fame."""

from __future__ import annotations

from typing import Any

from deap import tools


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
