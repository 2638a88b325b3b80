"""`Algorithm`: what a run drives, a generation a step; and `Settings`, what it is made from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch

from deapnets.evaluators.base import Evaluator
from deapnets.genomes.making import make
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.mapping import PopulationMap


class Generation(NamedTuple):
    """One generation, evaluated."""

    number: int  # 0 for the initial population
    population: list[Any]
    parents: list[Any]  # whom it was bred from, as they were selected; empty for the initial one
    evaluations: int  # individuals evaluated in this generation
    record: dict[str, Any]  # what ``stats`` compiled


class Algorithm(ABC):
    """An algorithm of the command line, under way.

    Where it stands in its schedules follows from the part of the budget that is spent, so that they
    end with the run, whatever its budget counts.
    """

    decides: bool = False
    """Whether `candidates` is its choice of all that it has seen, and replaces what was saved."""

    @abstractmethod
    def step(self, spent: float) -> Generation:
        """Breed and evaluate the next generation, ``spent`` in [0, 1] of the budget being spent."""

    @abstractmethod
    def candidates(self) -> dict[str, WeightGenome]:
        """Return the networks of the last generation that may be saved, under their source's name.

        The first one is the generation's best by training fitness, and has that fitness.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return everything that the steps so far have changed, between two steps.

        Dicts, lists and tuples, nested as you like, of JSON values, numbers that are not finite,
        torch tensors, numpy arrays, and `WeightGenome` individuals with whatever attributes they
        have. An individual that stands in two places is one individual again when it is loaded.
        What the settings say, and what the evaluator and the map keep, is stored elsewhere.
        """

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken: the next step is what it would have been then.

        Called once, on an algorithm that `Settings.begin` has just made for the same settings.
        """

    def cost(self) -> float:
        """Return the seconds of all evaluations so far, by the evaluator's account; 0 for none."""
        return 0.0

    def bound(self, evaluation_seconds: float) -> None:
        """Take note of what evaluations may cost: a step ends where that is spent.

        Called before the first step; of algorithms whose settings say that they count costs.
        """

    def figures(self) -> dict[str, float]:
        """Return what the log says of the last step beside its fitness: step sizes, say."""
        return {}


@dataclass(frozen=True)
class Settings(ABC):
    """Options of an algorithm, checked when they are made.

    Parameters
    ----------
    population
        Individuals of a generation.
    """

    searches: ClassVar[bool] = False
    """Whether it searches structures and programs; weights otherwise."""

    costs: ClassVar[bool] = False
    """Whether it counts what evaluations cost: a budget of ``evaluation_seconds`` may end it."""

    population: int

    @classmethod
    def suited(cls, evaluator: Any) -> type[Settings]:
        """Return the class of settings under the same name that suits an evaluator: this one.

        For a name that means one thing for weights and another for architectures.
        """
        return cls

    @abstractmethod
    def begin(self, evaluator: Evaluator, mapping: PopulationMap) -> Algorithm:
        """Return the algorithm, its initial population drawn from Python's `random`."""


def mean_of(individuals: Sequence[WeightGenome]) -> WeightGenome:
    """Return an individual with the mean of the others' weights, on the CPU.

    Siblings of one ancestor scatter round a centre that is better than each of them: the mean takes
    the mutation's noise out.
    """
    first = individuals[0]
    total = torch.zeros(first.layout.width, dtype=torch.float64)
    row = torch.empty(1, first.layout.width)
    for individual in individuals:
        held = individual.node.weights
        if held is None:
            make([individual.node], row)
        total += row[0] if held is None else held.cpu()
    return first.with_node(Node(first.layout, (total / len(individuals)).float()))
