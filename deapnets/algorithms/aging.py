"""`eaAging`, `eaNonAging`, `eaPairs`: evolution in a steady state, told apart by who dies."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import Any, final

from deap import base

from deapnets.algorithms.halving import standing
from deapnets.algorithms.search import Search
from deapnets.errors import OptionError, at_least_one


class _Evolution(Search):
    """A population that is evaluated first, and then changes by one child at a time."""

    screens = True

    def __init__(
        self, population: Sequence[Any], toolbox: base.Toolbox, least: int, **search: Any
    ) -> None:
        super().__init__(toolbox, **search)
        if len(population) < least:
            raise OptionError(f"The population is at least {least}, got {len(population)}.")
        room = None if self.evaluations is None else self.evaluations - self.rescore
        if room is not None and room <= len(population):
            raise OptionError(
                f"A budget of {room} evaluations beside those that score leaders again is not "
                f"above the population of {len(population)}: this never evolves. Give more "
                "evaluations or a smaller population."
            )
        self._size = len(population)
        self._initial = deque(population)

    def propose(self) -> Any:
        if self._initial:
            return self._initial.popleft()
        if len(self.population) < 2:  # a window wider than the population
            return self.toolbox.individual()
        parent = self.choose()
        return self.bred(lambda: self._child(parent))

    def _child(self, parent: Any) -> Any:
        (child,) = self.toolbox.mutate(self.toolbox.clone(parent))
        del child.fitness.values
        return child

    def choose(self) -> Any:
        """Return the parent of the next child."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        waiting = [str(individual) for individual in self._initial]
        return {**super().state_dict(), "initial": waiting}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        while len(self._initial) > len(state["initial"]):
            self._initial.popleft()
        for individual, text in zip(self._initial, state["initial"], strict=True):
            individual.take_text(text)


@final
class eaAging(_Evolution):
    """Regularized evolution: the oldest dies, however good it is.

    ::

        evaluate(population)
        while there is budget:
            sample = ``tournsize`` individuals drawn from population, with replacement
            child = mutate(clone(best of sample)); evaluate(child)
            append child to population
            remove the oldest from population

    A network that was lucky once does not live on its luck: only what is found good again, when it
    is inherited, stays.

    Parameters
    ----------
    population
        The first individuals; those of the toolbox's ``individual``.
    toolbox
        ``individual, mutate, evaluate, clone``.
    tournsize
        Individuals in a sample, at least 1.
    search
        Keywords of `deapnets.algorithms.search.Search`: ``evaluations, seconds, window, executor,
        archive, halving, rescore, leaders``.

    Raises
    ------
    OptionError
        When the budget is not above the population, or a number cannot be used.

    Notes
    -----
    Draws from Python's `random`. Source: Real, Aggarwal, Huang & Le 2018, "Regularized evolution
    for image classifier architecture search", arXiv 1802.01548, algorithm 1.
    """

    def __init__(
        self, population: Sequence[Any], toolbox: base.Toolbox, tournsize: int = 10, **search: Any
    ) -> None:
        super().__init__(population, toolbox, 1, **search)
        at_least_one(tournsize=tournsize)
        self._tournsize = tournsize

    def choose(self) -> Any:
        """Return the best of a sample."""
        return max(random.choices(self.population, k=self._tournsize), key=standing)

    def receive(self, individual: Any) -> None:
        """Add the child; the oldest dies."""
        self.population.append(individual)
        if len(self.population) > self._size:
            self.population.pop(0)


@final
class eaNonAging(_Evolution):
    """Tournament evolution: the worst of the sample dies.

    As `eaAging`, but for who dies: the worst of a sample of ``tournsize`` that is drawn as the
    parent's is.

    Source: Goldberg & Deb 1991, "A comparative analysis of selection schemes used in genetic
    algorithms"; Real et al. 2018, arXiv 1802.01548, compares it with aging.
    """

    def __init__(
        self, population: Sequence[Any], toolbox: base.Toolbox, tournsize: int = 10, **search: Any
    ) -> None:
        super().__init__(population, toolbox, 1, **search)
        at_least_one(tournsize=tournsize)
        self._tournsize = tournsize

    def choose(self) -> Any:
        """Return the best of a sample."""
        return max(random.choices(self.population, k=self._tournsize), key=standing)

    def receive(self, individual: Any) -> None:
        """Add the child; the worst of a sample dies."""
        self.population.append(individual)
        if len(self.population) > self._size:
            places = random.choices(range(len(self.population)), k=self._tournsize)
            self.population.pop(min(places, key=lambda at: standing(self.population[at])))


@final
class eaPairs(_Evolution):
    """Large-scale evolution: of two that are drawn the worse dies, the better has a child.

    ::

        evaluate(population)
        while there is budget:
            two individuals are drawn from population, without replacement
            remove the worse from population
            child = mutate(clone(the better)); evaluate(child)
            append child to population

    Parameters, errors and randomness as `eaAging`, but for ``tournsize``; the population is at
    least 2.

    Source: Real, Moore, Selle, Saxena, Suematsu, Tan, Le & Kurakin 2017, "Large-scale evolution of
    image classifiers", arXiv 1703.01041, section 3.1.
    """

    def __init__(self, population: Sequence[Any], toolbox: base.Toolbox, **search: Any) -> None:
        super().__init__(population, toolbox, 2, **search)

    def choose(self) -> Any:
        """Return the better of two; the worse dies, unless too many are under way already."""
        first, second = random.sample(range(len(self.population)), 2)
        better, worse = sorted(
            (first, second), key=lambda at: standing(self.population[at]), reverse=True
        )
        parent = self.population[better]
        if len(self.population) > 2:
            self.population.pop(worse)
        return parent

    def receive(self, individual: Any) -> None:
        """Add the child."""
        self.population.append(individual)
