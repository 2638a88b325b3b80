"""``init...``, ``mut...``, ``cx...`` of search spaces: individuals that are rows of decisions."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from deapnets.architectures.cells import CellGenome, CellSpace
from deapnets.architectures.choices import ChoiceGenome, ChoiceSpace, Genes
from deapnets.errors import OperatorError
from deapnets.operators.contract import probability
from deapnets.operators.kinds import require_genome, require_space


def initChoices(container: Callable[[Any, Genes], Any], space: ChoiceSpace) -> Any:
    """Return an individual whose decisions are drawn uniformly.

    Parameters
    ----------
    container
        The individual's class, from ``creator.create(..., ChoiceGenome, ...)``.
    space
        What is decided.

    Raises
    ------
    OperatorError
        When ``space`` is no search space.

    Notes
    -----
    Draws from Python's `random`.
    """
    require_space("initChoices", space, ChoiceSpace, "NASBENCH201")
    return container(space, space.draw())


def mutChoice(individual: Any, identity: float = 0.0) -> tuple[Any]:
    """Return the individual with one decision changed, in place.

    Parameters
    ----------
    individual
        A `deapnets.ChoiceGenome`.
    identity
        Probability that nothing changes, in [0, 1].

    Raises
    ------
    OperatorError
        When the individual is of another kind.
    OptionError
        When ``identity`` is no probability.

    Notes
    -----
    Draws from Python's `random`. The fitness is left alone, as DEAP's mutations do.
    """
    probability("mutChoice: identity", identity)
    require_genome("mutChoice", individual, ChoiceGenome, "initChoices")
    individual.genes = individual.space.vary(individual.genes, identity)
    return (individual,)


def cxChoices(first: Any, second: Any, indpb: float = 0.5) -> tuple[Any, Any]:
    """Return two individuals that swapped each of their decisions with probability ``indpb``.

    Decisions that only mean something together (an operation and where it reads) stay together.

    Parameters
    ----------
    first, second
        Two `deapnets.ChoiceGenome` of one space; both change in place.
    indpb
        Probability that a decision is swapped, in [0, 1].

    Raises
    ------
    OperatorError
        When they are of different spaces; both are named.
    OptionError
        When ``indpb`` is no probability.

    Notes
    -----
    Draws from Python's `random`. Source: Syswerda 1989, "Uniform crossover in genetic algorithms".
    """
    probability("cxChoices: indpb", indpb)
    for individual in (first, second):
        require_genome("cxChoices", individual, ChoiceGenome, "initChoices")
    if first.space != second.space:
        raise OperatorError(
            "cxChoices cannot mate individuals of two spaces: "
            f"{first.space.describe()} and {second.space.describe()}."
        )
    one, other = list(first.genes), list(second.genes)
    for start, end in first.space.units():
        if random.random() < indpb:
            one[start:end], other[start:end] = other[start:end], one[start:end]
    first.genes, second.genes = one, other
    return first, second


def initCell(container: Callable[[Any, Genes], Any], space: CellSpace) -> Any:
    """Return an individual whose cells are drawn uniformly from a space of cells.

    Parameters
    ----------
    container
        The individual's class, from ``creator.create(..., CellGenome, ...)``.
    space
        `deapnets.NASBENCH201`, `deapnets.NASNET`, or a `deapnets.CellSpace` of your own.

    Raises
    ------
    OperatorError
        When ``space`` is no space of cells.

    Notes
    -----
    Draws from Python's `random`.
    """
    require_space("initCell", space, CellSpace, "NASBENCH201")
    return initChoices(container, space)


def mutCell(individual: Any, identity: float = 0.05) -> tuple[Any]:
    """Return the individual with one operation or one source in one cell changed, in place.

    With equal probability the operation of a term is replaced by another one, or the hidden state
    that it reads by another one; where a space fixes what is read, it is always the operation. With
    probability ``identity`` nothing changes.

    Parameters
    ----------
    individual
        A `deapnets.CellGenome`.
    identity
        Probability that nothing changes, in [0, 1].

    Raises
    ------
    OperatorError
        When the individual is of another kind.
    OptionError
        When ``identity`` is no probability.

    Notes
    -----
    Draws from Python's `random`. The fitness is left alone, as DEAP's mutations do. Source: Real,
    Aggarwal, Huang & Le 2018, "Regularized evolution for image classifier architecture search",
    arXiv 1802.01548, section 3.2.
    """
    probability("mutCell: identity", identity)
    require_genome("mutCell", individual, CellGenome, "initCell")
    return mutChoice(individual, identity)


def cxCell(first: Any, second: Any, indpb: float = 0.5) -> tuple[Any, Any]:
    """Return two individuals that swapped each term of their cells with probability ``indpb``.

    A term is an operation and what it reads, at one place of one cell. ``first`` and ``second``
    change in place. Else as `cxChoices`.

    Raises
    ------
    OperatorError
        When an individual is no `deapnets.CellGenome`, or they are of two spaces.
    OptionError
        When ``indpb`` is no probability.
    """
    for individual in (first, second):
        require_genome("cxCell", individual, CellGenome, "initCell")
    return cxChoices(first, second, indpb)
