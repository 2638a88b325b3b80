"""Contracts: what deapnets expects of an evaluator, an operator and their kin, as tests to inherit.

A plugin's test file derives from a contract and says what to try, and with which options:

    from deapnets.testing import EvaluatorContract

    class TestParity(EvaluatorContract):
        cases = [(Parity, {"bits": 3})]

pytest then runs a dozen tests, each with every case. They need no data but the evaluator's own, and
are quick where the options make it small.

=============  ===================================================================
module         concept
=============  ===================================================================
contract       `Contract`: cases become parameters of tests
evaluators     `EvaluatorContract`: networks are scored as the map and workers need it
architectures  `ArchitectureContract`, of evaluators; `SpaceContract`, of their genomes
operators      `OperatorContract`: children follow from parents, seed and parameters
algorithms     `AlgorithmContract`: a run by the command line's algorithm, and its state
strategies     `StrategyContract`: ask, tell, resume
engines        `EngineContract`: the scores of one process, wherever they are made
loggers        `LoggerContract`: a run's records, whatever they hold
genomes        `GenomeContract`: individuals are cloned, pickled and compared as DEAP does
serving        `serve`: a server that misbehaves on demand, for tests of downloads
=============  ===================================================================

Only this package needs pytest, which ``pip install "deapnets[test]"`` brings.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in (
            "algorithms",
            "architectures",
            "engines",
            "evaluators",
            "genomes",
            "loggers",
            "operators",
            "strategies",
        )
    )
)

from deapnets.testing.algorithms import AlgorithmContract  # noqa: E402
from deapnets.testing.architectures import ArchitectureContract, SpaceContract  # noqa: E402
from deapnets.testing.contract import Contract  # noqa: E402  (asserts are rewritten above)
from deapnets.testing.engines import EngineContract  # noqa: E402
from deapnets.testing.evaluators import EvaluatorContract  # noqa: E402
from deapnets.testing.genomes import GenomeContract  # noqa: E402
from deapnets.testing.loggers import LoggerContract  # noqa: E402
from deapnets.testing.operators import OperatorContract  # noqa: E402
from deapnets.testing.strategies import StrategyContract  # noqa: E402

__all__ = [
    "AlgorithmContract",
    "ArchitectureContract",
    "Contract",
    "EngineContract",
    "EvaluatorContract",
    "GenomeContract",
    "LoggerContract",
    "OperatorContract",
    "SpaceContract",
    "StrategyContract",
]
