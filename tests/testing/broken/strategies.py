"""Strategies that are broken, and the clause of the contract that is about each."""

from __future__ import annotations

import random

import torch

import deapnets as dn
from deapnets.genomes.nodes import Node
from deapnets.testing import StrategyContract


class Sound(dn.OpenES):
    """Nothing is wrong with it."""


class Deaf(Sound):
    def _follow(self, told, sampler):
        return self.weights.clone()


class Timeless(Sound):
    def update(self, population):
        super().update(population)
        self.generation = 0


class Wandering(Sound):
    def _follow(self, told, sampler):
        centre = super()._follow(told, sampler)
        return centre + 0.001 * random.Random().random()


class Making(Sound):
    def generate(self, ind_init):
        children = super().generate(ind_init)
        for child in children:
            child.weights = child.weights
        return children


class Aside(Sound):
    def generate(self, ind_init):
        children = super().generate(ind_init)
        for child in children:
            child.weights = child.weights + 1.0
        return children


class Forgetful(Sound):
    def load_state_dict(self, state):
        super().load_state_dict({**state, "generation": 0})


class Obstinate(Sound):
    def __init__(self, centroid, **options):
        super().__init__(centroid, **options)
        if isinstance(centroid, dn.WeightGenome):
            self.node = Node(self.node.layout, torch.zeros_like(self.weights))


class Elsewhere(Sound):
    def centre(self, ind_init):
        return ind_init(Node(self.node.layout, torch.zeros_like(self.weights)))


class Lenient(Sound):
    def __init__(self, centroid, *, lambda_, **options):
        super().__init__(centroid, lambda_=max(2, lambda_), **options)


class Patient(Sound):
    def update(self, population):
        if population:
            super().update(population)


SOUND = Sound
BROKEN = {
    Deaf: "test_the_centre_comes_nearer_to_the_optimum",
    Timeless: "test_deaps_own_loop_runs_it",
    Wandering: "test_one_seed_gives_one_centre",
    Making: "test_children_are_recipes",
    Aside: "test_children_lie_round_the_centre",
    Forgetful: "test_a_restored_strategy_goes_on_as_if_nothing_had_happened",
    Obstinate: "test_it_begins_at_an_individual_as_at_a_module",
    Elsewhere: "test_the_centre_is_an_individual",
    Lenient: "test_a_population_of_nobody_is_refused",
    Patient: "test_an_update_before_a_generate_is_refused",
}


class TestStrategies(StrategyContract):
    cases = [(kind, {"sigma": 0.1, "step": 0.1, "lambda_": 10}) for kind in (SOUND, *BROKEN)]
