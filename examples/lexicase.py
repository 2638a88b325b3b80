"""A score for each class, and selection that looks at one class after the other.

A mean over classes hides the class that nobody learns. Here the fitness has an objective for each
digit, minus the loss on its images, and parents are selected by DEAP's epsilon-lexicase: whoever is
best on a class drawn at random, among equals on the next one: La Cava, Spector & Danai 2016,
"Epsilon-lexicase selection for regression", arXiv:1905.13266. Four of the ten digits have only ten
images each. Beside it, the same loop with tournaments on the mean over all images.

Seconds on two cores: 35 (3 seeds).
Expected: test accuracy, mean of the seeds

                             all digits   worst digit
    tournament on the mean   0.80         0.39
    epsilon-lexicase         0.85         0.51
"""

import argparse
import random
from statistics import mean

import torch
from deap import base, creator, tools
from deapnets_mnist import datasets, networks

import deapnets as dn

CLASSES = 10
FEW = 10  # images of each rare class
RARE = (1, 3, 8, 9)


class Classes(dn.Evaluator):
    """Minus the loss on each class: as many objectives as classes, all maximised."""

    weights = (1.0,) * CLASSES  # the individuals' fitness has the same

    def __init__(self, net, inputs, targets):
        self.net = net
        self.inputs, self.targets = inputs, targets

    def genome(self):
        """Return the network."""
        return self.net

    def evaluate(self, networks):
        """Return ``[n, classes]``; record minus the mean loss over all images."""
        logits = networks(self.inputs)  # [n, images, classes]
        chosen = self.targets.expand(len(networks), 1, -1).transpose(1, 2)
        scores = torch.log_softmax(logits, 2).gather(2, chosen)[:, :, 0]  # minus the loss
        networks.record("mean", scores.mean(1))
        return torch.stack([scores[:, self.targets == c].mean(1) for c in range(CLASSES)], 1)


def selMeanTournament(individuals, k, tournsize):
    """Return ``k`` winners of tournaments on the mean over all images."""
    return [
        max(random.choices(individuals, k=tournsize), key=lambda one: one.records["mean"])
        for _ in range(k)
    ]


creator.create("FitnessClasses", base.Fitness, weights=Classes.weights)
creator.create("Individual", dn.WeightGenome, fitness=creator.FitnessClasses)


def few_of_some(images, labels):
    """Return the images without most of the rare classes'."""
    kept = torch.cat(
        [torch.nonzero(labels == c)[: FEW if c in RARE else None, 0] for c in range(CLASSES)]
    )
    return images[kept], labels[kept]


def evolve(select, seed, population, generations):
    """Return the accuracy of the last generation's best mean, over all digits and on the worst."""
    random.seed(seed)
    torch.manual_seed(seed)
    data = datasets.load_digits()
    net = networks.build_network("mlp-16", (8, 8))
    labels = torch.from_numpy(data.train_labels).long()
    inputs, targets = few_of_some(datasets.to_inputs(data.train_images), labels)
    sigma = dn.ExponentialSchedule(0.1, 0.02, ngen=generations)

    toolbox = base.Toolbox()
    toolbox.register("individual", dn.initWeights, creator.Individual, net, sigma=0.1)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", dn.cxUniform, indpb=0.5)
    toolbox.register("mutate", dn.mutGaussian, sigma=sigma, indpb=1.0)
    toolbox.register("select", select[0], **select[1])
    toolbox.register("evaluate", Classes(net, inputs, targets))
    toolbox.register("map", dn.PopulationMap())
    stats = tools.Statistics(lambda individual: individual.fitness.values)
    stats.register("sigma", sigma)

    start = toolbox.population(n=population)
    last, _ = dn.eaGenerational(start, toolbox, 1.0, 1.0, generations, stats=stats).run()
    best = max(last, key=lambda one: sum(one.fitness.values)).module(net)
    right = best(datasets.to_inputs(data.test_images)).argmax(1).numpy() == data.test_labels
    by_class = [right[data.test_labels == c].mean() for c in range(CLASSES)]
    return float(right.mean()), float(min(by_class))


def main(population=100, generations=200, seeds=3, verbose=True):
    """Return, of each selection, the accuracies of each seed: all digits, and the worst one."""
    selections = {
        "tournament on the mean": (selMeanTournament, {"tournsize": 5}),
        "epsilon-lexicase": (tools.selAutomaticEpsilonLexicase, {}),
    }
    figures = {}
    for name, select in selections.items():
        figures[name] = [evolve(select, 1 + n, population, generations) for n in range(seeds)]
        if verbose:
            both = [mean(values) for values in zip(*figures[name], strict=True)]
            print(f"{name:<24} all digits {both[0]:.3f}  worst digit {both[1]:.3f}")
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--population", type=int, default=100)
    parser.add_argument("--generations", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each selection")
    main(**vars(parser.parse_args()))
