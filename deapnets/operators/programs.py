"""``initProgram``, ``mutProgram``, ``cxProgram``: DEAP's GP operators on programs with limits."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

from deap import gp

from deapnets.errors import OperatorError
from deapnets.programs.genome import ProgramGenome
from deapnets.programs.spaces import ProgramSpace


def initProgram(container: Callable[[Any], Any], space: ProgramSpace) -> Any:
    """Return an individual drawn by `gp.genHalfAndHalf`.

    Parameters
    ----------
    container
        The individual's class, from ``creator.create(..., ProgramGenome, ...)``.
    space
        Its space.

    Raises
    ------
    OperatorError
        When ``space`` is no space of programs.

    Notes
    -----
    Draws from Python's `random`.
    """
    if not isinstance(space, ProgramSpace):
        raise OperatorError(
            f"initProgram draws from a ProgramSpace, got {type(space).__name__}. "
            "See: deapnets.ProgramSpace."
        )
    return space.individual(container, space.draw())


def mutProgram(individual: Any) -> tuple[Any]:
    """Return the individual after one of DEAP's GP mutations, or with one constant moved, in place.

    `gp.mutUniform`, `gp.mutNodeReplacement`, `gp.mutInsert`, `gp.mutShrink`, or a constant that
    moves a little, by a factor or to the other sign. A child above the space's limits is its
    parent.

    Raises
    ------
    OperatorError
        When the individual is no `deapnets.ProgramGenome`.

    Notes
    -----
    Draws from Python's `random`. The fitness is left alone, as DEAP's mutations do.
    """
    _require("mutProgram", individual)
    individual.genes = individual.space.vary(individual)
    return (individual,)


def cxProgram(first: Any, second: Any) -> tuple[Any, Any]:
    """Return two individuals that swapped a subtree: `gp.cxOnePoint` within the space's limits.

    ``first`` and ``second`` change in place. A child above the limits is one of its parents, as
    with `gp.staticLimit`.

    Raises
    ------
    OperatorError
        When an individual is no `deapnets.ProgramGenome`.

    Notes
    -----
    Draws from Python's `random`.
    """
    for individual in (first, second):
        _require("cxProgram", individual)
    parents = copy.copy(first), copy.copy(second)
    gp.cxOnePoint(first, second)
    for child in (first, second):
        if not child.space.within(child):
            child.genes = random.choice(parents).genes
    return first, second


def _require(name: str, individual: Any) -> None:
    if not isinstance(individual, ProgramGenome):
        raise OperatorError(
            f"{name} works on ProgramGenome individuals, got {type(individual).__name__}. "
            "See: deapnets.initProgram."
        )
