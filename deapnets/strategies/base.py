"""`Strategy`: DEAP's ask and tell on the weights of a network."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from deapnets.errors import (
    DivergenceError,
    EvaluationError,
    LayoutError,
    OperatorError,
    OptionError,
)
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import made
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.operators.ancestors import ancestor_of
from deapnets.strategies.optimisers import norm_of
from deapnets.strategies.sampling import Sampler
from deapnets.strategies.shaping import Values

_BEYOND = 1e4
"""A centre diverges when its weights have grown so many times larger than they were, all told."""


class Told(NamedTuple):
    """What a strategy is told of its children: the seed of each, or of each pair, and fitness."""

    seeds: np.ndarray  # uint64 [k]
    plus: Values  # fitness of centre + noise, [k], maximised
    minus: Values  # fitness of centre - noise, [k]; empty where children are not mirrored

    @property
    def fitness(self) -> Values:
        """Fitness of all children: plus, then minus."""
        return np.concatenate([self.plus, self.minus])


class Strategy(ABC):
    """A centre, a distribution of children round it, and how both follow their fitness.

    Register ``generate`` and ``update``, as DEAP does::

        toolbox.register("generate", strategy.generate, creator.Individual)
        toolbox.register("update", strategy.update)

    Children are recipes: a seed each, and the centre that all of them share. Their weights exist
    while they are evaluated; ``update`` makes their noise once more, a block at a time.

    Parameters
    ----------
    centroid
        Where to begin: a module, whose present parameters are the first centre, or an individual.
    lambda_
        Children of a generation.
    mirrored
        Children come in pairs, ``centre + noise`` and ``centre - noise`` (Brockhoff et al. 2010,
        "Mirrored sampling and sequential selection for evolution strategies").

    Attributes
    ----------
    spent
        Where the schedules stand, in [0, 1]. Whoever knows the budget sets it before ``generate``;
        a strategy that was given ``ngen`` counts for itself.
    generation
        How often it was updated.

    Raises
    ------
    OptionError
        When a number cannot be used, or children cannot be paired.
    LayoutError
        When the centroid is nothing that has weights.

    Notes
    -----
    One 64-bit seed a child, or a pair, is drawn from Python's `random`.
    """

    def __init__(
        self, centroid: nn.Module | WeightGenome, lambda_: int, mirrored: bool, ngen: int | None
    ) -> None:
        self.name = type(self).__name__
        self.lambda_, self.mirrored, self.ngen = lambda_, mirrored, ngen
        self._require_size()
        self.node = _leaf_of(self.name, centroid)
        self.spent = 0.0
        self.generation = 0
        self._largest = _BEYOND * max(norm_of(self.weights), self._reach())
        self._sampler: Sampler | None = None

    @abstractmethod
    def _reach(self) -> float:
        """Return the norm of a child's noise, as the strategy begins."""

    @abstractmethod
    def _sample(self) -> Sampler:
        """Return the distribution of the next generation's children."""

    @abstractmethod
    def _follow(self, told: Told, sampler: Sampler) -> torch.Tensor:
        """Return the next centre ``[P]``; change whatever else a generation changes."""

    def _accept(self, centre: torch.Tensor) -> None:
        """Take note of the next centre, which is a sound one."""

    def generate(self, ind_init: Callable[[Node], Any]) -> list[Any]:
        """Return the children of the next generation: individuals of ``ind_init``.

        Mirrored children stand in the second half, in the order of the first.
        """
        self._sampler = sampler = self._sample()
        count = self.lambda_ // 2 if self.mirrored else self.lambda_
        seeds = [random.getrandbits(64) for _ in range(count)]
        signs = (False, True) if self.mirrored else (False,)
        children = [ind_init(sampler.child(seed, sign)) for sign in signs for seed in seeds]
        self._require_one_objective(children[0])
        for child in children:
            child.survives = False
        return children

    def update(self, population: Sequence[Any]) -> None:
        """Move the centre after the fitness of the children that `generate` gave, in any order.

        Raises
        ------
        OperatorError
            When the population is not what `generate` gave.
        EvaluationError
            When fitness is missing.
        DivergenceError
            When the centre leaves every bound. It stays where it was.
        """
        if self._sampler is None:
            raise OperatorError(f"{self.name}.update needs the population of a generate before it.")
        centre = self._follow(self._told(population, self._sampler), self._sampler)
        fault = self._fault(centre)
        if fault:
            raise DivergenceError(
                f"{self.name} diverged in generation {self.generation}: {fault} {self._remedy()} "
                "The centre of the generation before is kept."
            )
        self._accept(centre)
        self.node = Node(self.node.layout, centre)
        self.generation += 1
        if self.ngen is not None:
            self.spent = min(1.0, self.generation / self.ngen)
        self._sampler = None

    def centre(self, ind_init: Callable[[Node], Any]) -> Any:
        """Return an individual of ``ind_init`` at the centre: the network that is evolved."""
        return ind_init(self.node)

    def centres(self, ind_init: Callable[[Node], Any]) -> dict[str, Any]:
        """Return what is worth saving beside the best child, under names: the centre first."""
        return {"centre": self.centre(ind_init)}

    @property
    def weights(self) -> torch.Tensor:
        """The centre, float32 ``[P]``, where it was last evaluated; read only."""
        held = self.node.weights
        if held is None:
            raise AssertionError("the centre is a leaf")
        return held

    def figures(self) -> dict[str, float]:
        """Return what a log may say of the last generation: step sizes."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return all that generations change: JSON values and tensors."""
        return {
            "centre": self.weights.cpu(),
            "generation": self.generation,
            "spent": self.spent,
            "largest": self._largest,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken, between an update and the next generate."""
        self.node = Node(self.node.layout, state["centre"].to(self.weights.device))
        self.generation, self.spent = state["generation"], state["spent"]
        self._largest = state["largest"]
        self._sampler = None

    def _remedy(self) -> str:
        return "Give a smaller step or sigma."

    def _fault(self, centre: torch.Tensor) -> str:
        """Return what is wrong with a centre, or nothing."""
        norm = norm_of(centre)
        if not np.isfinite(norm):
            return "the centre is not finite."
        if norm > self._largest:
            return f"the norm of the centre grew to {norm:.3g}, from {norm_of(self.weights):.3g}."
        return ""

    def _told(self, population: Sequence[Any], sampler: Sampler) -> Told:
        """Return seeds and fitness, by seed in the order of the population."""
        values: dict[bool, dict[int, float]] = {False: {}, True: {}}
        for individual in population:
            recipe = individual.node.recipe
            if (
                recipe is None
                or recipe.operator is not sampler.operator
                or recipe.parents[0] is not self.node
            ):
                raise OperatorError(
                    f"{self.name}.update needs the individuals that generate gave last, as they "
                    f"were: {individual!r} is none of them."
                )
            if not individual.fitness.valid:
                raise EvaluationError(f"{self.name}.update: {individual!r} has no fitness.")
            mirrored = bool(dict(recipe.parameters)["mirrored"])
            values[mirrored][recipe.seed] = individual.fitness.wvalues[0]
        plus, minus = values[False], values[True]
        if len(population) != self.lambda_ or len(plus) + len(minus) != self.lambda_:
            raise OperatorError(
                f"{self.name}.update needs all {self.lambda_} individuals that generate gave, "
                f"each once; got {len(population)}, {len(plus) + len(minus)} of them different."
            )
        return Told(
            np.array(list(plus), dtype=np.uint64),
            np.array(list(plus.values())),
            np.array([minus[seed] for seed in plus] if self.mirrored else []),
        )

    def _require_size(self) -> None:
        if self.lambda_ < 2:
            raise OptionError(f"{self.name} needs at least 2 children, got {self.lambda_}.")
        if self.mirrored and self.lambda_ % 2:
            raise OptionError(
                f"{self.name} draws its children in pairs: lambda_ is even, got {self.lambda_}. "
                f"Give {self.lambda_ + 1}."
            )
        if self.ngen is not None and self.ngen < 1:
            raise OptionError(f"ngen is at least 1, or None, got {self.ngen}.")

    def _require_one_objective(self, individual: Any) -> None:
        fitness = getattr(individual, "fitness", None)
        if fitness is None or not isinstance(individual, WeightGenome):
            raise OperatorError(
                f"{self.name} makes WeightGenome individuals with a fitness, got "
                f'{type(individual).__name__}. Use creator.create("Individual", '
                "WeightGenome, fitness=...)."
            )
        if len(fitness.weights) != 1:
            raise OptionError(
                f"{self.name} follows one objective, the individuals' fitness has "
                f"{len(fitness.weights)}: {tuple(fitness.weights)}."
            )


def require_positive(name: str, value: float) -> None:
    """Raise an `OptionError` unless the value is finite and above 0."""
    if not 0.0 < value < float("inf"):
        raise OptionError(f"{name} is finite and above 0, got {value}.")


def _leaf_of(name: str, centroid: Any) -> Node:
    """Return the leaf where a strategy begins."""
    if isinstance(centroid, nn.Module):
        return ancestor_of(centroid)
    if isinstance(centroid, WeightGenome):
        node = centroid.node
        layout = Layout(node.layout.names, node.layout.shapes)  # a centre moves in small steps
        return node if node.recipe is None and node.layout == layout else Node(layout, made(node))
    raise LayoutError(
        f"{name} moves the weights of one network: it begins at a torch module or a WeightGenome "
        f"individual, got {type(centroid).__name__}."
    )
