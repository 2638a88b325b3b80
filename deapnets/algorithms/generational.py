"""`eaGenerational`: DEAP's generational loop as an iterator, with elites and fair scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deap import base, tools

from deapnets.algorithms.breeding import breed, evaluate, require_loop
from deapnets.algorithms.loop import Evaluated, Loop
from deapnets.machine.collecting import collector_paused


class eaGenerational(Loop):
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
        super().__init__(population, toolbox, ngen, stats, halloffame, verbose)
        self.cxpb, self.mutpb = cxpb, mutpb
        self.elites = elites

    def _advance(self) -> Evaluated:
        with collector_paused():
            parents, population = self._breed() if self.number >= 0 else ([], self.population)
        evaluations = evaluate(population, self.toolbox, self._books)
        self.population = population
        return Evaluated(parents, evaluations)

    def _breed(self) -> tuple[list[Any], list[Any]]:
        return breed(self.population, self.toolbox, self.cxpb, self.mutpb, self.elites)
