"""`Turn`: one generation as its evaluators see it, from `prepare` to `conclude`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, final

from deapnets.errors import EvaluationError
from deapnets.evaluators.base import Evaluator, require_genomes, signs
from deapnets.genomes.weights import WeightGenome


class Beginning(Protocol):
    """Who lets evaluators prepare: a `deapnets.PopulationMap`."""

    def begin(
        self, evaluator: Evaluator, population: Sequence[WeightGenome], *, first: bool
    ) -> None:
        """Let an evaluator prepare; the ``first`` of a generation starts it."""


@final
class Turn:
    """What one generation has seen: whose turn it was to prepare, and what is to be concluded."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Evaluator, list[Any], list[Any]]] = {}

    def prepare(
        self, owner: Beginning, evaluator: Evaluator, population: Sequence[WeightGenome]
    ) -> None:
        """Let the evaluator prepare, the first time it is met."""
        if id(evaluator) not in self._seen:
            owner.begin(evaluator, population, first=not self._seen)
            self._seen[id(evaluator)] = (evaluator, [], [])

    def note(
        self, evaluator: Evaluator, population: Sequence[WeightGenome], scores: Sequence[Any]
    ) -> None:
        """Remember a call's individuals and scores for `conclude`."""
        _, individuals, all_scores = self._seen[id(evaluator)]
        individuals.extend(population)
        all_scores.extend(scores)

    def conclude(self) -> None:
        """Let every evaluator of the generation conclude."""
        for evaluator, individuals, scores in self._seen.values():
            evaluator.conclude(individuals, scores)


def require_alike(evaluator: Evaluator, population: Sequence[Any]) -> None:
    """Check every individual against the evaluator: its kind, and the direction of its fitness.

    Raises
    ------
    EvaluationError
        When one is no `WeightGenome`, or its fitness goes another way than the evaluator's.
    """
    require_genomes(evaluator, population)
    directions = signs(evaluator.weights)
    for individual in {type(one): one for one in population}.values():
        fitness = getattr(individual, "fitness", None)
        if fitness is not None and signs(fitness.weights) != directions:
            raise EvaluationError(
                f"{evaluator.title} returns objectives of weights {evaluator.weights}, the "
                f"individuals' fitness has {tuple(fitness.weights)}: the run would go the "
                f"wrong way. Create the fitness with weights={evaluator.weights}."
            )
