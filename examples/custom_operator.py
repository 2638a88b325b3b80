"""An operator of your own: a mutation that draws its step size for every child.

`mutGaussian` takes one step size for the whole run, and a wrong guess costs the run. `mutScales`
draws each child's step size from two decades, so that some children always take a step that fits.
The idea is that of the breeder genetic algorithm: Muehlenbein & Schlierkamp-Voosen 1993,
"Predictive models for the breeder genetic algorithm", doi:10.1162/evco.1993.1.1.25.

Seconds on two cores: 17 (3 seeds).
Expected: mean test accuracy (--seeds 5; both start from the same networks)

    sigma          0.3    0.1    0.03
    mutGaussian    0.19   0.66   0.84
    mutScales      0.82   0.87   0.84
"""

import argparse
import random
from statistics import mean

import torch
from deap import algorithms, base, creator, tools
from deapnets_mnist import datasets, networks

import deapnets as dn
from deapnets.errors import OptionError


def span(name, value):
    """Raise unless ``value`` is a number from 0 to 10; ``name`` says whose parameter it is."""
    if not isinstance(value, int | float) or not 0 <= value <= 10:
        raise OptionError(f"{name} is a number of decades from 0 to 10, got {value!r}.")


@dn.operator(parents=1, sigma=dn.deviation, decades=span)
def mutScales(rows, draw, *, sigma, decades=2):
    """Add gaussian noise to every weight; its deviation is drawn anew for every child.

    The deviation is log-uniform from ``sigma`` down to ``sigma / 10**decades``. The core makes many
    children at once: ``rows[0]`` are their parents ``[n, P]``, read only, and ``draw`` gives each
    child random numbers of its own. It returns a new tensor ``[n, P]``.
    """
    scales = sigma * 10 ** (-decades * draw.uniform())  # [n]
    return rows[0] + draw.noise() * scales.float()[:, None]


creator.create("FitnessMax", base.Fitness, weights=(1.0,))
creator.create("Individual", dn.WeightGenome, fitness=creator.FitnessMax)


def evolve(mutate, seed, population, generations):
    """Return the test accuracy of the best network of a run; ``mutate`` is operator and keywords.

    Two runs of one seed start from the same networks.
    """
    random.seed(seed)  # DEAP and deapnets draw from here
    torch.manual_seed(seed)  # torch, for the ancestor's weights
    data = datasets.load_digits()
    net = networks.build_network("mlp-16", (8, 8))
    evaluator = dn.Supervised(
        net,
        datasets.to_inputs(data.train_images[:500]),
        data.train_labels[:500],
        test=(datasets.to_inputs(data.test_images), data.test_labels),
    )

    toolbox = base.Toolbox()
    toolbox.register("individual", dn.initWeights, creator.Individual, net, sigma=0.1)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", dn.cxUniform, indpb=0.5)
    toolbox.register("mutate", mutate[0], **mutate[1])
    toolbox.register("select", tools.selTournament, tournsize=5)
    toolbox.register("evaluate", evaluator)
    toolbox.register("map", dn.PopulationMap())

    halloffame = tools.HallOfFame(1)
    algorithms.eaSimple(
        toolbox.population(n=population),
        toolbox,
        cxpb=1.0,
        mutpb=1.0,
        ngen=generations,
        halloffame=halloffame,
        verbose=False,
    )
    return evaluator.measure(halloffame[0])["test_accuracy"]


def main(population=200, generations=100, seeds=3, sigmas=(0.3, 0.1, 0.03), verbose=True):
    accuracies = {}
    for sigma in sigmas:
        for name, mutate in {
            "mutGaussian": (dn.mutGaussian, {"sigma": sigma, "indpb": 1.0}),
            "mutScales": (mutScales, {"sigma": sigma}),
        }.items():
            runs = [evolve(mutate, 1 + seed, population, generations) for seed in range(seeds)]
            accuracies[name, sigma] = runs
            if verbose:
                print(
                    f"{name:<12} sigma={sigma:<5} test accuracy {mean(runs):.3f}  "
                    f"({', '.join(f'{run:.3f}' for run in runs)})"
                )
    return accuracies


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--population", type=int, default=200)
    parser.add_argument("--generations", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each operator and sigma")
    main(**vars(parser.parse_args()))
