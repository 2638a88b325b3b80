"""`eaMuPlusLambda` and `eaMuCommaLambda`: DEAP's two as iterators, with fair scores."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, final

from deap import algorithms, base, tools

from deapnets.algorithms.breeding import evaluate, require_loop
from deapnets.algorithms.loop import Evaluated, Loop
from deapnets.errors import OptionError
from deapnets.machine.collecting import collector_paused

Variation = Callable[[Sequence[Any], base.Toolbox, int, float, float], list[Any]]
"""From population, toolbox, number of children, cxpb and mutpb to the children: `varOr` is one."""


class _MuLambda(Loop):
    """What both share: breed ``lambda_`` children, and select ``mu`` of those who may stay."""

    def __init__(
        self,
        population: Sequence[Any],
        toolbox: base.Toolbox,
        mu: int,
        lambda_: int,
        cxpb: float,
        mutpb: float,
        ngen: int | None = None,
        stats: tools.Statistics | None = None,
        halloffame: tools.HallOfFame | None = None,
        verbose: bool = False,
        *,
        variation: Variation = algorithms.varOr,
    ) -> None:
        require_loop(population, cxpb, mutpb, 0)
        if mu < 1:
            raise OptionError(f"mu is at least 1, got {mu}.")
        self._require(mu, lambda_)
        if variation is algorithms.varOr and cxpb + mutpb > 1.0:
            raise OptionError(
                "varOr mates or mutates or copies: cxpb and mutpb are at most 1 together, got "
                f"{cxpb} and {mutpb}."
            )
        super().__init__(population, toolbox, ngen, stats, halloffame, verbose)
        self.mu, self.lambda_ = mu, lambda_
        self.cxpb, self.mutpb = cxpb, mutpb
        self._variation = variation

    @abstractmethod
    def _require(self, mu: int, lambda_: int) -> None:
        """Raise an `OptionError` for numbers that leave nobody to select."""

    @abstractmethod
    def _rivals(self, offspring: list[Any]) -> list[Any]:
        """Return those who are scored and selected from."""

    def _advance(self) -> Evaluated:
        if self.number < 0:
            return Evaluated([], evaluate(self.population, self.toolbox, self._books))
        with collector_paused():
            offspring = self._variation(
                self.population, self.toolbox, self.lambda_, self.cxpb, self.mutpb
            )
        rivals = self._rivals(offspring)
        evaluations = evaluate(rivals, self.toolbox, self._books)
        self.population = list(self.toolbox.select(rivals, self.mu))
        return Evaluated([], evaluations)


@final
class eaMuPlusLambda(_MuLambda):
    """The (mu + lambda) algorithm that hands over every generation: parents may stay.

    ::

        evaluate(population)
        for g in range(1, ngen + 1):
            offspring = varOr(population, toolbox, lambda_, cxpb, mutpb)
            evaluate(those without a valid fitness; parents too, where the evaluator is fresh)
            population = select(population + offspring, mu)

    With ``tools.selNSGA2`` as ``toolbox.select`` it is NSGA-II without its mating tournament.

    Parameters
    ----------
    population
        Individuals; those without a valid fitness are evaluated.
    toolbox
        ``select, mate, mutate, evaluate, clone``, and ``map``: a `deapnets.PopulationMap`, or any.
    mu
        How many are selected of parents and children.
    lambda_
        Children of a generation, at least 1.
    cxpb, mutpb
        Probabilities that a child is of a mated pair, or a mutated copy.
    ngen
        Generations after the initial one; None to go on for ever.
    stats, halloffame, verbose
        As in `deapnets.eaGenerational`.
    variation
        What breeds the children, instead of `deap.algorithms.varOr`.

    Attributes
    ----------
    population
        The present generation: who was selected last, also after an error.
    logbook
        A `deap.tools.Logbook`: ``gen, nevals`` and what ``stats`` compiles.

    Raises
    ------
    OptionError
        When the population is empty, or a number is out of its range.
    EvaluationError
        When the map returns more or fewer results than it was given individuals.

    Notes
    -----
    Draws from Python's `random`, through the toolbox's operators and the variation. With the same
    seed it gives what `deap.algorithms.eaMuPlusLambda` does, where the evaluator is not fresh.
    """

    def _require(self, mu: int, lambda_: int) -> None:
        if lambda_ < 1:
            raise OptionError(f"lambda_ is at least 1, got {lambda_}.")

    def _rivals(self, offspring: list[Any]) -> list[Any]:
        return [*map(self.toolbox.clone, self.population), *offspring]


@final
class eaMuCommaLambda(_MuLambda):
    """The (mu, lambda) algorithm that hands over every generation: no parent stays.

    ::

        evaluate(population)
        for g in range(1, ngen + 1):
            offspring = varOr(population, toolbox, lambda_, cxpb, mutpb)
            evaluate(those without a valid fitness)
            population = select(offspring, mu)

    Parameters
    ----------
    lambda_
        Children of a generation, at least ``mu``.
    population, toolbox, mu, cxpb, mutpb, ngen, stats, halloffame, verbose, variation
        As in `deapnets.eaMuPlusLambda`, and the same raised.

    Notes
    -----
    With the same seed it gives what `deap.algorithms.eaMuCommaLambda` does.
    """

    def _require(self, mu: int, lambda_: int) -> None:
        if lambda_ < mu:
            raise OptionError(
                f"lambda_ is at least mu, for only children are selected; got {lambda_} and {mu}."
            )

    def _rivals(self, offspring: list[Any]) -> list[Any]:
        return offspring
