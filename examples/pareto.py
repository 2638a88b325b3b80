"""Two objectives: networks that are right, with as few weights as possible.

An evaluator of one's own returns the loss and the part of the weights that is not zero, both to be
minimised, and records how many weights that are. A population first learns by the loss alone; then
DEAP's NSGA-II spreads it along the front: Deb et al. 2002, "A fast and elitist multiobjective
genetic algorithm: NSGA-II", doi:10.1109/4235.996017. Children are pruned now and then
(`mutPrune`); what was pruned stays so (`mutNonzero`).

Seconds on two cores: 20.
Expected: the front; of networks with at most so many weights, the largest:

    weights          45     100    192    295    499    800    941
    test accuracy    0.48   0.74   0.85   0.91   0.92   0.94   0.94
"""

import argparse
import random

import torch
from deap import algorithms, base, creator, tools
from deapnets_mnist import datasets, networks

import deapnets as dn


class LossAndSize(dn.Evaluator):
    """The loss on a task, and the part of the weights that is not zero."""

    weights = (-1.0, -1.0)  # both are minimised; the individuals' fitness has the same

    def __init__(self, task):
        self.task = task  # a dn.Supervised: it returns minus the loss

    def genome(self):
        """Return the task's network."""
        return self.task.genome()

    def evaluate(self, networks):
        """Return loss and part of the weights, ``[n, 2]``."""
        loss = -self.task.evaluate(networks)
        there = networks.weights() != 0
        networks.record("weights", there.sum(1))  # noted, not selected on
        return torch.stack([loss.double(), there.double().mean(1)], 1)


creator.create("FitnessLossAndSize", base.Fitness, weights=LossAndSize.weights)
creator.create("Individual", dn.WeightGenome, fitness=creator.FitnessLossAndSize)


def prune_or_move(individual, sigma):
    """Prune an individual, or move the weights that it has left."""
    if random.random() < 0.2:
        return dn.mutPrune(individual, share=0.2)
    return dn.mutNonzero(individual, sigma=sigma, indpb=1.0)


def main(population=200, generations=200, seed=1, verbose=True):
    """Return the front: of each network the number of its weights and its test accuracy."""
    random.seed(seed)
    torch.manual_seed(seed)
    data = datasets.load_digits()
    net = networks.build_network("mlp-16", (8, 8))
    task = dn.Supervised(
        net,
        datasets.to_inputs(data.train_images),
        data.train_labels,
        test=(datasets.to_inputs(data.test_images), data.test_labels),
    )

    toolbox = base.Toolbox()
    toolbox.register("individual", dn.initWeights, creator.Individual, net, sigma=0.1)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", dn.cxUniform, indpb=0.5)
    toolbox.register("evaluate", LossAndSize(task))
    toolbox.register("map", dn.PopulationMap())
    stats = tools.Statistics(lambda individual: individual.fitness.values)

    # First the loss alone: fitness is compared objective by objective, the first one first.
    sigma = dn.ExponentialSchedule(0.1, 0.02, ngen=generations)
    toolbox.register("mutate", dn.mutGaussian, sigma=sigma, indpb=1.0)
    toolbox.register("select", dn.selTruncation, share=0.3)
    stats.register("sigma", sigma)
    start = toolbox.population(n=population)
    learned, _ = dn.eaGenerational(start, toolbox, 1.0, 1.0, generations, stats=stats).run()

    # Then both.
    toolbox.register("mutate", prune_or_move, sigma=sigma.floor)
    toolbox.register("select", tools.selNSGA2)
    last, _ = algorithms.eaMuPlusLambda(
        learned, toolbox, population, population, 0.3, 0.7, generations, verbose=False
    )
    front = tools.sortNondominated(last, len(last), first_front_only=True)[0]
    front.sort(key=lambda individual: individual.records["weights"])
    figures = [(one.records["weights"], task.measure(one)["test_accuracy"]) for one in front]
    if verbose:
        for most in (50, 100, 200, 300, 500, 800, len(front[0])):
            within = [figure for figure in figures if figure[0] <= most]
            if within:
                print(
                    f"at most {most:>5,} weights: {within[-1][0]:>5}, accuracy {within[-1][1]:.3f}"
                )
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--population", type=int, default=200)
    parser.add_argument("--generations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    main(**vars(parser.parse_args()))
