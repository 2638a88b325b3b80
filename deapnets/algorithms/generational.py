"""`eaGenerational`: DEAP's generational loop as an iterator, with elites and fair scores."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from deap import algorithms, base, tools

from deapnets.algorithms.base import Generation
from deapnets.algorithms.books import fill_hall, fill_logbook, hall_state, logbook_state
from deapnets.collecting import collector_paused
from deapnets.errors import EvaluationError, OptionError
from deapnets.evaluators.base import Evaluator
from deapnets.mapping import PopulationMap, find_evaluator


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
        _require(population, cxpb, mutpb, elites)
        self.population = list(population)
        self.toolbox = toolbox
        self.cxpb, self.mutpb, self.ngen = cxpb, mutpb, ngen
        self.elites = elites
        self.number = -1
        self.logbook = tools.Logbook()
        self.logbook.header = ["gen", "nevals", *(stats.fields if stats else [])]
        self._stats, self._halloffame, self._verbose = stats, halloffame, verbose

    def __iter__(self) -> Iterator[Generation]:
        return self

    def __next__(self) -> Generation:
        """Breed and evaluate the next generation."""
        if self.ngen is not None and self.number >= self.ngen:
            raise StopIteration
        with collector_paused():
            parents, population = self._breed() if self.number >= 0 else ([], self.population)
        evaluations = self._evaluate(population)
        self.population = population
        self.number += 1
        record = self._note(evaluations)
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
        hall = self._halloffame
        return {
            "number": self.number,
            "population": list(self.population),
            "logbook": logbook_state(self.logbook),
            "halloffame": None if hall is None else hall_state(hall),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken; the logbook and the hall of fame change in place."""
        self.number = state["number"]
        self.population = list(state["population"])
        fill_logbook(self.logbook, state["logbook"])
        if self._halloffame is not None and state["halloffame"] is not None:
            fill_hall(self._halloffame, state["halloffame"])

    def _breed(self) -> tuple[list[Any], list[Any]]:
        """Return the parents, and the survivors and offspring that follow the population."""
        parents = self.toolbox.select(self.population, len(self.population) - self.elites)
        offspring = algorithms.varAnd(parents, self.toolbox, self.cxpb, self.mutpb)
        best = tools.selBest(self.population, self.elites) if self.elites else []
        survivors = [self.toolbox.clone(individual) for individual in best]
        return list(parents), survivors + offspring

    def _evaluate(self, population: Sequence[Any]) -> int:
        """Score who has no valid fitness, and everybody where scores hold for one generation."""
        evaluator, _ = find_evaluator(self.toolbox.evaluate)
        if evaluator is not None and evaluator.fresh:
            self._warn_of_hall(evaluator)
            for individual in population:
                del individual.fitness.values
        waiting = [one for one in population if not one.fitness.valid]
        with self._one_generation():
            scores = list(self.toolbox.map(self.toolbox.evaluate, waiting))
        if len(scores) != len(waiting):
            raise EvaluationError(
                f"toolbox.map returned {len(scores)} results for {len(waiting)} individuals; "
                "it must return one each, in order."
            )
        with collector_paused():
            for individual, values in zip(waiting, scores, strict=True):
                individual.fitness.values = values
        return len(waiting)

    def _warn_of_hall(self, evaluator: Evaluator) -> None:
        """Say once that a hall of fame would compare scores that cannot be compared."""
        if self._halloffame is not None and self.number < 0:
            warnings.warn(
                f"{evaluator.title} draws anew every generation: the hall of fame would keep "
                "individuals for lucky draws. Choose the best by Evaluator.validate instead.",
                stacklevel=4,
            )

    def _one_generation(self) -> AbstractContextManager[Any]:
        mapping = getattr(self.toolbox.map, "func", self.toolbox.map)
        return mapping.generation() if isinstance(mapping, PopulationMap) else nullcontext()

    def _note(self, evaluations: int) -> dict[str, Any]:
        if self._halloffame is not None:
            self._halloffame.update(self.population)
        record = self._stats.compile(self.population) if self._stats else {}
        self.logbook.record(gen=self.number, nevals=evaluations, **record)
        if self._verbose:
            print(self.logbook.stream)  # noqa: T201  (what DEAP's verbose does)
        return record


def _require(population: Sequence[Any], cxpb: float, mutpb: float, elites: int) -> None:
    if not population:
        raise OptionError("The population is empty: create it with toolbox.population(n=...).")
    for name, value in (("cxpb", cxpb), ("mutpb", mutpb)):
        if not 0.0 <= value <= 1.0:
            raise OptionError(f"{name} is a probability in [0, 1], got {value!r}.")
    if not 0 <= elites < len(population):
        raise OptionError(
            f"elites must leave room for offspring: from 0 to {len(population) - 1} of a "
            f"population of {len(population)}, got {elites}."
        )
