"""Handwritten digits with DEAP's own eaSimple.

Every network of every generation sees the same 2,000 images, so a score means the same in any
generation. That is what eaSimple counts on: individuals that neither mate nor mutate keep the score
they had, and the HallOfFame compares scores of all generations.

A mini-batch (``dn.Supervised(..., batch_size=256)``) takes a fraction of the time and may draw from
all 60,000 images. Then a score holds in its own generation only: who survives with the score of an
easy batch beats better networks that met a hard one. `dn.eaGenerational` scores survivors again on
every batch; under eaSimple the PopulationMap warns.

Seconds on two cores: 32; 12 with --digits.
Expected: test accuracy 0.852 ± 0.004 (5 seeds; Adam on the same images: 0.900), with --digits
0.956 ± 0.007 (5 seeds; Adam: 0.973). MNIST is read from $DEAPNETS_DATA/mnist, or downloaded once.
"""

import argparse
import random

import torch
from deap import algorithms, base, creator, tools
from deapnets_mnist import datasets, networks

import deapnets as dn

creator.create("FitnessMax", base.Fitness, weights=(1.0,))
creator.create("Individual", dn.WeightGenome, fitness=creator.FitnessMax)


def load(digits, images):
    """Return training images and labels (the first ``images``), test images and labels."""
    data = datasets.load_digits() if digits else datasets.load_mnist()
    size = (8, 8) if digits else (14, 14)  # 28x28 averaged down
    return (
        datasets.to_inputs(data.train_images[:images], size),
        data.train_labels[:images],
        datasets.to_inputs(data.test_images, size),
        data.test_labels,
    )


def main(population=300, generations=300, images=2000, digits=False, seed=1, verbose=True):
    random.seed(seed)  # DEAP and deapnets draw from here
    torch.manual_seed(seed)  # torch, for the ancestor's weights
    train_inputs, train_labels, *test = load(digits, images)
    net = networks.build_network("mlp-32", tuple(train_inputs.shape[2:]))
    evaluator = dn.Supervised(
        net, train_inputs, train_labels, loss="cross_entropy", test=tuple(test)
    )

    toolbox = base.Toolbox()
    toolbox.register("individual", dn.initWeights, creator.Individual, net, sigma=0.05)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", dn.cxUniform, indpb=0.5)
    toolbox.register("mutate", dn.mutGaussian, sigma=0.03, indpb=1.0)
    toolbox.register("select", tools.selTournament, tournsize=10)
    toolbox.register("evaluate", evaluator)
    toolbox.register("map", dn.PopulationMap())

    halloffame = tools.HallOfFame(1)
    stats = tools.Statistics(lambda individual: individual.fitness.values[0])
    stats.register("mean", lambda values: sum(values) / len(values))
    stats.register("best", max)

    algorithms.eaSimple(
        toolbox.population(n=population),
        toolbox,
        cxpb=1.0,
        mutpb=1.0,
        ngen=generations,
        stats=stats,
        halloffame=halloffame,
        verbose=verbose,
    )
    return evaluator.measure(halloffame[0])["test_accuracy"]  # the test images are opened here


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--population", type=int, default=300)
    parser.add_argument("--generations", type=int, default=300)
    parser.add_argument("--images", type=int, default=2000, help="training images")
    parser.add_argument("--digits", action="store_true", help="scikit-learn's 8x8 digits instead")
    parser.add_argument("--seed", type=int, default=1)
    accuracy = main(**vars(parser.parse_args()))
    print(f"test accuracy: {accuracy:.4f}")
