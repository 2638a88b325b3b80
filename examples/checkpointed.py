"""A loop of one's own that survives being killed: three lines of `dn.Checkpointer`.

The loop is DEAP's eaSimple, written out. Start it, kill it (Ctrl-C, `kill -9`, the plug), start it
again: it goes on behind its last snapshot, and prints the same last line as if it had never been
killed. A finished script that is started again prints that line at once.

Three things to take care of: the objects that the loop changes are handed to the Checkpointer, they
are changed in place (``population[:] = offspring``), and the first evaluation is inside the loop.

Seconds on two cores: 6.
Expected: "best 0.98", give or take 0.01: the share of 400 points whose ring was told.
"""

import argparse
import random

import torch
from deap import algorithms, base, creator, tools

import deapnets as dn

creator.create("FitnessMax", base.Fitness, weights=(1.0,))
creator.create("Individual", dn.WeightGenome, fitness=creator.FitnessMax)


def rings():
    """Return 400 points ``[400, 2]`` and which of two rings each lies in."""
    inputs = torch.randn(400, 2, generator=torch.Generator().manual_seed(1))
    return inputs, (inputs.norm(dim=1) > 1.2).long()


def toolbox_of(net, evaluator):
    """Return a toolbox as DEAP's algorithms want it."""
    toolbox = base.Toolbox()
    toolbox.register("individual", dn.initWeights, creator.Individual, net, sigma=0.5)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", dn.cxUniform, indpb=0.5)
    toolbox.register("mutate", dn.mutGaussian, sigma=0.1, indpb=0.3)
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("evaluate", evaluator)
    toolbox.register("map", dn.PopulationMap(device="cpu"))
    return toolbox


def main(folder="checkpoints", ngen=150, size=200, every=1.0):
    """Evolve, and print the best after the last generation."""
    random.seed(1)
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
    toolbox = toolbox_of(net, dn.Supervised(net, *rings(), fitness="accuracy"))
    population, hall, logbook = toolbox.population(n=size), tools.HallOfFame(3), tools.Logbook()

    saved = dn.Checkpointer(
        folder, every=every, population=population, hall=hall, logbook=logbook, map=toolbox.map
    )
    for gen in saved.generations(ngen + 1):
        if gen > 0:
            parents = toolbox.select(population, len(population))
            population[:] = algorithms.varAnd(parents, toolbox, cxpb=0.5, mutpb=0.8)
        waiting = [one for one in population if not one.fitness.valid]
        for one, values in zip(waiting, toolbox.map(toolbox.evaluate, waiting), strict=True):
            one.fitness.values = values
        hall.update(population)
        logbook.record(gen=gen, nevals=len(waiting), best=hall[0].fitness.values[0])
    print(f"{len(logbook)} generations, best {hall[0].fitness.values[0]:.4f}, {hall[0].digest}")
    return logbook


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", default="checkpoints")
    parser.add_argument("--ngen", type=int, default=150)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--every", type=float, default=1.0)
    main(**vars(parser.parse_args()))
