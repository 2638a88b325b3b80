"""`Trial`: an individual on its way; and individuals of search spaces as JSON values."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, final

from deap import base

from deapnets.evaluators.architectures import Outcome


class Place(NamedTuple):
    """Where an individual stands among all that a search has evaluated.

    A clone has its parent's until it is evaluated itself.
    """

    number: int  # of its evaluation, from 1
    parent: int | None  # number of the individual that it is a changed clone of
    seconds: float  # what all evaluations up to this one have cost


@final
@dataclass
class Trial:
    """An individual under evaluation, or about to be.

    Attributes
    ----------
    individual
        The individual.
    level
        Number of the fidelity.
    seed
        Seed of the evaluation.
    again
        Whether it is a leader that is scored again.
    known
        Fitness that an archive knew when it was proposed; None where it is evaluated.
    legacy
        What it inherits: its parent's legacy when it was proposed.
    result
        What waits for the outcome and the individual's own legacy, and returns both; None before
        the evaluation was begun.
    """

    individual: Any
    level: int
    seed: int
    again: bool = False
    known: tuple[float, ...] | None = None
    legacy: Any = None
    result: Callable[[], tuple[Outcome, Any]] | None = None

    def packed(self) -> list[Any]:
        """Return it as JSON values, and tensors of a legacy; it is evaluated again, as before."""
        known = None if self.known is None else list(self.known)
        one = pack_individual(self.individual)
        return [one, self.level, str(self.seed), self.again, known, self.legacy]

    @classmethod
    def unpacked(cls, state: list[Any], model: Any) -> Trial:
        """Return the trial of `packed`; ``model`` is an individual of its kind."""
        individual, level, seed, again, known, legacy = state
        fitness = None if known is None else tuple(known)
        one = unpack_individual(individual, model)
        return cls(one, level, int(seed), again, fitness, legacy)


def as_outcome(returned: Any) -> Outcome:
    """Return what an evaluator or any function of an individual returned as an `Outcome`."""
    return returned if isinstance(returned, Outcome) else Outcome(tuple(returned))


def a_model(toolbox: base.Toolbox) -> Any:
    """Return an individual of the toolbox's kind; where `random` stands does not change."""
    before = random.getstate()
    try:
        return toolbox.individual()
    finally:
        random.setstate(before)


def pack_individual(individual: Any) -> dict[str, Any]:
    """Return an individual of a search space as JSON values: its text, and how it stands."""
    return {
        "architecture": str(individual),
        "fitness": list(individual.fitness.values),
        "level": getattr(individual, "level", 0),
        "records": dict(individual.records),
        "parent": getattr(individual, "parent", None),
        "place": getattr(individual, "place", None),
    }


def unpack_individual(state: dict[str, Any], model: Any) -> Any:
    """Return the individual of `pack_individual`: a clone of ``model`` with other genes."""
    individual = copy.deepcopy(model)
    individual.take_text(state["architecture"])
    if state["fitness"]:
        individual.fitness.values = tuple(state["fitness"])
    else:
        del individual.fitness.values
    individual.level, individual.records = state["level"], state["records"]
    individual.parent = state["parent"]
    individual.place = Place(*state["place"]) if state.get("place") else None
    return individual
