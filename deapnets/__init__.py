"""Evolve neural networks with the DEAP you know.

Genomes and operators are registered on a `deap.base.Toolbox` and DEAP's own algorithms run them;
`PopulationMap` makes whole populations of networks one batch. Names load on first use, so that
importing deapnets costs nothing: torch comes with the first name that needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from deapnets.algorithms.generational import eaGenerational
    from deapnets.distributions.base import Distribution
    from deapnets.evaluators.base import Evaluator
    from deapnets.evaluators.supervised import Split, Splits, Supervised, SupervisedTask
    from deapnets.genomes.weights import WeightGenome
    from deapnets.mapping import PopulationMap
    from deapnets.networks.chunk import Networks
    from deapnets.operators.contract import Operator, deviation, operator, probability
    from deapnets.operators.crossover import cxArithmetic, cxOnePoint, cxUniform
    from deapnets.operators.initialisation import initWeights
    from deapnets.operators.mutation import mutGaussian, mutNoise, mutReset
    from deapnets.operators.selection import selTruncation
    from deapnets.randomness import Draw, Stream

_HOMES = {
    "Distribution": "distributions.base",
    "Draw": "randomness",
    "Evaluator": "evaluators.base",
    "Networks": "networks.chunk",
    "Operator": "operators.contract",
    "PopulationMap": "mapping",
    "Split": "evaluators.supervised",
    "Splits": "evaluators.supervised",
    "Stream": "randomness",
    "Supervised": "evaluators.supervised",
    "SupervisedTask": "evaluators.supervised",
    "WeightGenome": "genomes.weights",
    "cxArithmetic": "operators.crossover",
    "cxOnePoint": "operators.crossover",
    "cxUniform": "operators.crossover",
    "deviation": "operators.contract",
    "eaGenerational": "algorithms.generational",
    "initWeights": "operators.initialisation",
    "mutGaussian": "operators.mutation",
    "mutNoise": "operators.mutation",
    "mutReset": "operators.mutation",
    "operator": "operators.contract",
    "probability": "operators.contract",
    "selTruncation": "operators.selection",
}

__all__ = [
    "Distribution",
    "Draw",
    "Evaluator",
    "Networks",
    "Operator",
    "PopulationMap",
    "Split",
    "Splits",
    "Stream",
    "Supervised",
    "SupervisedTask",
    "WeightGenome",
    "cxArithmetic",
    "cxOnePoint",
    "cxUniform",
    "deviation",
    "eaGenerational",
    "initWeights",
    "mutGaussian",
    "mutNoise",
    "mutReset",
    "operator",
    "probability",
    "selTruncation",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module the first time it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
