"""The command line's ``ga``: a genetic algorithm with settings, a toolbox and a schedule."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final, get_args

from deap import algorithms, base, creator, tools
from torch import nn

from deapnets.algorithms.base import Algorithm, Generation, Settings, mean_of
from deapnets.algorithms.generational import eaGenerational
from deapnets.algorithms.loop import Loop
from deapnets.algorithms.mulambda import eaMuCommaLambda, eaMuPlusLambda
from deapnets.errors import OptionError, at_least_one, unknown
from deapnets.evaluators.base import Evaluator
from deapnets.genomes.weights import WeightGenome
from deapnets.mapping import PopulationMap
from deapnets.operators.alignment import cxAligned
from deapnets.operators.contract import deviation, probability
from deapnets.operators.crossover import cxArithmetic, cxLayer, cxNeuron, cxOnePoint, cxUniform
from deapnets.operators.initialisation import initWeights
from deapnets.operators.mutation import mutGaussian, mutGaussianRelative
from deapnets.operators.schedules import ConstantSchedule, GoalSchedule, Schedule, exponential
from deapnets.operators.selection import selRank, selTruncation
from deapnets.operators.selfadapting import mutLogNormal

Start = Literal["ancestor", "independent"]
Selection = Literal["truncation", "tournament", "rank", "nsga2"]
Replacement = Literal["generational", "plus", "comma"]
Crossover = Literal["uniform", "arithmetic", "onepoint", "neuron", "layer", "aligned"]
Mutation = Literal["gaussian", "relative"]
ScheduleName = Literal["exponential", "constant", "goal", "selfadaptive"]


@final
@dataclass(frozen=True)
class GeneticSettings(Settings):
    """A genetic algorithm on weights: selection, crossover, gaussian mutation, elites.

    Parameters
    ----------
    population
        Individuals of a generation.
    spread
        Deviation of the initial population.
    start
        "ancestor": it spreads round the network's own initial weights; or "independent": every
        weight of every individual is drawn from N(0, spread) anew.
    selection
        "truncation" (the best share become parents), "tournament", "rank", or "nsga2" (fronts of
        several objectives; with replacement=plus).
    replacement
        "generational" (parents are selected; children replace all but the elites), "plus" (parents
        are drawn evenly; who stays is selected of parents and children) or "comma" (of children).
    offspring
        Children of a generation, with "plus" and "comma"; 0 for as many as the population has with
        "plus", and for four times as many with "comma".
    share
        Part of the population that truncation lets become parents, in (0, 1].
    tournsize
        Individuals of a tournament.
    pressure
        How often ranking takes the best, from 1 (as often as everybody) to 2 (twice as often).
    elites
        Part of the population that survives unchanged, in [0, 1); with "generational".
    crossover
        "uniform" (every weight by itself), "neuron" (a unit's weights and bias together), "layer",
        "arithmetic", "onepoint" or "aligned" (uniform, after units were matched).
    cxpb
        Probability that a pair is mated, in [0, 1].
    mutpb
        Probability that a child is mutated, in [0, 1].
    indpb
        Probability that a weight of a mutated child changes, in [0, 1].
    mutation
        "gaussian" or "relative": with sigma in units of each parameter's own deviation.
    sigma
        Deviation of the mutation at the start.
    sigma_end
        Deviation of the mutation at the end of its schedule.
    schedule
        "exponential" (sigma falls with the part of the budget that is spent), "constant", "goal"
        (with what is left of the way to the goal) or "selfadaptive" (each individual's own).
    goal
        The fitness that schedule=goal is on the way to.

    Raises
    ------
    OptionError
        When a value cannot be used: said here, before a run begins.
    """

    population: int = 400
    spread: float = 0.05
    start: Start = "ancestor"
    selection: Selection = "truncation"
    replacement: Replacement = "generational"
    offspring: int = 0
    share: float = 0.5
    tournsize: int = 3
    pressure: float = 2.0
    elites: float = 0.05
    crossover: Crossover = "uniform"
    cxpb: float = 1.0
    mutpb: float = 1.0
    indpb: float = 1.0
    mutation: Mutation = "gaussian"
    sigma: float = 0.02
    sigma_end: float = 0.003
    schedule: ScheduleName = "exponential"
    goal: float | None = None

    def __post_init__(self) -> None:
        self._require_numbers()
        deviation("spread", self.spread)
        for name in ("cxpb", "mutpb", "indpb"):
            probability(name, getattr(self, name))
        for name, kind in _CHOICES.items():
            if getattr(self, name) not in get_args(kind):
                raise OptionError(unknown(name, str(getattr(self, name)), get_args(kind)))
        self._require_replacement()
        self._require_schedule()

    def _require_replacement(self) -> None:
        if self.selection == "nsga2" and self.replacement != "plus":
            raise OptionError(
                "selection=nsga2 selects of parents and children together: -a replacement=plus; "
                f"got replacement={self.replacement}."
            )
        if self.replacement == "generational" and self.offspring:
            raise OptionError(
                f"offspring={self.offspring} is for replacement=plus and comma; a generation of "
                "replacement=generational has as many children as there is room for."
            )
        if self.offspring < 0 or (self.replacement == "comma" and self.children < self.population):
            raise OptionError(
                "offspring is at least 0, and with replacement=comma at least the population's "
                f"{self.population}, of whom all are replaced; got {self.offspring}."
            )

    @property
    def children(self) -> int:
        """Children of a generation where parents and children are replaced by selection."""
        return self.offspring or self.population * (4 if self.replacement == "comma" else 1)

    def _require_numbers(self) -> None:
        if self.population < 2:
            raise OptionError(f"population is at least 2, got {self.population}.")
        if not 0.0 < self.share <= 1.0:
            raise OptionError(f"share is a part of the population in (0, 1], got {self.share}.")
        at_least_one(tournsize=self.tournsize)
        if not 1.0 <= self.pressure <= 2.0:
            raise OptionError(f"pressure is from 1 to 2, got {self.pressure}.")
        if not 0.0 <= self.elites < 1.0:
            raise OptionError(f"elites is a part of the population in [0, 1), got {self.elites}.")
        if not 0.0 < self.sigma_end <= self.sigma < math.inf:
            raise OptionError(
                "sigma falls from sigma to sigma_end, both finite and above 0; "
                f"got {self.sigma} and {self.sigma_end}."
            )

    def _require_schedule(self) -> None:
        if self.schedule == "goal" and (self.goal is None or not math.isfinite(self.goal)):
            raise OptionError(
                "schedule=goal needs a goal, the fitness that is hoped for: goal=1.0 for an "
                f"accuracy, goal=0.0 for minus a loss; got {self.goal}."
            )
        if self.schedule != "goal" and self.goal is not None:
            raise OptionError(f"goal={self.goal} is for schedule=goal, got {self.schedule}.")
        if self.schedule == "selfadaptive" and self.mutation != "gaussian":
            raise OptionError("schedule=selfadaptive is for mutation=gaussian, got relative.")

    def begin(self, evaluator: Evaluator, mapping: PopulationMap) -> GeneticAlgorithm:
        """Return the algorithm, its initial population drawn from Python's `random`."""
        return GeneticAlgorithm(self, toolbox_of(self, evaluator, mapping))

    def sigma_at(self, progress: float) -> float:
        """Return the mutation's deviation when ``progress`` in [0, 1] of the budget is spent."""
        return exponential(self.sigma, self.sigma_end, progress)

    def watching(self) -> Schedule:
        """Return the schedule that observes the fitness, if this one does; a constant otherwise."""
        if self.schedule == "goal":
            return GoalSchedule(self.sigma, self.sigma_end, self.goal)
        return ConstantSchedule(self.sigma)

    @property
    def survivors(self) -> int:
        """Individuals that survive a generation unchanged."""
        return min(round(self.elites * self.population), self.population - 1)


_CHOICES = {
    "start": Start,
    "selection": Selection,
    "replacement": Replacement,
    "crossover": Crossover,
    "mutation": Mutation,
    "schedule": ScheduleName,
}

_CROSSOVERS: dict[str, tuple[Callable[..., Any], dict[str, float]]] = {
    "uniform": (cxUniform, {"indpb": 0.5}),
    "arithmetic": (cxArithmetic, {}),
    "onepoint": (cxOnePoint, {}),
    "neuron": (cxNeuron, {"indpb": 0.5}),
    "layer": (cxLayer, {"indpb": 0.5}),
    "aligned": (cxAligned, {"indpb": 0.5}),
}
"""Each crossover under its name, with what it is registered with."""

_MUTATIONS: dict[str, Callable[..., Any]] = {
    "gaussian": mutGaussian,
    "relative": mutGaussianRelative,
    "selfadaptive": mutLogNormal,
}

_FRONT = 8
"""Individuals of a front that may be saved."""


def individual_class(evaluator: Evaluator, genome: type[Any] = WeightGenome) -> type[Any]:
    """Return the DEAP individual class whose fitness has the evaluator's direction.

    The class is made by DEAP's creator's own mechanism, without a name in `deap.creator`; there is
    one for each direction and kind of genome.
    """
    weights = tuple(evaluator.weights)
    return _individual_class(weights, genome)  # type: ignore[arg-type]  # a class has a hash


@functools.lru_cache(maxsize=256)
def _individual_class(weights: tuple[float, ...], genome: Any) -> type[Any]:
    fitness = type("Fitness", (base.Fitness,), {"weights": weights})
    kind: type[Any] = creator.MetaCreator("Individual", genome, {"fitness": fitness})
    return kind


def toolbox_of(
    settings: GeneticSettings, evaluator: Evaluator, mapping: PopulationMap
) -> base.Toolbox:
    """Return the toolbox of a genetic algorithm: from ``population`` to ``map``."""
    net: nn.Module = evaluator.genome()
    kind = individual_class(evaluator)
    toolbox = base.Toolbox()
    toolbox.register(
        "individual",
        initWeights,
        kind,
        net,
        sigma=settings.spread,
        spread=settings.start,
        parameters=evaluator.parameters,
    )
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    mate, keywords = _CROSSOVERS[settings.crossover]
    toolbox.register("mate", mate, **keywords)
    if settings.selection == "nsga2":
        toolbox.register("select", tools.selNSGA2)
    elif settings.selection == "truncation" and settings.replacement != "generational":
        toolbox.register("select", tools.selBest)
    elif settings.selection == "truncation":
        toolbox.register("select", selTruncation, share=settings.share)
    elif settings.selection == "rank":
        toolbox.register("select", selRank, pressure=settings.pressure)
    else:
        toolbox.register("select", tools.selTournament, tournsize=settings.tournsize)
    toolbox.register("evaluate", evaluator)
    toolbox.register("map", mapping)
    return toolbox


def _loop_of(settings: GeneticSettings, toolbox: base.Toolbox) -> Loop:
    """Return the loop of the settings' replacement, with its initial population."""
    population, pbs = toolbox.population(n=settings.population), (settings.cxpb, settings.mutpb)
    if settings.replacement == "generational":
        return eaGenerational(population, toolbox, *pbs, elites=settings.survivors)
    kind = eaMuPlusLambda if settings.replacement == "plus" else eaMuCommaLambda
    return kind(
        population, toolbox, settings.population, settings.children, *pbs, variation=_drawn_evenly
    )


def _drawn_evenly(
    population: Sequence[Any], toolbox: base.Toolbox, lambda_: int, cxpb: float, mutpb: float
) -> list[Any]:
    """Return children of parents that are drawn evenly: mated, and mutated, as `varAnd` does."""
    parents = random.choices(population, k=lambda_)
    children: list[Any] = algorithms.varAnd(parents, toolbox, cxpb, mutpb)
    return children


def _spread(population: Sequence[Any]) -> dict[str, WeightGenome]:
    """Return the champion, and individuals spread over the first front by its first objective."""
    (front, *_) = tools.sortNondominated(population, len(population), first_front_only=True)
    front = tools.selBest(front, len(front))
    places = [round(k * (len(front) - 1) / (_FRONT - 1)) for k in range(_FRONT)]
    chosen = [front[place] for place in dict.fromkeys(places)]
    return {f"front {k}" if k else "champion": one for k, one in enumerate(chosen)}


@final
class GeneticAlgorithm(Algorithm):
    """DEAP's loops whose mutation gets finer: as the budget is spent, or as its schedule says.

    Parameters
    ----------
    settings
        Its settings.
    toolbox
        From ``population`` to ``map``, as `toolbox_of` makes it.
    """

    SHARE = 0.5
    """Part of the population whose mean is a candidate: what truncation would breed from."""

    def __init__(self, settings: GeneticSettings, toolbox: base.Toolbox) -> None:
        self.settings = settings
        self.sigma = settings.sigma
        self._schedule = settings.watching()
        self._loop = _loop_of(settings, toolbox)

    def step(self, spent: float) -> Generation:
        """Breed the next generation with the step size of this part of the budget."""
        settings = self.settings
        by_budget = settings.schedule == "exponential"
        self.sigma = settings.sigma_at(spent) if by_budget else self._schedule.value
        self._loop.toolbox.register(
            "mutate", _MUTATIONS[self._mutation], sigma=self.sigma, indpb=settings.indpb
        )
        generation = next(self._loop)
        self._loop.logbook.clear()  # a run has a log of its own; this one would grow for ever
        self._schedule([one.fitness.values for one in generation.population])
        return generation

    @property
    def _mutation(self) -> str:
        own = self.settings.schedule == "selfadaptive"
        return "selfadaptive" if own else self.settings.mutation

    def candidates(self) -> dict[str, WeightGenome]:
        """Return the best of the last generation, and the mean of its better half.

        Of several objectives: its best by the first one, and up to seven more of its first front.
        """
        population = self._loop.population
        if self.settings.selection == "nsga2":
            return _spread(population)
        ranked = tools.selBest(population, max(1, round(self.SHARE * len(population))))
        return {"champion": ranked[0], "mean": mean_of(ranked)}

    def state_dict(self) -> dict[str, Any]:
        """Return the step size, its schedule, and the loop's population and books."""
        schedule = self._schedule.state_dict()
        return {"sigma": self.sigma, "schedule": schedule, "loop": self._loop.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the population of ``state``."""
        self.sigma = state["sigma"]
        self._schedule.load_state_dict(state["schedule"])
        self._loop.load_state_dict(state["loop"])

    def figures(self) -> dict[str, float]:
        """Return ``sigma``: deviation of the mutation that bred the last generation.

        Where each individual has its own, it is the mean of the last generation's.
        """
        own = [getattr(one, "strategy", self.sigma) for one in self._loop.population]
        return {"sigma": sum(own) / len(own) if self._mutation == "selfadaptive" else self.sigma}
