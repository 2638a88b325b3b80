"""The command line's ``random`` of weights: what every other algorithm has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from deap import tools

from deapnets.algorithms.base import Algorithm, Generation, Settings
from deapnets.algorithms.ga import individual_class
from deapnets.errors import OptionError
from deapnets.evaluators.base import Evaluator
from deapnets.genomes.weights import WeightGenome
from deapnets.mapping import PopulationMap
from deapnets.operators.contract import deviation
from deapnets.operators.initialisation import SPREADS, initWeights


@final
@dataclass(frozen=True)
class RandomWeightsSettings(Settings):
    """Random search: every network is drawn anew, and the best one is kept.

    Parameters
    ----------
    population
        Networks that are scored together, the best so far among them.
    sigma
        Deviation of every weight.
    spread
        "independent": round zero. "ancestor": round the network's own initial weights.
    """

    population: int = 400
    sigma: float = 0.1
    spread: str = "independent"

    def __post_init__(self) -> None:
        if self.population < 2:
            raise OptionError(f"population is at least 2, got {self.population}.")
        deviation("sigma", self.sigma)
        if self.spread not in SPREADS:
            raise OptionError(f"spread is one of {', '.join(SPREADS)}; got {self.spread!r}.")

    def begin(self, evaluator: Evaluator, mapping: PopulationMap) -> RandomWeights:
        """Return the search; each network's seed is drawn from Python's `random`."""
        return RandomWeights(self, evaluator, mapping)


@final
class RandomWeights(Algorithm):
    """Draw networks, score them beside the best so far, keep the best.

    ::

        for g in 0, 1, 2, ...:
            population = [best so far] + new networks
            evaluate(population)
            best so far = the best of population

    The best is scored again with each lot, so that a mini-batch that suits it does not keep it.
    """

    def __init__(
        self, settings: RandomWeightsSettings, evaluator: Evaluator, mapping: PopulationMap
    ) -> None:
        self.settings = settings
        self.best: Any = None
        self._number = -1
        self._evaluator, self._mapping = evaluator, mapping
        self._kind = individual_class(evaluator)

    def step(self, spent: float) -> Generation:
        """Draw and score the next lot; how much of the budget is spent does not matter."""
        kept = [] if self.best is None else [self.best]
        count = self.settings.population - len(kept)
        population = kept + [self._drawn() for _ in range(count)]
        with self._mapping.generation() as mapping:
            scores = mapping(self._evaluator, population)
        for individual, values in zip(population, scores, strict=True):
            individual.fitness.values = values
        (self.best,) = tools.selBest(population, 1)
        self._number += 1
        return Generation(self._number, population, [], len(population), {})

    def _drawn(self) -> Any:
        evaluator, settings = self._evaluator, self.settings
        return initWeights(
            self._kind,
            evaluator.genome(),
            settings.sigma,
            settings.spread,
            parameters=evaluator.parameters,
        )

    def candidates(self) -> dict[str, WeightGenome]:
        """Return the best so far."""
        return {"champion": self.best}

    def state_dict(self) -> dict[str, Any]:
        """Return the best so far, and the number of the lot."""
        return {"number": self._number, "best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._number, self.best = state["number"], state["best"]
