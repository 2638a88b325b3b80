"""DEAP's symbolic regression, on a hundred thousand points: the quartic x^4 + x^3 + x^2 + x.

DEAP's own example (examples/gp/symbreg_numpy.py) with three changes: the primitives are torch's,
individuals are `ProgramGenome`, and the map is `PopulationMap`, which computes a generation at once
and what its trees share once. Primitive set, generators, crossover, mutation and loop are DEAP's.

Seconds on two cores: 2 with 100,000 points, 15 with a million.
Expected: a mean squared error below 1e-20 in most seeds.
"""

import argparse
import functools
import operator
import random

import torch
from deap import algorithms, base, creator, gp, tools

import deapnets as dn
from deapnets.programs import functions, printing, reducing

pset = gp.PrimitiveSet("MAIN", 1)
pset.addPrimitive(torch.add, 2)
pset.addPrimitive(torch.sub, 2)
pset.addPrimitive(torch.mul, 2)
pset.addPrimitive(functions.div, 2)  # 1 where the divisor is 0, as DEAP's protectedDiv
pset.addPrimitive(torch.neg, 1)
pset.addPrimitive(torch.cos, 1)
pset.addPrimitive(torch.sin, 1)
pset.addEphemeralConstant("rand101", functools.partial(random.randint, -1, 1))
pset.renameArguments(ARG0="x")
space = dn.ProgramSpace(pset)

creator.create("FitnessMin", base.Fitness, weights=(-1.0,))
creator.create("Individual", dn.ProgramGenome, fitness=creator.FitnessMin, space=space)

toolbox = base.Toolbox()
toolbox.register("expr", gp.genHalfAndHalf, pset=pset, min_=1, max_=2)
toolbox.register("individual", tools.initIterate, creator.Individual, toolbox.expr)
toolbox.register("population", tools.initRepeat, list, toolbox.individual)
toolbox.register("select", tools.selTournament, tournsize=3)
toolbox.register("mate", gp.cxOnePoint)
toolbox.register("expr_mut", gp.genFull, min_=0, max_=2)
toolbox.register("mutate", gp.mutUniform, expr=toolbox.expr_mut, pset=pset)
for name in ("mate", "mutate"):
    toolbox.decorate(name, gp.staticLimit(operator.attrgetter("height"), max_value=17))
toolbox.register("map", dn.PopulationMap())


def main(points=100_000, population=300, generations=40, seed=318, verbose=True):
    random.seed(seed)
    x = torch.linspace(-1, 1, points, dtype=torch.float64)
    toolbox.register("evaluate", dn.Regression(space, x, x**4 + x**3 + x**2 + x))
    halloffame = tools.HallOfFame(1)
    stats = tools.Statistics(lambda individual: individual.fitness.values[0])
    stats.register("median", lambda values: sorted(values)[len(values) // 2])
    stats.register("best", min)

    algorithms.eaSimple(
        toolbox.population(n=population),
        toolbox,
        cxpb=0.5,
        mutpb=0.1,
        ngen=generations,
        stats=stats,
        halloffame=halloffame,
        verbose=verbose,
    )
    return halloffame[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--population", type=int, default=300)
    parser.add_argument("--generations", type=int, default=40)
    parser.add_argument("--seed", type=int, default=318)
    best = main(**vars(parser.parse_args()))
    print(f"mean squared error {best.fitness.values[0]:.3g}: {best}")
    print(printing.mathematics(reducing.reduced(best, space), pset))
