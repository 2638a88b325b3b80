"""Evolve neural networks with the DEAP you know.

Genomes and operators are registered on a `deap.base.Toolbox` and DEAP's own algorithms run them;
`PopulationMap` makes whole populations of networks one batch. Names load on first use, so that
importing deapnets costs nothing: torch comes with the first name that needs it.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Before the first product: MKL reads it once. See deapnets/networks/places.py.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

if TYPE_CHECKING:
    from deapnets.algorithms.aging import eaAging, eaNonAging, eaPairs
    from deapnets.algorithms.asking import eaGenerateUpdate
    from deapnets.algorithms.generational import eaGenerational
    from deapnets.algorithms.halving import Halving
    from deapnets.algorithms.islands import eaIslands
    from deapnets.algorithms.mulambda import eaMuCommaLambda, eaMuPlusLambda
    from deapnets.algorithms.reinforce import eaReinforce
    from deapnets.algorithms.sampling import eaLocal, eaRandom
    from deapnets.algorithms.search import Search
    from deapnets.architectures.cells import NASBENCH201, NASNET, CellGenome, CellSpace
    from deapnets.architectures.choices import ChoiceGenome, ChoiceSpace
    from deapnets.architectures.graphs import GraphGenome, GraphSpace
    from deapnets.architectures.operations import Operation
    from deapnets.architectures.spaces import SearchSpace, SpaceGenome
    from deapnets.distributions.base import Distribution
    from deapnets.evaluators.architectures import ArchitectureEvaluator, Outcome
    from deapnets.evaluators.archive import ScoreArchive
    from deapnets.evaluators.base import Evaluator
    from deapnets.evaluators.programs import ProgramEvaluator, Regression
    from deapnets.evaluators.splits import Split, Splits
    from deapnets.evaluators.supervised import Supervised, SupervisedTask
    from deapnets.genomes.weights import WeightGenome
    from deapnets.mapping import PopulationMap
    from deapnets.networks.chunk import Networks
    from deapnets.operators.alignment import cxAligned
    from deapnets.operators.choices import (
        cxCell,
        cxChoices,
        initCell,
        initChoices,
        mutCell,
        mutChoice,
    )
    from deapnets.operators.contract import Operator, deviation, operator, probability
    from deapnets.operators.crossover import cxArithmetic, cxLayer, cxNeuron, cxOnePoint, cxUniform
    from deapnets.operators.graphs import initGraph, mutGraph
    from deapnets.operators.initialisation import initWeights
    from deapnets.operators.lowrank import mutLowRank
    from deapnets.operators.mutation import (
        mutGaussian,
        mutGaussianRelative,
        mutNoise,
        mutNonzero,
        mutPrune,
        mutReset,
    )
    from deapnets.operators.programs import cxProgram, initProgram, mutProgram
    from deapnets.operators.schedules import (
        ConstantSchedule,
        ExponentialSchedule,
        GoalSchedule,
        Schedule,
    )
    from deapnets.operators.selection import selRank, selTruncation
    from deapnets.operators.selfadapting import mutLogNormal
    from deapnets.programs.compiling import Programs
    from deapnets.programs.functions import primitive_set
    from deapnets.programs.spaces import ProgramGenome, ProgramSpace
    from deapnets.randomness.draws import Draw
    from deapnets.randomness.streams import Stream
    from deapnets.runs.checkpointer import Checkpointer
    from deapnets.strategies.base import Strategy
    from deapnets.strategies.openes import OpenES
    from deapnets.strategies.pgpe import PGPE
    from deapnets.strategies.sepcma import SepCMA
    from deapnets.strategies.snes import SNES

_HOMES = {
    "ArchitectureEvaluator": "evaluators.architectures",
    "CellGenome": "architectures.cells",
    "CellSpace": "architectures.cells",
    "Checkpointer": "runs.checkpointer",
    "ChoiceGenome": "architectures.choices",
    "ChoiceSpace": "architectures.choices",
    "ConstantSchedule": "operators.schedules",
    "Distribution": "distributions.base",
    "Draw": "randomness.draws",
    "Evaluator": "evaluators.base",
    "ExponentialSchedule": "operators.schedules",
    "GoalSchedule": "operators.schedules",
    "GraphGenome": "architectures.graphs",
    "GraphSpace": "architectures.graphs",
    "Halving": "algorithms.halving",
    "NASBENCH201": "architectures.cells",
    "NASNET": "architectures.cells",
    "Networks": "networks.chunk",
    "OpenES": "strategies.openes",
    "Operation": "architectures.operations",
    "Operator": "operators.contract",
    "Outcome": "evaluators.architectures",
    "PGPE": "strategies.pgpe",
    "PopulationMap": "mapping",
    "ProgramEvaluator": "evaluators.programs",
    "ProgramGenome": "programs.spaces",
    "ProgramSpace": "programs.spaces",
    "Programs": "programs.compiling",
    "Regression": "evaluators.programs",
    "SNES": "strategies.snes",
    "Schedule": "operators.schedules",
    "ScoreArchive": "evaluators.archive",
    "Search": "algorithms.search",
    "SepCMA": "strategies.sepcma",
    "SearchSpace": "architectures.spaces",
    "SpaceGenome": "architectures.spaces",
    "Split": "evaluators.splits",
    "Splits": "evaluators.splits",
    "Strategy": "strategies.base",
    "Stream": "randomness.streams",
    "Supervised": "evaluators.supervised",
    "SupervisedTask": "evaluators.supervised",
    "WeightGenome": "genomes.weights",
    "cxAligned": "operators.alignment",
    "cxArithmetic": "operators.crossover",
    "cxCell": "operators.choices",
    "cxChoices": "operators.choices",
    "cxLayer": "operators.crossover",
    "cxNeuron": "operators.crossover",
    "cxOnePoint": "operators.crossover",
    "cxProgram": "operators.programs",
    "cxUniform": "operators.crossover",
    "deviation": "operators.contract",
    "eaAging": "algorithms.aging",
    "eaGenerateUpdate": "algorithms.asking",
    "eaGenerational": "algorithms.generational",
    "eaIslands": "algorithms.islands",
    "eaLocal": "algorithms.sampling",
    "eaMuCommaLambda": "algorithms.mulambda",
    "eaMuPlusLambda": "algorithms.mulambda",
    "eaNonAging": "algorithms.aging",
    "eaPairs": "algorithms.aging",
    "eaRandom": "algorithms.sampling",
    "eaReinforce": "algorithms.reinforce",
    "initCell": "operators.choices",
    "initChoices": "operators.choices",
    "initGraph": "operators.graphs",
    "initProgram": "operators.programs",
    "initWeights": "operators.initialisation",
    "mutCell": "operators.choices",
    "mutChoice": "operators.choices",
    "mutGaussian": "operators.mutation",
    "mutGaussianRelative": "operators.mutation",
    "mutGraph": "operators.graphs",
    "mutLogNormal": "operators.selfadapting",
    "mutLowRank": "operators.lowrank",
    "mutNoise": "operators.mutation",
    "mutNonzero": "operators.mutation",
    "mutProgram": "operators.programs",
    "mutPrune": "operators.mutation",
    "mutReset": "operators.mutation",
    "operator": "operators.contract",
    "primitive_set": "programs.functions",
    "probability": "operators.contract",
    "selRank": "operators.selection",
    "selTruncation": "operators.selection",
}

__all__ = [
    "NASBENCH201",
    "NASNET",
    "PGPE",
    "SNES",
    "ArchitectureEvaluator",
    "CellGenome",
    "CellSpace",
    "Checkpointer",
    "ChoiceGenome",
    "ChoiceSpace",
    "ConstantSchedule",
    "Distribution",
    "Draw",
    "Evaluator",
    "ExponentialSchedule",
    "GoalSchedule",
    "GraphGenome",
    "GraphSpace",
    "Halving",
    "Networks",
    "OpenES",
    "Operation",
    "Operator",
    "Outcome",
    "PopulationMap",
    "ProgramEvaluator",
    "ProgramGenome",
    "ProgramSpace",
    "Programs",
    "Regression",
    "Schedule",
    "ScoreArchive",
    "Search",
    "SearchSpace",
    "SepCMA",
    "SpaceGenome",
    "Split",
    "Splits",
    "Strategy",
    "Stream",
    "Supervised",
    "SupervisedTask",
    "WeightGenome",
    "cxAligned",
    "cxArithmetic",
    "cxCell",
    "cxChoices",
    "cxLayer",
    "cxNeuron",
    "cxOnePoint",
    "cxProgram",
    "cxUniform",
    "deviation",
    "eaAging",
    "eaGenerateUpdate",
    "eaGenerational",
    "eaIslands",
    "eaLocal",
    "eaMuCommaLambda",
    "eaMuPlusLambda",
    "eaNonAging",
    "eaPairs",
    "eaRandom",
    "eaReinforce",
    "initCell",
    "initChoices",
    "initGraph",
    "initProgram",
    "initWeights",
    "mutCell",
    "mutChoice",
    "mutGaussian",
    "mutGaussianRelative",
    "mutGraph",
    "mutLogNormal",
    "mutLowRank",
    "mutNoise",
    "mutNonzero",
    "mutProgram",
    "mutPrune",
    "mutReset",
    "operator",
    "primitive_set",
    "probability",
    "selRank",
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
