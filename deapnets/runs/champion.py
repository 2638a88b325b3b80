"""The network a run saves: the best, on the validation split, of an algorithm's candidates."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from deapnets.algorithms.ga import individual_class
from deapnets.algorithms.trials import pack_individual, unpack_individual
from deapnets.architectures.spaces import SpaceGenome
from deapnets.evaluators.architectures import ArchitectureEvaluator
from deapnets.evaluators.base import Evaluator
from deapnets.genomes.weights import WeightGenome


@final
@dataclass
class Champion:
    """The best network seen so far.

    Attributes
    ----------
    individual
        The network; None before the first look.
    fitness
        Its fitness on the validation split, or its training fitness where there is none.
    source
        Which of the candidates it was: ``"champion"`` (the best of the population), ``"mean"``.
    generation
        When it was found.
    figures
        Its figures on the validation split; empty where there is none.
    """

    individual: WeightGenome | SpaceGenome | None = None
    fitness: float = float("-inf")
    source: str = ""
    generation: int = -1
    figures: dict[str, float] = field(default_factory=dict)

    def state_dict(self) -> dict[str, Any]:
        """Return the fields under their names; an architecture as its text."""
        individual = self.individual
        if isinstance(individual, SpaceGenome):
            return {**vars(self), "individual": pack_individual(individual)}
        return dict(vars(self))

    def load_state_dict(self, state: Mapping[str, Any], evaluator: Evaluator) -> None:
        """Take the fields of ``state``."""
        vars(self).update(state)
        if isinstance(evaluator, ArchitectureEvaluator) and state["individual"] is not None:
            space = evaluator.space()
            kind = individual_class(evaluator, space.genome_class())
            model = space.individual(kind, space.draw())
            self.individual = unpack_individual(state["individual"], model)

    def consider(
        self,
        evaluator: Evaluator,
        candidates: Mapping[str, WeightGenome],
        generation: int,
        decided: bool = False,
    ) -> dict[str, float]:
        """Look at a generation's candidates; return the validation figures of the better one.

        Where the algorithm ``decided``, its candidate replaces the one before, better or not.
        """
        if decided:
            self.individual = None
        figures = evaluator.validate(evaluator.networks(*candidates.values()))
        direction = 1.0 if evaluator.weights[0] > 0 else -1.0
        if "fitness" not in figures:
            source, individual = next(iter(candidates.items()))
            fitness = float(individual.fitness.values[0])  # type: ignore[attr-defined]
            self._take(individual, fitness, direction, source, generation, {})
            return {}
        scores = [float(value) for value in figures["fitness"]]
        best = max(range(len(scores)), key=lambda index: _worth(scores[index], direction))
        found = {n: float(v[best]) for n, v in figures.items() if n != "fitness"}
        source, individual = list(candidates.items())[best]
        self._take(individual, scores[best], direction, source, generation, found)
        return found

    def _take(
        self,
        individual: WeightGenome,
        fitness: float,
        direction: float,
        source: str,
        generation: int,
        figures: dict[str, float],
    ) -> None:
        better = _worth(fitness, direction) > _worth(self.fitness, direction)
        if self.individual is not None and not better:
            return
        self.individual = copy.deepcopy(individual)
        self.fitness, self.source = fitness, source
        self.generation, self.figures = generation, figures


def _worth(fitness: float, direction: float) -> float:
    """Return fitness to be maximised; NaN, which compares with nothing, is worth least."""
    return -math.inf if math.isnan(fitness) else direction * fitness
