"""`eaRandom` and `eaLocal`: searches without a population, to compare the others with."""

from __future__ import annotations

import random
from typing import Any, final

from deap import base

from deapnets.algorithms.halving import standing
from deapnets.algorithms.ledger import name_of
from deapnets.algorithms.search import Search
from deapnets.algorithms.trials import a_model, pack_individual, unpack_individual
from deapnets.errors import at_least_one


@final
class eaRandom(Search):
    """Random search: every individual is drawn anew.

    Parameters
    ----------
    toolbox
        ``individual, evaluate, clone``.
    search
        Keywords of `deapnets.algorithms.search.Search`.
    """

    screens = True

    def propose(self) -> Any:
        """Return a new individual."""
        return self.bred(self.toolbox.individual)

    def receive(self, individual: Any) -> None:
        """Keep the best."""
        if not self.population or standing(individual) > standing(self.population[0]):
            self.population = [individual]


@final
class eaLocal(Search):
    """Local search: the first neighbour that is better is where the search goes on.

    ::

        while there is budget:
            evaluate(``starts`` new individuals)
            here = the best of them
            for neighbour in the neighbours of here, in random order:
                evaluate(neighbour), unless a network that is the same was evaluated
                if neighbour is better: here = neighbour, and its neighbours are next

    When no neighbour is better, it starts anew. Neighbours differ in one decision.

    Parameters
    ----------
    toolbox
        ``individual, evaluate, clone``; individuals are `deapnets.ChoiceGenome`.
    starts
        New individuals at each start, at least 1.
    search
        Keywords of `deapnets.algorithms.search.Search`.

    Raises
    ------
    OptionError
        When a number cannot be used.

    Notes
    -----
    Draws from Python's `random`. Source: White, Nolen & Savani 2020, "Exploring the loss landscape
    in neural architecture search", arXiv 2005.02960; they evaluate all neighbours before they move.
    """

    def __init__(self, toolbox: base.Toolbox, starts: int = 10, **search: Any) -> None:
        super().__init__(toolbox, **search)
        at_least_one(starts=starts)
        self._starts = starts
        self._to_start = starts
        self._around: list[Any] = []  # neighbours that have not been proposed, the next one last

    def propose(self) -> Any:
        """Return the next neighbour whose network is not known, or a new individual."""
        while self._to_start <= 0 and self._around:
            individual = self._around.pop()
            if name_of(individual) not in self.ledger.keys:
                return individual
        if self._to_start <= 0:  # a local optimum
            self._to_start, self.population = self._starts, []
        self._to_start -= 1
        return self.toolbox.individual()

    def receive(self, individual: Any) -> None:
        """Go to where it is better."""
        if self.population and standing(individual) <= standing(self.population[0]):
            return
        self.population = [individual]
        self._around = []
        for genes in individual.space.neighbours(individual.genes):
            other = self.toolbox.clone(individual)
            del other.fitness.values
            other.genes = genes
            self._around.append(other)
        random.shuffle(self._around)

    def state_dict(self) -> dict[str, Any]:
        """As `Search.state_dict`."""
        around = [pack_individual(individual) for individual in self._around]
        return {**super().state_dict(), "around": around, "to_start": self._to_start}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        super().load_state_dict(state)
        model = a_model(self.toolbox)
        self._around = [unpack_individual(one, model) for one in state["around"]]
        self._to_start = state["to_start"]
