import math

import pytest
import torch
from deap import base, creator
from torch import nn

import deapnets as dn
from deapnets.runs.champion import SHARE, Champion, mean_of


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


# --- the mean ---


def test_the_mean_of_some_individuals_is_the_mean_of_their_weights():
    leaves = population_of((0, 1.0), (0, 4.0), (0, 10.0))
    assert mean_of(leaves).weights.tolist() == [5.0, 1.0, 2.0]


def test_recipes_and_leaves_are_averaged_alike(individual_class, net):
    individuals = [dn.initWeights(individual_class, net, sigma=0.5) for _ in range(4)]
    recipes = individuals[:2]
    for individual in recipes:
        dn.mutGaussian(individual, sigma=0.1, indpb=0.5)
    assert recipes[0].node.weights is None
    rows = torch.stack([individual.weights for individual in individuals])
    torch.testing.assert_close(mean_of(individuals).weights, rows.mean(0))


def test_the_mean_leaves_the_individuals_as_they_were():
    individuals = population_of((0, 1.0), (0, 3.0))
    individuals[0].records = {"accuracy": 0.5}
    mean = mean_of(individuals)
    assert [one.weights[0].item() for one in individuals] == [1.0, 3.0]
    assert (individuals[0].records, dict(mean.records)) == ({"accuracy": 0.5}, {})


# --- the better of two ---


@pytest.mark.parametrize(
    ("pairs", "source", "fitness"),
    [
        (((9, 5.0), (8, 1.0), (1, 0.0), (0, 0.0)), "champion", 5.0),
        (((9, 1.0), (8, 5.0), (1, 0.0), (0, 0.0)), "mean", 3.0),
        (((9, 2.0), (8, 2.0), (1, 0.0), (0, 0.0)), "champion", 2.0),
    ],
)
def test_the_better_on_validation_of_best_and_mean_of_the_best_half_is_taken(
    pairs, source, fitness
):
    champion = Champion()
    figures = champion.consider(Held(), population_of(*pairs), 7)
    assert (champion.source, champion.fitness, champion.generation) == (source, fitness, 7)
    assert champion.individual.weights[0] == fitness
    assert figures == champion.figures == {"validation_accuracy": fitness / 100}


def test_half_of_a_population_is_averaged():
    assert SHARE == 0.5


def test_a_minimised_fitness_is_minimised():
    champion = Champion()
    pairs = ((1, 4.0), (2, 2.0), (8, 0.0), (9, 0.0))  # the best on training rows comes first
    champion.consider(HeldLoss(), population_of(*pairs, direction=-1.0), 0)
    assert (champion.source, champion.fitness) == ("mean", 3.0)
    champion.consider(HeldLoss(), population_of((1, 5.0), direction=-1.0), 1)
    assert champion.fitness == 3.0
    champion.consider(HeldLoss(), population_of((1, 2.0), direction=-1.0), 2)
    assert (champion.fitness, champion.generation) == (2.0, 2)


def test_a_later_generation_replaces_the_champion_only_when_it_is_better():
    champion = Champion()
    found = []
    for generation, first in enumerate([3.0, 2.0, 3.0, 4.0]):
        figures = champion.consider(Held(), population_of((1, first)), generation)
        found.append((champion.fitness, champion.generation, figures["validation_accuracy"]))
    assert found == [(3.0, 0, 0.03), (3.0, 0, 0.02), (3.0, 0, 0.03), (4.0, 3, 0.04)]


def test_without_a_validation_split_training_fitness_decides():
    champion = Champion()
    evaluator = Held(validates=False)
    assert champion.consider(evaluator, population_of((2, 0.0), (5, 1.0)), 0) == {}
    assert (champion.fitness, champion.source, champion.figures) == (5.0, "champion", {})
    champion.consider(evaluator, population_of((4, 0.0)), 1)
    assert champion.generation == 0


@pytest.mark.parametrize("evaluator", [Held(), HeldLoss()])
def test_nan_on_validation_is_worth_less_than_anything(evaluator):
    champion = Champion()
    direction = evaluator.weights[0]
    firsts = [math.nan, -direction * 1e30, math.nan, 0.0, math.nan]
    for generation, first in enumerate(firsts):
        champion.consider(evaluator, population_of((1, first), direction=direction), generation)
    assert (champion.fitness, champion.generation) == (0.0, 3)


def test_a_nan_of_the_mean_does_not_hide_the_best():
    champion = Champion()
    champion.consider(Held(), population_of((9, 1.0), (8, math.nan), (0, 0.0), (0, 0.0)), 0)
    assert (champion.source, champion.fitness) == ("champion", 1.0)


def test_a_champion_stays_what_it_was_when_its_individual_changes():
    champion = Champion()
    (individual,) = population_of((1, 3.0))
    champion.consider(Held(), [individual], 0)
    dn.mutGaussian(individual, sigma=1.0, indpb=1.0)
    assert champion.individual.weights.tolist() == [3.0, 1.0, 2.0]
