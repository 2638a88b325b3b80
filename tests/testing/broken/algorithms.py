"""Algorithms that are broken, and the clause of the contract that is about each."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from typing import ClassVar

from deapnets.algorithms.base import Algorithm
from deapnets.algorithms.ga import GeneticSettings
from deapnets.testing import AlgorithmContract


class Wrapped(Algorithm):
    """The genetic algorithm, as it is."""

    def __init__(self, inner):
        self.inner = inner

    def step(self, spent):
        return self.inner.step(spent)

    def candidates(self):
        return self.inner.candidates()

    def figures(self):
        return self.inner.figures()

    def state_dict(self):
        return self.inner.state_dict()

    def load_state_dict(self, state):
        self.inner.load_state_dict(state)


class MiscountingSteps(Wrapped):
    def step(self, spent):
        generation = super().step(spent)
        return generation._replace(number=generation.number + 1)


class UnscoredCandidates(Wrapped):
    def candidates(self):
        found = copy.deepcopy(super().candidates())
        for one in found.values():
            del one.fitness.values
        return found


class EndlessFigures(Wrapped):
    def figures(self):
        return {"sigma": float("inf")}


class ForgetfulState(Wrapped):
    def load_state_dict(self, state):
        pass


@dataclass(frozen=True)
class Sound(GeneticSettings):
    """Nothing is wrong with it."""

    algorithm: ClassVar[type[Wrapped]] = Wrapped

    def begin(self, evaluator, mapping):
        return self.algorithm(super().begin(evaluator, mapping))


@dataclass(frozen=True)
class Miscounting(Sound):
    algorithm: ClassVar[type[Wrapped]] = MiscountingSteps


@dataclass(frozen=True)
class Unseeded(Sound):
    def begin(self, evaluator, mapping):
        random.seed()
        return super().begin(evaluator, mapping)


@dataclass(frozen=True)
class Unscored(Sound):
    algorithm: ClassVar[type[Wrapped]] = UnscoredCandidates


@dataclass(frozen=True)
class Endless(Sound):
    algorithm: ClassVar[type[Wrapped]] = EndlessFigures


@dataclass(frozen=True)
class Forgetful(Sound):
    algorithm: ClassVar[type[Wrapped]] = ForgetfulState


SOUND = Sound
BROKEN = {
    Miscounting: "test_steps_are_numbered_and_their_evaluations_are_the_maps",
    Unseeded: "test_one_seed_gives_one_run",
    Unscored: "test_candidates_are_scored_individuals_under_names",
    Endless: "test_figures_are_finite_numbers",
    Forgetful: "test_one_that_takes_up_a_state_goes_on_as_the_first_one",
}


class TestAlgorithms(AlgorithmContract):
    cases = [(kind, {"population": 8}) for kind in (SOUND, *BROKEN)]
