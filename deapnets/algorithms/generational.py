"""`eaGenerational`: DEAP's generational loop as an iterator, with elites and fair scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from deap import base, tools

from deapnets.algorithms.base import Generation
from deapnets.algorithms.books import Books
from deapnets.algorithms.breeding import breed, evaluate, require_loop
from deapnets.errors import OptionError
from deapnets.machine.collecting import collector_paused


class eaGenerational:
    """A generational algorithm that hands over every generation.

    ::

        evaluate(population)
        for g in range(1, ngen + 1):
            parents = select(population, len(population) - elites)
            offspring = varAnd(parents, toolbox, cxpb, mutpb)
            survivors = the ``elites`` best of population
            population = survivors + offspring
            evaluate(those without a valid fitness; all, where the evaluator is fresh)

    Iterate over it, stop when you like and go on later; or call `run` for what DEAP's own
    algorithms return. One iteration is one generation; the first is the initial population.

    Parameters
    ----------
    population
        Individuals; those without a valid fitness are evaluated.
    toolbox
        ``select, mate, mutate, evaluate, clone``, and ``map``: a `deapnets.PopulationMap`, or any.
    cxpb, mutpb
        Probabilities of mating a pair and of mutating an individual, in [0, 1].
    ngen
        Generations after the initial one; None to go on for ever.
    elites
        How many of the best survive unchanged. Where the evaluator is ``fresh`` (a mini-batch a
        generation), survivors are scored again with the offspring.
    stats
        A `deap.tools.Statistics`, compiled into each generation's record.
    halloffame
        A `deap.tools.HallOfFame` or `ParetoFront`, updated with each generation.
    verbose
        Print the logbook's line of each generation, as DEAP's algorithms do.

    Attributes
    ----------
    population
        The present generation: the last one that was evaluated, also after an error.
    logbook
        A `deap.tools.Logbook`: ``gen, nevals`` and what ``stats`` compiles.

    Raises
    ------
    OptionError
        When the population is empty, a probability is none, or elites leave no room for offspring.
    EvaluationError
        When the map returns more or fewer results than it was given individuals.

    Notes
    -----
    Draws from Python's `random`, through the toolbox's operators and `deap.algorithms.varAnd`.
    """

    def __init__(
        self,
        population: Sequence[Any],
        toolbox: base.Toolbox,
        cxpb: float,
        mutpb: float,
        ngen: int | None = None,
        *,
        elites: int = 0,
        stats: tools.Statistics | None = None,
        halloffame: tools.HallOfFame | None = None,
        verbose: bool = False,
    ) -> None:
        require_loop(population, cxpb, mutpb, elites)
        self.population = list(population)
        self.toolbox = toolbox
        self.cxpb, self.mutpb, self.ngen = cxpb, mutpb, ngen
        self.elites = elites
        self.number = -1
        self._books = Books(stats, halloffame, verbose)
        self.logbook = self._books.logbook

    def __iter__(self) -> Iterator[Generation]:
        return self

    def __next__(self) -> Generation:
        """Breed and evaluate the next generation."""
        if self.ngen is not None and self.number >= self.ngen:
            raise StopIteration
        with collector_paused():
            parents, population = self._breed() if self.number >= 0 else ([], self.population)
        evaluations = evaluate(population, self.toolbox, self._books)
        self.population = population
        self.number += 1
        record = self._books.enter(self.number, self.population, evaluations)
        return Generation(self.number, self.population, parents, evaluations, record)

    def run(self) -> tuple[list[Any], tools.Logbook]:
        """Return the last population and the logbook, after all generations."""
        if self.ngen is None:
            raise OptionError("eaGenerational.run needs ngen; without it, iterate and stop.")
        for _ in self:
            pass
        return self.population, self.logbook

    def state_dict(self) -> dict[str, Any]:
        """Return population, number, logbook and hall of fame: what goes on from here.

        As `deapnets.algorithms.base.Algorithm.state_dict`, so that `deapnets.Checkpointer` stores
        it. Random states, the toolbox and ``ngen`` are not in it.
        """
        population = list(self.population)
        return {"number": self.number, "population": population, **self._books.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken; the logbook and the hall of fame change in place."""
        self.number = state["number"]
        self.population = list(state["population"])
        self._books.load_state_dict(state)

    def _breed(self) -> tuple[list[Any], list[Any]]:
        return breed(self.population, self.toolbox, self.cxpb, self.mutpb, self.elites)
