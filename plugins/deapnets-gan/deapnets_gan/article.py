"""The algorithm ``article``: the article's genetic algorithm, repaired, otherwise as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from deapnets.algorithms.base import Settings
from deapnets.algorithms.ga import GeneticAlgorithm, GeneticSettings
from deapnets.evaluators.base import Evaluator
from deapnets.mapping import PopulationMap


@final
@dataclass(frozen=True)
class ArticleSettings(Settings):
    """The article's genetic algorithm on generators, with what kept it from learning repaired.

    Every weight of every individual is drawn from N(0, 1), parents are chosen by rank, children are
    crossed weight by weight, and one weight of a hundred is mutated. Repaired: images are not cast
    to integers, the population is kept from one generation to the next, better generators are
    selected, children differ, and one discriminator is trained for all of a generation.

    Parameters
    ----------
    population
        Individuals of a generation.
    spread
        Deviation of the initial weights.
    indpb
        Probability that a weight of a child is mutated.
    sigma
        Deviation of a mutation at the start.
    sigma_end
        Deviation of a mutation at the end.
    """

    population: int = 100
    spread: float = 1.0
    indpb: float = 0.01
    sigma: float = 1.0
    sigma_end: float = 0.01

    def __post_init__(self) -> None:
        self._genetic()  # which says what cannot be used

    def _genetic(self) -> GeneticSettings:
        return GeneticSettings(
            population=self.population,
            spread=self.spread,
            start="independent",
            selection="rank",
            elites=0.0,
            crossover="uniform",
            indpb=self.indpb,
            sigma=self.sigma,
            sigma_end=self.sigma_end,
        )

    def begin(self, evaluator: Evaluator, mapping: PopulationMap) -> GeneticAlgorithm:
        """Return the algorithm; its population is drawn from Python's `random`."""
        return self._genetic().begin(evaluator, mapping)
