"""Evaluators of structures that are broken, and the clause of the contract that is about each."""

from __future__ import annotations

import random
import threading

from greedy import GreedySearch

import deapnets as dn
from deapnets.evaluators.architectures import Outcome
from deapnets.evaluators.bitstring import BitSpace
from deapnets.testing import ArchitectureContract


class Sound(dn.ArchitectureEvaluator):
    """Nothing is wrong with it."""

    def __init__(self):
        self.own = BitSpace(8)

    def space(self):
        return self.own

    def evaluate_one(self, individual, fidelity, rng):
        return Outcome((sum(individual.genes) / 8 + 0.1 * rng.integer() / 2**64,))


class Renewing(Sound):
    def space(self):
        return BitSpace(8)


class Descending(Sound):
    fidelities = (4.0, 1.0)


class Undecided(Sound):
    def evaluate_one(self, individual, fidelity, rng):
        return Outcome((random.random(),))


class Gloomy(Sound):
    def evaluate_one(self, individual, fidelity, rng):
        return Outcome((-1.0,))


class Locked(Sound):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class Endless(Sound):
    def measure(self, individual):
        return {"test_accuracy": float("nan")}


class Credulous(Sound):
    def outcome(self, individual, fidelity, seed):
        return Outcome((0.0,))


SOUND = Sound
BROKEN = {
    GreedySearch: "test_importing_and_making_it_is_cheap_and_its_options_are_explained",
    Renewing: "test_its_space_is_always_the_same_object",
    Descending: "test_fidelities_ascend",
    Undecided: "test_an_outcome_follows_from_genome_fidelity_and_seed",
    Gloomy: "test_an_outcome_is_never_worse_than_what_cannot_be_trained",
    Locked: "test_it_travels_in_a_pickle",
    Endless: "test_measured_figures_are_finite_numbers",
    Credulous: "test_a_genome_of_another_kind_is_refused",
}


class TestSearches(ArchitectureContract):
    cases = [(kind, {}) for kind in (SOUND, *BROKEN)]
