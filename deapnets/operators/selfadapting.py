"""Step sizes that are inherited and mutate themselves: ``individual.strategy``."""

from __future__ import annotations

import math
import random
from typing import Any

from deapnets.errors import OperatorError, OptionError
from deapnets.operators.contract import deviation
from deapnets.operators.mutation import mutGaussian

SLOWEST = 0.1
"""The learning rate of step sizes is at least this much, however many weights there are."""
_LARGEST = 80.0  # of the logarithm of a step size: a float32 ends at 88
GRADES = 32
"""Step sizes an octave that are told apart when a child is made."""


def mutLogNormal(
    individual: Any,
    sigma: float,
    indpb: float = 1.0,
    tau: float | None = None,
    floor: float = 1e-6,
) -> tuple[Any]:
    """Gaussian mutation whose step size belongs to the individual and is mutated first.

    ::

        strategy <- max(floor, strategy * exp(tau * N(0, 1)))
        weights  <- weights + N(0, strategy), each with probability indpb

    A child inherits ``individual.strategy`` with the weights, as a clone has it; step sizes that
    lead to good children stay. It is a number: cloning, pickling and storing an individual take it
    along. The step that is taken is the nearest of 32 an octave, within 1.1 % of it, so that
    children are made many at a time.

    Parameters
    ----------
    individual
        A `deapnets.WeightGenome`, changed in place.
    sigma
        The strategy of an individual that has none yet.
    indpb
        Probability that a weight changes.
    tau
        Learning rate. By default ``1 / sqrt(P)`` for ``P`` weights, as Schwefel has it, but at
        least 0.1: with a million weights, 0.001 would not move in the life of a run.
    floor
        The smallest strategy, above 0.

    Returns
    -------
    tuple
        The individual.

    Raises
    ------
    OperatorError
        When the strategy is no number, such as DEAP's own lists of one for each gene, or has grown
        beyond what a weight can hold.
    OptionError
        When a parameter cannot be used.

    Notes
    -----
    Draws one gaussian number and one 64-bit seed from Python's `random`. Source: Schwefel 1995,
    "Evolution and optimum seeking", section 5.1; Beyer & Schwefel 2002, "Evolution strategies",
    doi:10.1023/A:1015059928466.
    """
    for name, value in (("sigma", sigma), ("floor", floor), ("tau", tau)):
        if value is not None:
            deviation(f"mutLogNormal: {name}", value)
    if floor == 0.0:
        raise OptionError("mutLogNormal: floor is above 0; a step size of 0 would never recover.")
    strategy = getattr(individual, "strategy", None)
    strategy = sigma if strategy is None else strategy
    if not isinstance(strategy, int | float):
        raise OperatorError(
            "mutLogNormal keeps one step size in individual.strategy, a number or None; got "
            f"{type(strategy).__name__}. Create individuals with strategy=None."
        )
    rate = max(SLOWEST, 1.0 / math.sqrt(len(individual))) if tau is None else tau
    exponent = math.log(max(strategy, floor)) + rate * random.gauss(0.0, 1.0)
    if not exponent < _LARGEST:
        raise OperatorError(
            f"mutLogNormal: a step size has grown to exp({exponent:.0f}). Lower tau, or sigma."
        )
    individual.strategy = max(floor, math.exp(exponent))
    mutGaussian(individual, sigma=_rounded(individual.strategy), indpb=indpb)
    return (individual,)


def _rounded(strategy: float) -> float:
    """Return the nearest of `GRADES` step sizes an octave.

    Children of one step size are made together; with a step size each they would be made one by
    one, which takes several times as long.
    """
    return float(2.0 ** (round(GRADES * math.log2(strategy)) / GRADES))
