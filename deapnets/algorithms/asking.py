"""`eaGenerateUpdate`: DEAP's ask-and-tell loop as an iterator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

from deap import base, tools

from deapnets.algorithms.base import Generation
from deapnets.algorithms.books import Books
from deapnets.algorithms.breeding import evaluate
from deapnets.errors import OptionError
from deapnets.machine.collecting import collector_paused


@final
class eaGenerateUpdate:
    """The ask-and-tell algorithm that hands over every generation.

    ::

        for g in range(ngen):
            population = generate()
            evaluate(population)
            update(population)

    Iterate over it, stop when you like and go on later; or call `run` for what DEAP's own
    `deap.algorithms.eaGenerateUpdate` returns. One iteration is one generation.

    Parameters
    ----------
    toolbox
        ``generate`` and ``update``, of a strategy of deapnets or of DEAP; ``evaluate``, and
        ``map``: a `deapnets.PopulationMap`, or any.
    ngen
        How many generations; None to go on for ever.
    stats, halloffame, verbose
        As in `deapnets.eaGenerational`.

    Attributes
    ----------
    population
        The present generation: the last one that was evaluated, also after an error.
    logbook
        A `deap.tools.Logbook`: ``gen, nevals`` and what ``stats`` compiles.

    Raises
    ------
    EvaluationError
        When the map returns more or fewer results than it was given individuals.

    Notes
    -----
    Draws what the strategy draws from.
    """

    def __init__(
        self,
        toolbox: base.Toolbox,
        ngen: int | None = None,
        *,
        stats: tools.Statistics | None = None,
        halloffame: tools.HallOfFame | None = None,
        verbose: bool = False,
    ) -> None:
        self.toolbox, self.ngen = toolbox, ngen
        self.population: list[Any] = []
        self.number = -1
        self._books = Books(stats, halloffame, verbose)
        self.logbook = self._books.logbook

    def __iter__(self) -> Iterator[Generation]:
        return self

    def __next__(self) -> Generation:
        """Generate, evaluate and learn from the next generation."""
        if self.ngen is not None and self.number + 1 >= self.ngen:
            raise StopIteration
        with collector_paused():
            population = list(self.toolbox.generate())
        evaluations = evaluate(population, self.toolbox, self._books)
        self.population = population
        self.toolbox.update(population)
        self.number += 1
        record = self._books.enter(self.number, population, evaluations)
        return Generation(self.number, population, [], evaluations, record)

    def run(self) -> tuple[list[Any], tools.Logbook]:
        """Return the last population and the logbook, after all generations."""
        if self.ngen is None:
            raise OptionError("eaGenerateUpdate.run needs ngen; without it, iterate and stop.")
        for _ in self:
            pass
        return self.population, self.logbook

    def state_dict(self) -> dict[str, Any]:
        """Return population, number, logbook and hall of fame: what goes on from here.

        The strategy has a state of its own; random states, the toolbox and ``ngen`` are not in it.
        """
        population = list(self.population)
        return {"number": self.number, "population": population, **self._books.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken; the logbook and the hall of fame change in place."""
        self.number = state["number"]
        self.population = list(state["population"])
        self._books.load_state_dict(state)
