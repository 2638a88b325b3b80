"""What deapnets expects of evaluators of structures, and of their space."""

from __future__ import annotations

from deapnets_programs.activation import ActivationFunction
from deapnets_programs.loss import LossFunction
from deapnets_programs.rule import Rule

from deapnets.testing import ArchitectureContract, SpaceContract

SMALL = {"dataset": "digits", "hidden": "4", "steps": 6, "networks": 2}


class TestEvaluators(ArchitectureContract):
    cases = [
        (ActivationFunction, SMALL),
        (LossFunction, SMALL),
        (Rule, {"tasks": 2, "steps": 5, "unseen": 2}),
    ]


class TestSpaces(SpaceContract):
    cases = [
        (lambda: ActivationFunction().space(), {}),
        (lambda: LossFunction().space(), {}),
        (lambda: Rule().space(), {}),
    ]
