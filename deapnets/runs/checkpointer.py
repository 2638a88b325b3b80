"""`Checkpointer`: snapshots for a script's own loop."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, final

from deap import tools

from deapnets.algorithms.books import fill_hall, fill_logbook, hall_state, logbook_state
from deapnets.errors import OptionError, RunError
from deapnets.files.locking import locked
from deapnets.mapping import PopulationMap
from deapnets.runs.drawing import random_states, set_random_states
from deapnets.runs.journal import Journal
from deapnets.runs.networks import Lineage
from deapnets.runs.pacing import Pace
from deapnets.runs.snapshots import Snapshots


@final
class Checkpointer:
    """Saves what a loop changes, and puts it back when the script is started again.

    ::

        saved = dn.Checkpointer("checkpoints", population=population, hall=hall,
                                map=toolbox.map, evaluate=toolbox.evaluate)
        for gen in saved.generations(ngen):
            population[:] = ...

    The first time, the loop goes through all generations. After a kill, the same script goes on
    behind the last snapshot, and what comes out is what would have come out. Objects change in
    place: write ``population[:] = offspring``, as DEAP's own algorithms do.

    Parameters
    ----------
    folder
        Where snapshots are; made when it is not there. `docs/runs.md` describes the files.
    every
        Seconds between two snapshots; 0 for one after each generation. A generation of two seconds
        or more is saved in any case, and so is the last one.
    objects
        What the loop changes, under names of your choice: lists and dicts of plain values, tensors
        and individuals; a `deap.tools.HallOfFame`, `ParetoFront` or `Logbook`; whatever has
        ``state_dict`` and ``load_state_dict``, such as `PopulationMap`, an `Evaluator`,
        `eaGenerational`; and tools of a toolbox that are one of these. The random generators of
        Python, numpy and torch are saved in any case.

    Raises
    ------
    OptionError
        When an object is of no such kind.
    """

    def __init__(self, folder: str | Path, *, every: float = 10.0, **objects: Any) -> None:
        lineage = Lineage()
        self._snapshots = Snapshots(Path(folder).expanduser(), lineage)
        self._pace = Pace(every)
        found = {name: _unwrapped(value) for name, value in objects.items()}
        self._kept = {name: _kept(name, value) for name, value in found.items()}
        maps = [value for value in found.values() if isinstance(value, PopulationMap)]
        self._journals = [Journal(self._snapshots, mapping, lineage) for mapping in maps[:1]]

    def generations(self, start: int, stop: int | None = None) -> Iterator[int]:
        """Yield the generations that are left of ``range(start, stop)``, and save behind them.

        As with `range`, one number is the end. The folder is this process's while the loop lasts.

        Raises
        ------
        RunError
            When another process has the folder, no snapshot can be read, or the snapshots are of
            other objects.
        """
        first, end = (0, start) if stop is None else (start, stop)
        self._make_folder()
        with locked(self._snapshots.folder):
            last = self.load()
            for generation in range(first if last is None else last + 1, end):
                for journal in self._journals:
                    journal.begin()
                yield generation
                if self._pace.due() or generation == end - 1:
                    self.save(generation)

    def due(self) -> bool:
        """Return whether it is time to save, at the end of a generation."""
        return self._pace.due()

    def save(self, generation: int) -> None:
        """Write a snapshot of the end of a generation."""
        state = {name: give() for name, (give, _) in self._kept.items()}
        self._make_folder()
        self._snapshots.write(
            {"generation": generation, "objects": state, "random": random_states()}
        )
        self._pace.start()

    def load(self) -> int | None:
        """Put everything back as the last snapshot has it; return its generation, or None.

        Raises
        ------
        RunError
            When no snapshot can be read, or they are of other objects.
        """
        state = self._snapshots.read()
        self._pace.start()
        if state is None:
            return None
        if state["objects"].keys() != self._kept.keys():
            raise RunError(
                f"The snapshots in {self._snapshots.folder} are of {_named(state['objects'])}; the "
                f"script gives {_named(self._kept)}. Give the same, or another folder."
            )
        for name, (_, take) in self._kept.items():
            take(state["objects"][name])
        for journal in self._journals:
            journal.load(self._snapshots.lines)
        set_random_states(state["random"])
        generation: int = state["generation"]
        return generation

    def _make_folder(self) -> None:
        try:
            self._snapshots.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{self._snapshots.folder} cannot be made: {error}.") from error


def _unwrapped(value: Any) -> Any:
    """Return what a tool of a toolbox calls, when that is an object and not a function."""
    while isinstance(value, functools.partial):
        value = value.func
    return value


def _kept(name: str, value: Any) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """Return how an object gives its state, and how it takes one."""
    if isinstance(value, tools.Logbook):
        return functools.partial(logbook_state, value), functools.partial(fill_logbook, value)
    if isinstance(value, tools.HallOfFame):
        return functools.partial(hall_state, value), functools.partial(fill_hall, value)
    if isinstance(value, list):
        return functools.partial(list, value), functools.partial(_refill_list, value)
    if isinstance(value, dict):
        return functools.partial(dict, value), functools.partial(_refill_dict, value)
    if hasattr(value, "state_dict") and hasattr(value, "load_state_dict"):
        return value.state_dict, value.load_state_dict
    raise OptionError(
        f"Checkpointer cannot save {name}: {type(value).__name__} is no list, dict, logbook or "
        "hall of fame, and has no state_dict and load_state_dict."
    )


def _refill_list(kept: list[Any], state: list[Any]) -> None:
    kept[:] = state


def _refill_dict(kept: dict[Any, Any], state: dict[Any, Any]) -> None:
    kept.clear()
    kept.update(state)


def _named(names: Any) -> str:
    return ", ".join(sorted(names)) or "nothing"
