"""The command line's searches of architectures: ``aging, nonaging, pairs, local, random`` ..."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, ClassVar, final

from deap import base, tools

from deapnets.algorithms.aging import eaAging, eaNonAging, eaPairs
from deapnets.algorithms.base import Algorithm, Generation, Settings
from deapnets.algorithms.ga import individual_class
from deapnets.algorithms.halving import Halving, standing
from deapnets.algorithms.randomweights import RandomWeightsSettings
from deapnets.algorithms.reinforce import eaReinforce
from deapnets.algorithms.sampling import eaLocal, eaRandom
from deapnets.algorithms.screening import Screening, proxy_of
from deapnets.algorithms.search import Evaluation, Search
from deapnets.architectures.cells import CellSpace
from deapnets.architectures.graphs import GraphSpace
from deapnets.errors import OptionError, at_least_one
from deapnets.evaluators.architectures import ArchitectureEvaluator
from deapnets.evaluators.archive import ScoreArchive, scores_needed
from deapnets.evaluators.base import Evaluator
from deapnets.evaluators.programs import ProgramEvaluator
from deapnets.mapping import PopulationMap
from deapnets.operators.choices import initChoices, mutCell, mutChoice
from deapnets.operators.graphs import initGraph, mutGraph
from deapnets.operators.programs import initProgram, mutProgram
from deapnets.programs.spaces import ProgramSpace

_A_LINE = 10
"""Evaluations between two lines of the log."""


@dataclass(frozen=True)
class SearchSettings(Settings):
    """What all searches of architectures have in common.

    Parameters
    ----------
    population
        Individuals that are there at a time.
    rescore
        Part of the budget, at its end, that scores the leaders again, in [0, 1).
    leaders
        How many of the best are scored again.
    eta
        Successive halving: one of so many goes on to the next fidelity; 0 for the full fidelity
        alone.
    window
        Individuals under way at a time.
    archive
        A file that keeps all scores, also those of other runs on the same task.
    policy
        What a network with scores in the archive gets when it is proposed again: "reuse" (their
        mean), a number such as "3" (evaluated until it has so many), or "always" (evaluated).
    screen
        Children that are drawn for one that is evaluated: the one that a proxy likes best.
    proxy
        Which: "flops", "parameters", "synflow" or "naswot". It is off as soon as it does not rank
        as evaluations do.
    """

    searches: ClassVar[bool] = True
    costs: ClassVar[bool] = True

    population: int = 1
    rescore: float = 0.0
    leaders: int = 8
    eta: float = 0.0
    window: int = 1
    archive: str | None = None
    policy: str = "reuse"
    screen: int = 1
    proxy: str = "flops"

    def __post_init__(self) -> None:
        at_least_one(population=self.population)
        if not 0.0 <= self.rescore < 1.0:
            raise OptionError(f"rescore is a part of the budget in [0, 1), got {self.rescore}.")
        if self.eta and not self.eta > 1.0:
            raise OptionError(f"eta is above 1, or 0 for one fidelity; got {self.eta}.")
        scores_needed(self.policy)
        at_least_one(leaders=self.leaders, window=self.window)

    @abstractmethod
    def search(self, toolbox: base.Toolbox, **common: Any) -> Search:
        """Return the search; ``common`` is what every `Search` takes."""

    def begin(self, evaluator: Evaluator, mapping: PopulationMap) -> SearchAlgorithm:
        """Return the algorithm; nothing is drawn yet but what a first population needs."""
        if not isinstance(evaluator, ArchitectureEvaluator):
            raise OptionError(
                f"{evaluator.title} evolves weights; this algorithm searches architectures. "
                "Use --algorithm ga."
            )
        common: dict[str, Any] = {"window": self.window, "leaders": self.leaders}
        if self.eta:
            common["halving"] = Halving(evaluator.fidelities, self.eta)
        path = self.archive
        if path is None and isinstance(evaluator, ProgramEvaluator):
            path = ":memory:"  # programs repeat themselves: one that is known is not scored again
        if path is not None:
            task = f"{type(evaluator).__name__} {evaluator.space().describe()}"
            common["archive"] = ScoreArchive(path, self.policy, task)
        if self.screen > 1:
            common["screening"] = Screening(proxy_of(evaluator, self.proxy), self.screen)
        common["executor"] = self._executor(mapping)
        search = self.search(search_toolbox(evaluator), **common)
        return SearchAlgorithm(search, mapping, self.rescore)

    def _executor(self, mapping: PopulationMap) -> Executor | None:
        """Return the map's workers; an `OptionError` when most would have nothing to do."""
        if self.window < mapping.workers:
            raise OptionError(
                f"With window={self.window} only {self.window} of {mapping.workers} workers have "
                f"something to do. Give -a window={3 * mapping.workers}: what is found follows "
                "from the window, not from the number of workers."
            )
        return mapping.executor()


def search_toolbox(evaluator: ArchitectureEvaluator) -> base.Toolbox:
    """Return ``individual, population, mutate, evaluate`` for the evaluator's space."""
    space = evaluator.space()
    toolbox = base.Toolbox()
    kind = individual_class(evaluator, space.genome_class())
    initial: Callable[..., Any] = initChoices
    mutate: Callable[..., Any] = mutChoice
    if isinstance(space, GraphSpace):
        initial, mutate = initGraph, mutGraph
    elif isinstance(space, CellSpace):
        mutate = mutCell
    elif isinstance(space, ProgramSpace):
        initial, mutate = initProgram, mutProgram
    toolbox.register("individual", initial, kind, space)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mutate", mutate)
    toolbox.register("evaluate", evaluator)
    return toolbox


@final
class SearchAlgorithm(Algorithm):
    """A search under way: ten evaluations a step."""

    decides = True

    def __init__(self, search: Search, mapping: PopulationMap, rescore: float) -> None:
        self._search, self._mapping, self._rescore = search, mapping, rescore
        self._number = -1

    def step(self, spent: float) -> Generation:
        """Evaluate the next individuals; never more than the budget has left."""
        done = self._evaluated(self._plan(spent))
        self._mapping.evaluations += len(done)
        self._number += 1
        individuals = [evaluation.individual for evaluation in done]
        leader = {"leader": str(self._leader())}
        return Generation(self._number, individuals, [], len(done), leader)

    def _evaluated(self, count: int) -> list[Evaluation]:
        """Return the next so many evaluations, more until somebody leads; fewer at a bound of cost.

        Who is under way when the bound is reached is finished.
        """
        done = []
        for evaluation in self._search:
            done.append(evaluation)
            enough = len(done) >= count and self._leader() is not None
            if enough and not self._search.is_paid_out():
                break
        if self._search.seconds is not None and not self._search.ledger.seconds:
            raise OptionError(
                "By the evaluator's account evaluations cost no seconds: a budget of them never "
                "ends. Give evaluations instead."
            )
        return done

    def cost(self) -> float:
        """Return the seconds that the evaluator says all evaluations have cost."""
        return self._search.ledger.seconds

    def bound(self, evaluation_seconds: float) -> None:
        """Propose no further individual once evaluations have cost so much."""
        self._search.seconds = evaluation_seconds

    def _plan(self, spent: float) -> int:
        """Return how many evaluations this step makes; say when leaders are scored again."""
        if not spent:
            return _A_LINE if self._search.number else 1
        total = round(self._search.number / spent)
        rescore = round(self._rescore * total)
        self._search.evaluations, self._search.rescore = (
            max(total, self._search.number + 1),
            rescore,
        )
        return min(_A_LINE, max(1, total - self._search.number))

    def candidates(self) -> dict[str, Any]:
        """Return the network with the best mean of its scores; its fitness is that mean."""
        entry = self._search.ledger.best()
        if entry is None:  # nothing was seen at the full fidelity yet
            return {"champion": self._leader()}
        best = self._search.toolbox.clone(entry.individual)
        best.fitness.values = entry.mean()
        return {"champion": best}

    def _leader(self) -> Any:
        """Return the best individual; of the population until one has the full fidelity.

        None while the first one climbs: with `Halving` it is promoted at once.
        """
        best, population = self._search.best(), self._search.population
        return max(population, key=standing, default=None) if best is None else best

    def figures(self) -> dict[str, float]:
        """Return the counts of the ledger."""
        return self._search.figures()

    def state_dict(self) -> dict[str, Any]:
        """Return the search's state and the number of steps."""
        return {"number": self._number, "search": self._search.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._number = state["number"]
        self._search.load_state_dict(state["search"])


@dataclass(frozen=True)
class _TournamentSettings(SearchSettings):
    population: int = 100
    tournsize: int = 25

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(tournsize=self.tournsize)


@final
@dataclass(frozen=True)
class AgingSettings(_TournamentSettings):
    """Regularized evolution: the oldest dies (Real et al. 2018).

    Parameters
    ----------
    tournsize
        Individuals in a sample, the best of which has the child.
    """

    def search(self, toolbox: base.Toolbox, **common: Any) -> Search:
        """Return `eaAging`."""
        population = toolbox.population(n=self.population)
        return eaAging(population, toolbox, self.tournsize, **common)


@final
@dataclass(frozen=True)
class NonAgingSettings(_TournamentSettings):
    """Tournament evolution: the worst of a sample dies.

    Parameters
    ----------
    tournsize
        Individuals in a sample: the best of one has the child, the worst of another one dies.
    """

    def search(self, toolbox: base.Toolbox, **common: Any) -> Search:
        """Return `eaNonAging`."""
        population = toolbox.population(n=self.population)
        return eaNonAging(population, toolbox, self.tournsize, **common)


@final
@dataclass(frozen=True)
class PairsSettings(SearchSettings):
    """Large-scale evolution: of two the worse dies, the better has a child (Real et al. 2017)."""

    population: int = 100

    def search(self, toolbox: base.Toolbox, **common: Any) -> Search:
        """Return `eaPairs`."""
        return eaPairs(toolbox.population(n=self.population), toolbox, **common)


@final
@dataclass(frozen=True)
class RandomSettings(SearchSettings):
    """Random search: every individual is drawn anew."""

    @classmethod
    def suited(cls, evaluator: Any) -> type[Settings]:
        """Return these for architectures, and those of random weights otherwise."""
        searched = evaluator is None or isinstance(evaluator, ArchitectureEvaluator)
        return cls if searched else RandomWeightsSettings

    def search(self, toolbox: base.Toolbox, **common: Any) -> Search:
        """Return `eaRandom`."""
        return eaRandom(toolbox, **common)


@final
@dataclass(frozen=True)
class LocalSettings(SearchSettings):
    """Local search: the first better neighbour is where it goes on; leaders are scored again.

    Parameters
    ----------
    starts
        New individuals at each start.
    """

    rescore: float = 0.15
    starts: int = 10

    def search(self, toolbox: base.Toolbox, **common: Any) -> Search:
        """Return `eaLocal`."""
        return eaLocal(toolbox, self.starts, **common)


@final
@dataclass(frozen=True)
class ReinforceSettings(SearchSettings):
    """REINFORCE: a controller learns which decisions pay.

    Parameters
    ----------
    rate
        Step size of the controller.
    decay
        How much of its running mean each reward leaves, in [0, 1).
    """

    rate: float = 0.3
    decay: float = 0.9

    def search(self, toolbox: base.Toolbox, **common: Any) -> Search:
        """Return `eaReinforce`."""
        return eaReinforce(toolbox, self.rate, self.decay, **common)
