"""The command line's ``gp``: DEAP's generational loop on programs, with its GP operators."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final, get_args

from deap import algorithms, base, gp, tools

from deapnets.algorithms.base import Algorithm, Generation, Settings
from deapnets.algorithms.books import Books
from deapnets.algorithms.breeding import evaluate
from deapnets.algorithms.ga import individual_class
from deapnets.algorithms.generational import eaGenerational
from deapnets.algorithms.trials import a_model, pack_individual, unpack_individual
from deapnets.errors import EvaluationError, OptionError, at_least_one, unknown
from deapnets.evaluators.archive import ScoreArchive, scores_needed
from deapnets.evaluators.base import Evaluator
from deapnets.evaluators.programs import ProgramEvaluator
from deapnets.mapping import PopulationMap
from deapnets.operators.contract import probability
from deapnets.operators.programs import initProgram, mutProgram, swap_subtrees

Selection = Literal["tournament", "double", "lexicase", "nsga2", "random"]

_CANDIDATES = 5
"""Programs of a generation that may be saved: the best by fitness, no two of one key."""


@final
@dataclass(frozen=True)
class GpSettings(Settings):
    """Genetic programming: DEAP's generational loop, crossover and mutations.

    Parameters
    ----------
    population
        Programs of a generation.
    selection
        "tournament"; "double" (of two that won a tournament the smaller, more often than not);
        "lexicase" (DEAP's automatic epsilon-lexicase on the scores of each task); "nsga2" (on
        score and size: parents and children together); or "random": every generation is drawn
        anew, beside the elites: random search in batches.
    tournsize
        Programs of a tournament.
    elites
        How many of the best survive unchanged.
    initial
        Programs that are drawn at first, the best of which are the first population; 0 for as many
        as it has.
    immigrants
        Part of each generation that is drawn anew, in [0, 1).
    cxpb
        Probability that a pair is mated, in [0, 1].
    mutpb
        Probability that a child is mutated, in [0, 1].
    archive
        A file that keeps all scores, also those of other runs on the same task; none for the run's
        own, in memory. With "lexicase" there is no archive: it holds no scores of tasks.
    policy
        What a program gets that computes what one with scores computes: "reuse" (their mean), a
        number such as "3" (scored until it has so many), or "always" (scored).
    """

    searches: ClassVar[bool] = True

    population: int = 100
    selection: Selection = "tournament"
    tournsize: int = 5
    elites: int = 2
    initial: int = 0
    immigrants: float = 0.0
    cxpb: float = 0.5
    mutpb: float = 0.6
    archive: str | None = None
    policy: str = "reuse"

    def __post_init__(self) -> None:
        if self.population < 4:
            raise OptionError(f"population is at least 4, got {self.population}.")
        if self.selection not in get_args(Selection):
            raise OptionError(unknown("selection", str(self.selection), get_args(Selection)))
        at_least_one(tournsize=self.tournsize)
        if not 0 <= self.elites < self.population:
            raise OptionError(
                f"elites are from 0 to {self.population - 1} of the population of "
                f"{self.population}, got {self.elites}."
            )
        for name in ("cxpb", "mutpb"):
            probability(name, getattr(self, name))
        if self.initial and self.initial < self.population:
            raise OptionError(
                f"initial is 0, or at least the population of {self.population}; "
                f"got {self.initial}."
            )
        if not 0.0 <= self.immigrants < 1.0:
            raise OptionError(
                f"immigrants are a part of a generation in [0, 1), got {self.immigrants}."
            )
        scores_needed(self.policy)
        if self.selection == "lexicase" and self.archive is not None:
            raise OptionError(
                "selection=lexicase selects on the scores of each task, which an archive does not "
                "hold: leave out archive=."
            )

    def begin(self, evaluator: Evaluator, mapping: PopulationMap) -> GeneticProgramming:
        """Return the algorithm, its initial population drawn from Python's `random`."""
        if not isinstance(evaluator, ProgramEvaluator):
            raise OptionError(
                f"{evaluator.title} has no programs; gp evolves those. Try --algorithm aging."
            )
        if self.selection != "lexicase":
            task = f"{type(evaluator).__name__} {evaluator.space().describe()}"
            mapping.archive = ScoreArchive(self.archive or ":memory:", self.policy, task)
        return GeneticProgramming(self, evaluator, mapping)


def gp_toolbox(
    settings: GpSettings, evaluator: ProgramEvaluator, mapping: PopulationMap
) -> base.Toolbox:
    """Return the toolbox: crossover at one point with `gp.staticLimit`, and `mutProgram`."""
    space = evaluator.space()
    toolbox = base.Toolbox()
    kind = individual_class(evaluator, space.genome_class())
    toolbox.register("individual", initProgram, kind, space)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", swap_subtrees)
    toolbox.decorate("mate", gp.staticLimit(operator.attrgetter("height"), space.height))
    toolbox.decorate("mate", gp.staticLimit(len, space.size))
    toolbox.register("mutate", mutProgram)
    toolbox.register("select", _SELECTIONS[settings.selection], tournsize=settings.tournsize)
    toolbox.register("evaluate", evaluator)
    toolbox.register("map", mapping)
    return toolbox


@final
class GeneticProgramming(Algorithm):
    """`eaGenerational` on programs; with ``selection=nsga2`` parents and children compete."""

    def __init__(
        self, settings: GpSettings, evaluator: ProgramEvaluator, mapping: PopulationMap
    ) -> None:
        self._settings = settings
        self._books = Books(None, None, False)
        self._archive = mapping.archive
        self._toolbox = gp_toolbox(settings, evaluator, mapping)
        self._loop = eaGenerational(
            self._toolbox.population(n=settings.initial or settings.population),
            self._toolbox,
            settings.cxpb,
            settings.mutpb,
            elites=settings.elites,
        )

    def step(self, spent: float) -> Generation:
        """Breed and score the next generation; how much of the budget is spent does not matter."""
        if self._settings.selection == "nsga2" and self._loop.number >= 0:
            return self._step_of_front()
        if self._settings.selection == "random" and self._loop.number >= 0:
            return self._step_anew()
        if self._loop.number >= 0:
            self._admit()
        generation = next(self._loop)
        self._loop.logbook.clear()  # a run has a log of its own
        if generation.number == 0:
            self._loop.population = self._first(generation.population)
            generation = generation._replace(population=self._loop.population)
        return generation

    def _first(self, drawn: list[Any]) -> list[Any]:
        """Return the first population: the best of what was drawn, no two of one key if it may."""
        count = self._settings.population
        ranked = tools.selBest(drawn, len(drawn))
        distinct = list({one.key: one for one in reversed(ranked)}.values())[::-1]
        again = [one for one in ranked if not any(one is other for other in distinct)]
        return (distinct + again)[:count]

    def _admit(self) -> None:
        """Let new programs take the places of the worst, to be selected from with the others."""
        count = round(self._settings.immigrants * self._settings.population)
        if count:
            fresh = self._toolbox.population(n=count)
            evaluate(fresh, self._toolbox, self._books)
            stay = tools.selBest(self._loop.population, len(self._loop.population) - count)
            self._loop.population = [*stay, *fresh]

    def _step_of_front(self) -> Generation:
        """Return the best, by NSGA-II, of the population and as many children."""
        loop, settings, toolbox = self._loop, self._settings, self._toolbox
        count = settings.population
        parents = toolbox.select(loop.population, count)
        children = algorithms.varAnd(parents, toolbox, settings.cxpb, settings.mutpb)
        evaluations = evaluate(children, toolbox, self._books)
        loop.population = _front([*loop.population, *children], count)
        loop.number += 1
        return Generation(loop.number, loop.population, parents, evaluations, {})

    def _step_anew(self) -> Generation:
        """Return the elites and new programs."""
        loop, count = self._loop, self._settings.population
        elites = tools.selBest(loop.population, self._settings.elites)
        fresh = self._toolbox.population(n=count - len(elites))
        evaluations = evaluate(fresh, self._toolbox, self._books)
        loop.population = [*elites, *fresh]
        loop.number += 1
        return Generation(loop.number, loop.population, [], evaluations, {})

    def candidates(self) -> dict[str, Any]:
        """Return the best of the last generation by fitness, none of one key with another."""
        found: dict[str, Any] = {}
        for one in tools.selBest(self._loop.population, len(self._loop.population)):
            found.setdefault(one.key, one)
            if len(found) == _CANDIDATES:
                break
        names = ("champion", "second", "third", "fourth", "fifth")
        return dict(zip(names, found.values(), strict=False))

    def figures(self) -> dict[str, float]:
        """Return ``nodes`` (mean), ``distinct`` (different keys), ``infeasible`` programs."""
        population = self._loop.population
        return {
            "nodes": sum(map(len, population)) / len(population),
            "distinct": len({one.key for one in population}),
            "infeasible": sum("infeasible" in one.records for one in population),
        }

    def state_dict(self) -> dict[str, Any]:
        """Return number, population (programs as texts) and what an archive in memory holds."""
        population = [pack_individual(one) for one in self._loop.population]
        archive = {} if self._archive is None else self._archive.state_dict()
        return {"number": self._loop.number, "population": population, "archive": archive}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the population of ``state``."""
        model = a_model(self._toolbox)
        if self._archive is not None:
            self._archive.load_state_dict(state["archive"])
        self._loop.number = state["number"]
        self._loop.population = [unpack_individual(one, model) for one in state["population"]]


class _Judged:
    """An individual under another fitness, for DEAP's selections."""

    def __init__(self, individual: Any, weights: Sequence[float], values: Sequence[float]) -> None:
        self.individual = individual
        self.fitness = type("Fitness", (base.Fitness,), {"weights": tuple(weights)})()
        self.fitness.values = tuple(values)


def _double(individuals: Sequence[Any], k: int, tournsize: int) -> list[Any]:
    chosen: list[Any] = tools.selDoubleTournament(
        individuals, k, fitness_size=tournsize, parsimony_size=1.4, fitness_first=True
    )
    return chosen


def _lexicase(individuals: Sequence[Any], k: int, tournsize: int) -> list[Any]:
    """Return individuals by DEAP's automatic epsilon-lexicase on ``records["cases"]``."""
    count = max((len(one.records.get("cases", ())) for one in individuals), default=0)
    if not count:
        raise EvaluationError(
            'selection=lexicase needs records["cases"], the score of each task, from the evaluator.'
        )
    judged = []
    for one in individuals:
        weight = one.fitness.weights[0]
        cases = one.records.get("cases") or [one.fitness.values[0]] * count
        judged.append(_Judged(one, [weight] * count, cases))
    return [one.individual for one in tools.selAutomaticEpsilonLexicase(judged, k)]


def _judged_by_size(individuals: Sequence[Any]) -> list[_Judged]:
    return [
        _Judged(one, (one.fitness.weights[0], -1.0), (one.fitness.values[0], len(one)))
        for one in individuals
    ]


def _front(individuals: Sequence[Any], k: int) -> list[Any]:
    """Return the first k by NSGA-II on score and size; of one key and size only one, if it may."""
    distinct = {(one.key, len(one)): one for one in reversed(individuals)}
    lot = list(distinct.values())
    rest = [one for one in individuals if not any(one is other for other in lot)]
    lot += rest[: max(0, k - len(lot))]
    return [one.individual for one in tools.selNSGA2(_judged_by_size(lot), k)]


def _dominating(individuals: Sequence[Any], k: int, tournsize: int) -> list[Any]:
    """Return winners of DEAP's tournaments by dominance and crowding, on score and size."""
    judged = _judged_by_size(individuals)
    tools.emo.assignCrowdingDist(judged)
    even = k + -k % 4  # DEAP's takes four at a time
    pool = judged * (1 + even // len(judged))
    winners = tools.selTournamentDCD(pool[: max(even, len(judged) - len(judged) % 4)], even)
    return [one.individual for one in winners[:k]]


_SELECTIONS: dict[str, Callable[..., list[Any]]] = {
    "tournament": tools.selTournament,
    "double": _double,
    "lexicase": _lexicase,
    "nsga2": _dominating,
    "random": tools.selRandom,  # never asked
}
