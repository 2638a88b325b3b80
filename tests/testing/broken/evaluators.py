"""Evaluators that are broken, and the clause of the contract that is about each."""

from __future__ import annotations

import random
import threading

import torch
from greedy import Greedy
from torch import nn

import deapnets as dn
from deapnets.testing import EvaluatorContract


class Sound(dn.Evaluator):
    """Nothing is wrong with it."""

    def __init__(self):
        self.net = nn.Linear(3, 2)

    def genome(self):
        return self.net

    def evaluate(self, networks):
        return networks(torch.ones(4, 3)).mean((1, 2))


class Forgetful(Sound):
    def genome(self):
        return nn.Linear(3, 2)


class Endless(Sound):
    def evaluate(self, networks):
        return super().evaluate(networks) / 0


class Comparing(Sound):
    def evaluate(self, networks):
        values = super().evaluate(networks)
        return values - values.mean()


class Favouring(Sound):
    def evaluate(self, networks):
        return super().evaluate(networks) + torch.arange(len(networks))


class Undecided(Sound):
    def evaluate(self, networks):
        return super().evaluate(networks) + random.random()


class Meddling(Sound):
    def evaluate(self, networks):
        self.net.bias.data += 1.0
        return super().evaluate(networks)


class Stateless(Sound):
    fresh = True
    rows = 0

    def prepare(self, population, generation, rng):
        self.rows += 1

    def evaluate(self, networks):
        return super().evaluate(networks) * self.rows

    def state_dict(self):
        return {}


class Locked(Sound):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class Unsure(Sound):
    def validate(self, networks):
        return {"validation_accuracy": super().evaluate(networks)}


class Boasting(Sound):
    def measure(self, individual):
        return {"test_loss": 0.5}

    def baseline(self):
        return {"test_accuracy": 0.1}


class Detached(Sound):
    differentiable = True

    def loss_of(self, network, device):
        return network(torch.ones(4, 3)).detach().mean()


class Mistaken(Sound):
    def examples(self, count):
        return torch.zeros(0, 3)

    def complete(self, individual):
        return nn.Sequential(super().complete(individual), nn.Flatten(0))

    classifies = True


SOUND = Sound
BROKEN = {
    Greedy: "test_importing_and_making_it_is_cheap_and_its_options_are_explained",
    Forgetful: "test_its_module_is_always_the_same_object",
    Endless: "test_fitness_is_finite_with_a_value_for_each_objective",
    Comparing: "test_a_chunk_has_the_fitness_of_its_networks_one_by_one",
    Favouring: "test_fitness_does_not_depend_on_where_a_network_stands",
    Undecided: "test_one_seed_gives_one_fitness",
    Meddling: "test_evaluating_changes_neither_weights_nor_module",
    Stateless: "test_a_state_survives_a_file_and_another_evaluator_goes_on_from_it",
    Locked: "test_a_copy_in_a_worker_scores_alike",
    Unsure: "test_validation_gives_finite_figures_with_a_fitness_among_them",
    Boasting: "test_measured_figures_are_finite_numbers_and_the_baselines_are_among_them",
    Detached: "test_a_loss_that_is_said_to_be_there_can_be_differentiated",
    Mistaken: "test_a_complete_network_takes_real_inputs",
}


class TestEvaluators(EvaluatorContract):
    cases = [(kind, {}) for kind in (SOUND, *BROKEN)]


class TestNothing(EvaluatorContract):
    pass
