import math

import pytest
import torch
from deap import base, creator
from torch import nn

import deapnets as dn
from deapnets.runs.champion import Champion


class Held(dn.Evaluator):
    """Fitness is given to the individuals; the validation split scores the first weight."""

    def __init__(self, validates=True):
        self.net = nn.Linear(2, 1)
        self.validates = validates

    def genome(self):
        return self.net

    def evaluate(self, networks):
        raise AssertionError("a champion is chosen on the validation split")

    def validate(self, networks):
        if not self.validates:
            return {}
        first = networks.weights()[:, 0].double()
        return {"fitness": first, "validation_accuracy": first / 100}


class HeldLoss(Held):
    weights = (-1.0,)


def population_of(*pairs, direction=1.0):
    """Individuals of (training fitness, first weight)."""
    fitness = type("Fitness", (base.Fitness,), {"weights": (direction,)})
    kind = creator.MetaCreator("Individual", dn.WeightGenome, {"fitness": fitness})
    individuals = []
    for score, first in pairs:
        individual = dn.initWeights(kind, nn.Linear(2, 1), sigma=0.0)
        individual.weights = torch.tensor([first, 1.0, 2.0])
        individual.fitness.values = (score,)
        individuals.append(individual)
    return individuals


def candidates_of(*pairs, direction=1.0):
    """Candidates named a, b, ... of (training fitness, first weight)."""
    return dict(zip("abcdefgh", population_of(*pairs, direction=direction), strict=False))


# --- the better of some ---


@pytest.mark.parametrize(
    ("pairs", "source", "fitness"),
    [
        (((9, 5.0), (8, 1.0)), "a", 5.0),
        (((9, 1.0), (8, 5.0)), "b", 5.0),
        (((9, 2.0), (8, 2.0)), "a", 2.0),
        (((0, 1.0), (1, 2.0), (2, 3.0)), "c", 3.0),
    ],
)
def test_the_best_on_validation_is_taken(pairs, source, fitness):
    champion = Champion()
    figures = champion.consider(Held(), candidates_of(*pairs), 7)
    assert (champion.source, champion.fitness, champion.generation) == (source, fitness, 7)
    assert champion.individual.weights[0] == fitness
    assert figures == champion.figures == {"validation_accuracy": fitness / 100}


def test_a_minimised_fitness_is_minimised():
    champion = Champion()
    pairs = ((1, 4.0), (2, 3.0))
    champion.consider(HeldLoss(), candidates_of(*pairs, direction=-1.0), 0)
    assert (champion.source, champion.fitness) == ("b", 3.0)
    champion.consider(HeldLoss(), candidates_of((1, 5.0), direction=-1.0), 1)
    assert champion.fitness == 3.0
    champion.consider(HeldLoss(), candidates_of((1, 2.0), direction=-1.0), 2)
    assert (champion.fitness, champion.generation) == (2.0, 2)


def test_a_later_generation_replaces_the_champion_only_when_it_is_better():
    champion = Champion()
    found = []
    for generation, first in enumerate([3.0, 2.0, 3.0, 4.0]):
        figures = champion.consider(Held(), candidates_of((1, first)), generation)
        found.append((champion.fitness, champion.generation, figures["validation_accuracy"]))
    assert found == [(3.0, 0, 0.03), (3.0, 0, 0.02), (3.0, 0, 0.03), (4.0, 3, 0.04)]


def test_without_a_validation_split_the_first_candidates_training_fitness_decides():
    champion = Champion()
    evaluator = Held(validates=False)
    assert champion.consider(evaluator, candidates_of((5, 0.0), (2, 1.0)), 0) == {}
    assert (champion.fitness, champion.source, champion.figures) == (5.0, "a", {})
    champion.consider(evaluator, candidates_of((4, 0.0)), 1)
    assert champion.generation == 0


@pytest.mark.parametrize("evaluator", [Held(), HeldLoss()])
def test_nan_on_validation_is_worth_less_than_anything(evaluator):
    champion = Champion()
    direction = evaluator.weights[0]
    firsts = [math.nan, -direction * 1e30, math.nan, 0.0, math.nan]
    for generation, first in enumerate(firsts):
        champion.consider(evaluator, candidates_of((1, first), direction=direction), generation)
    assert (champion.fitness, champion.generation) == (0.0, 3)


def test_a_nan_of_one_candidate_does_not_hide_another():
    champion = Champion()
    champion.consider(Held(), candidates_of((9, math.nan), (8, 1.0)), 0)
    assert (champion.source, champion.fitness) == ("b", 1.0)


def test_a_champion_stays_what_it_was_when_its_individual_changes():
    champion = Champion()
    (individual,) = population_of((1, 3.0))
    champion.consider(Held(), {"a": individual}, 0)
    dn.mutGaussian(individual, sigma=1.0, indpb=1.0)
    assert champion.individual.weights.tolist() == [3.0, 1.0, 2.0]
