"""``initGraph`` and ``mutGraph``: individuals that are graphs which grow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deapnets.architectures.graphs import GraphGenome, GraphSpace
from deapnets.errors import OperatorError
from deapnets.operators.kinds import require_genome


def initGraph(container: Callable[[Any, Any], Any], space: GraphSpace) -> Any:
    """Return an individual without a convolution: a linear classifier of the pixels.

    Parameters
    ----------
    container
        The individual's class, from ``creator.create(..., GraphGenome, ...)``.
    space
        A `deapnets.GraphSpace`.

    Raises
    ------
    OperatorError
        When ``space`` is no space of graphs.
    """
    if not isinstance(space, GraphSpace):
        raise OperatorError(f"initGraph takes a GraphSpace, got {type(space).__name__}.")
    return container(space, space.draw())


def mutGraph(individual: Any) -> tuple[Any]:
    """Return the individual after one of the eleven mutations of large-scale evolution, in place.

    Its ``parent`` is the key that it had, so that weights can be inherited.

    Raises
    ------
    OperatorError
        When the individual is no `deapnets.GraphGenome`.

    Notes
    -----
    Draws from Python's `random`. Source: Real et al. 2017, arXiv 1703.01041, section 3.2.
    """
    require_genome("mutGraph", individual, GraphGenome, "initGraph")
    individual.parent = individual.key
    individual.genes = individual.space.vary(individual.genes)
    return (individual,)
