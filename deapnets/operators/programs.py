"""``initProgram``, ``mutProgram``, ``cxProgram``: DEAP's GP operators on programs with limits."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

from deapnets.operators.kinds import require_genome, require_space
from deapnets.programs.spaces import ProgramGenome, ProgramSpace


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
    require_space("initProgram", space, ProgramSpace, "ProgramSpace")
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
    require_genome("mutProgram", individual, ProgramGenome, "initProgram")
    individual.genes = individual.space.vary(individual)
    return (individual,)


def cxProgram(first: Any, second: Any) -> tuple[Any, Any]:
    """Return two individuals that swapped a subtree, as by `gp.cxOnePoint`, within the limits.

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
        require_genome("cxProgram", individual, ProgramGenome, "initProgram")
    parents = copy.copy(first), copy.copy(second)
    swap_subtrees(first, second)
    for child in (first, second):
        if not child.space.within(child):
            child.genes = random.choice(parents).genes
    return first, second


def swap_subtrees(first: Any, second: Any) -> tuple[Any, Any]:
    """Return two trees that swapped a subtree of one type, neither of them whole, in place.

    What `gp.cxOnePoint` does, with the same draws where a primitive set has one type. Where it has
    several, DEAP draws one from a `set` of classes, whose order is another one in every process.
    """
    places = [_places(tree) for tree in (first, second)]
    common = [kind for kind in places[0] if kind in places[1]]
    if common:
        kind = random.choice(common)
        here, there = (random.choice(found[kind]) for found in places)
        taken, given = first.searchSubtree(here), second.searchSubtree(there)
        first[taken], second[given] = second[given], first[taken]
    return first, second


def _places(tree: Any) -> dict[type, list[int]]:
    """Return where a tree's nodes stand, by what they return; the root is left out."""
    found: dict[type, list[int]] = {}
    for index, node in enumerate(tree[1:], 1):
        found.setdefault(node.ret, []).append(index)
    return found
