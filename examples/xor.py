"""Exclusive or: DEAP's onemax, with a network instead of a list of bits.

The first test of "Replacing back-propagation with a genetic algorithm": every weight of every
individual is drawn from N(0, 1), crossover goes element by element, and nothing is ever derived.
Selection, statistics and the loop are DEAP's own; deapnets brings six names.

Seconds on two cores: 2.
Expected: in every row the right class has a probability above 0.9 (30 of 30 seeds; median of the
worst row 0.98).
"""

import argparse
import random

import torch
from deap import algorithms, base, creator, tools
from torch import nn

import deapnets as dn

INPUTS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
TARGETS = torch.tensor([0, 1, 1, 0])  # the class: whether the two differ

net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))

creator.create("FitnessMax", base.Fitness, weights=(1.0,))
creator.create("Individual", dn.WeightGenome, fitness=creator.FitnessMax)

toolbox = base.Toolbox()
toolbox.register(
    "individual", dn.initWeights, creator.Individual, net, sigma=1.0, spread="independent"
)
toolbox.register("population", tools.initRepeat, list, toolbox.individual)
toolbox.register("mate", dn.cxUniform, indpb=0.5)
toolbox.register("mutate", dn.mutGaussian, sigma=0.3, indpb=0.2)
toolbox.register("select", tools.selTournament, tournsize=3)
toolbox.register("evaluate", dn.Supervised(net, INPUTS, TARGETS, loss="cross_entropy"))
toolbox.register("map", dn.PopulationMap())


def main(population=300, generations=40, seed=1, verbose=True):
    random.seed(seed)
    halloffame = tools.HallOfFame(1)
    stats = tools.Statistics(lambda individual: individual.fitness.values[0])
    stats.register("mean", lambda values: sum(values) / len(values))
    stats.register("best", max)

    algorithms.eaSimple(
        toolbox.population(n=population),
        toolbox,
        cxpb=0.5,
        mutpb=0.9,
        ngen=generations,
        stats=stats,
        halloffame=halloffame,
        verbose=verbose,
    )

    solution = halloffame[0].module(net)  # a torch module like any other
    return solution(INPUTS).detach().softmax(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--population", type=int, default=300)
    parser.add_argument("--generations", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    probabilities = main(**vars(parser.parse_args()))
    for (first, second), right in zip(INPUTS.int().tolist(), probabilities[:, 1], strict=True):
        print(f"{first} xor {second}: {right:.3f}")
