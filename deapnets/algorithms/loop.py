"""`Loop`: what DEAP's loops share as iterators: numbers, books, running to the end, resuming."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from deap import base, tools

from deapnets.algorithms.base import Generation
from deapnets.algorithms.books import Books
from deapnets.errors import OptionError


class Evaluated(NamedTuple):
    """What came of one generation."""

    parents: list[Any]  # whom it was bred from, as they were selected; empty where nobody knows
    evaluations: int  # individuals evaluated in it


class Loop(ABC):
    """An algorithm that hands over every generation.

    Parameters
    ----------
    population
        The first one; those without a valid fitness are evaluated.
    toolbox
        What the algorithm uses.
    ngen
        Generations until the end; None to go on for ever.
    stats, halloffame, verbose
        As `deapnets.eaGenerational` takes them.
    """

    initial: bool = True
    """Whether the first generation is one of none bred yet, which ``ngen`` does not count."""

    def __init__(
        self,
        population: Sequence[Any],
        toolbox: base.Toolbox,
        ngen: int | None,
        stats: tools.Statistics | None,
        halloffame: tools.HallOfFame | None,
        verbose: bool,
    ) -> None:
        self.population = list(population)
        self.toolbox, self.ngen = toolbox, ngen
        self.number = -1
        self._books = Books(stats, halloffame, verbose)
        self.logbook = self._books.logbook

    @abstractmethod
    def _advance(self) -> Evaluated:
        """Make the next generation and evaluate it; ``population`` is it where nothing failed."""

    def __iter__(self) -> Iterator[Generation]:
        return self

    def __next__(self) -> Generation:
        """Make and evaluate the next generation."""
        if self.ngen is not None and self.number + (not self.initial) >= self.ngen:
            raise StopIteration
        parents, evaluations = self._advance()
        self.number += 1
        record = self._books.enter(self.number, self.population, evaluations)
        return Generation(self.number, self.population, parents, evaluations, record)

    def run(self) -> tuple[list[Any], tools.Logbook]:
        """Return the last population and the logbook, after all generations."""
        if self.ngen is None:
            raise OptionError(
                f"{type(self).__name__}.run needs ngen; without it, iterate and stop."
            )
        for _ in self:
            pass
        return self.population, self.logbook

    def state_dict(self) -> dict[str, Any]:
        """Return population, number, logbook and hall of fame: what goes on from here.

        As `deapnets.algorithms.base.Algorithm.state_dict`, so that `deapnets.Checkpointer` stores
        it. Random states, the toolbox and ``ngen`` are not in it, nor what a strategy holds.
        """
        population = list(self.population)
        return {"number": self.number, "population": population, **self._books.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken; the logbook and the hall of fame change in place."""
        self.number = state["number"]
        self.population = list(state["population"])
        self._books.load_state_dict(state)
