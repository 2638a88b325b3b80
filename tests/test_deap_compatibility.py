"""What scripts for DEAP do, done with deapnets: unchanged, and with the same result."""

import copy
import functools
import operator
import pickle
import random

import numpy as np
import pytest
import torch
from deap import algorithms, base, creator, gp, tools
from torch import nn

import deapnets as dn


@functools.cache
def created(name, kind, weights, **attributes):
    """Return a class of `deap.creator`, made once."""
    creator.create(f"{name}Fitness", base.Fitness, weights=weights)
    creator.create(name, kind, fitness=getattr(creator, f"{name}Fitness"), **attributes)
    return getattr(creator, name)


class LossAndSize(dn.Evaluator):
    """Minus the loss to maximise, and the largest weight to minimise."""

    weights = (1.0, -1.0)

    def __init__(self, task):
        self.task = task

    def genome(self):
        return self.task.genome()

    def evaluate(self, networks):
        largest = networks.weights().abs().amax(1)
        return torch.stack([self.task.evaluate(networks), largest], 1)


@pytest.fixture
def task(net):
    inputs = torch.randn(60, 3)
    return dn.Supervised(net, inputs, (inputs[:, 0] > inputs[:, 1]).long())


@pytest.fixture
def toolbox_of(task, individual_class):
    """Return a function that makes a toolbox for networks with a map, seeded."""

    def toolbox_of(mapping, kind=individual_class, evaluator=task):
        random.seed(11)
        toolbox = base.Toolbox()
        toolbox.register("individual", dn.initWeights, kind, evaluator.genome(), sigma=0.1)
        toolbox.register("population", tools.initRepeat, list, toolbox.individual)
        toolbox.register("mate", dn.cxUniform, indpb=0.5)
        toolbox.register("mutate", dn.mutGaussian, sigma=0.2, indpb=0.3)
        toolbox.register("select", tools.selTournament, tournsize=3)
        toolbox.register("evaluate", evaluator)
        toolbox.register("map", mapping)
        return toolbox

    return toolbox_of


@pytest.fixture
def toolbox(toolbox_of):
    return toolbox_of(dn.PopulationMap(seed=1))


LOOPS = {
    "eaSimple": lambda lot, box, **rest: algorithms.eaSimple(lot, box, 0.5, 0.3, **rest),
    "eaMuPlusLambda": lambda lot, box, **rest: algorithms.eaMuPlusLambda(
        lot, box, 12, 20, 0.4, 0.5, **rest
    ),
    "eaMuCommaLambda": lambda lot, box, **rest: algorithms.eaMuCommaLambda(
        lot, box, 12, 20, 0.4, 0.5, **rest
    ),
}


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_of_deap_gives_what_it_gives_with_the_built_in_map(loop, toolbox_of):
    runs = []
    for mapping in (map, dn.PopulationMap(seed=1)):
        toolbox = toolbox_of(mapping)
        hall = tools.HallOfFame(3)
        stats = tools.Statistics(lambda one: one.fitness.values)
        stats.register("best", np.max)
        population, logbook = LOOPS[loop](
            toolbox.population(n=12), toolbox, ngen=6, stats=stats, halloffame=hall, verbose=False
        )
        runs.append((population, hall, logbook))
    (plain, plain_hall, plain_log), (batched, batched_hall, batched_log) = runs
    assert [one.digest for one in batched] == [one.digest for one in plain]
    assert [one.digest for one in batched_hall] == [one.digest for one in plain_hall]
    assert str(batched_log) == str(plain_log)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_of_deap_improves_networks(loop, toolbox):
    population = toolbox.population(n=30)
    hall = tools.HallOfFame(1)
    start = max(toolbox.map(toolbox.evaluate, population))
    LOOPS[loop](population, toolbox, ngen=15, halloffame=hall, verbose=False)
    assert hall[0].fitness.values[0] > start[0] + 0.1
    assert hall[0].fitness.values == pytest.approx(toolbox.evaluate(hall[0]), rel=1e-5)


def test_nsga2_gives_the_front_that_it_gives_with_the_built_in_map(toolbox_of, task, pareto_class):
    def front(mapping):
        toolbox = toolbox_of(mapping, pareto_class, LossAndSize(task))
        population = toolbox.population(n=12)

        def score(individuals):
            waiting = [one for one in individuals if not one.fitness.valid]
            for one, values in zip(waiting, toolbox.map(toolbox.evaluate, waiting), strict=True):
                one.fitness.values = values

        score(population)
        population = tools.selNSGA2(population, 12)
        for _ in range(5):
            parents = tools.selTournamentDCD(population, 12)
            offspring = algorithms.varAnd(parents, toolbox, 0.9, 0.9)
            score(offspring)
            population = tools.selNSGA2(population + offspring, 12)
        best = tools.ParetoFront()
        best.update(population)
        return best

    plain, batched = front(map), front(dn.PopulationMap(seed=1))
    assert [one.digest for one in batched] == [one.digest for one in plain]
    assert len(batched) > 1
    values = [one.fitness.values for one in batched]
    assert values == sorted(values, reverse=True)
    assert [size for _, size in values] == sorted((size for _, size in values), reverse=True)


def test_a_hall_of_fame_keeps_networks_as_they_were(toolbox):
    hall = tools.HallOfFame(2)
    population = toolbox.population(n=6)
    for one, values in zip(population, toolbox.map(toolbox.evaluate, population), strict=True):
        one.fitness.values = values
    hall.update(population)
    expected = hall[0].weights
    for one in population:
        toolbox.mutate(one)
        one.fitness.values = (-99.0,)
    hall.update(population)
    assert torch.equal(hall[0].weights, expected)
    assert hall[0].fitness.values[0] > -99


def test_a_hall_of_fame_holds_no_network_twice(toolbox):
    hall = tools.HallOfFame(5)
    population = toolbox.population(n=2)
    for one in population:
        one.fitness.values = (1.0,)
    hall.update([*population, *map(toolbox.clone, population)])
    assert len(hall) == 2


def test_a_history_knows_the_parents_of_networks(toolbox):
    history = tools.History()
    toolbox.decorate("mate", history.decorator)
    toolbox.decorate("mutate", history.decorator)
    population = toolbox.population(n=4)
    history.update(population)
    child = toolbox.mutate(toolbox.mate(*map(toolbox.clone, population[:2]))[0])[0]
    tree = history.getGenealogy(child)
    assert tree[child.history_index] == (5,)
    assert tree[5] == (1, 2)
    assert torch.equal(history.genealogy_history[child.history_index].weights, child.weights)


def test_migrants_move_between_islands(toolbox):
    islands = [toolbox.population(n=4) for _ in range(3)]
    for number, island in enumerate(islands):
        for rank, one in enumerate(island):
            one.fitness.values = (10.0 * number + rank,)
    best = [max(island, key=operator.attrgetter("fitness")).digest for island in islands]
    tools.migRing(islands, 1, tools.selBest, replacement=tools.selWorst)
    for number, island in enumerate(islands):
        assert best[number - 1] in {one.digest for one in island}
        assert len(island) == 4


def test_a_pickled_population_is_the_same_population(toolbox):
    population = toolbox.population(n=4)
    expected = toolbox.map(toolbox.evaluate, population)
    offspring = algorithms.varAnd(population, toolbox, 1.0, 1.0)
    digests, weights = [one.digest for one in offspring], [one.weights for one in offspring]
    parents, children = pickle.loads(pickle.dumps((population, offspring)))
    assert [one.digest for one in children] == digests
    assert all(torch.equal(a.weights, b) for a, b in zip(children, weights, strict=True))
    assert toolbox.map(toolbox.evaluate, parents) == expected


def test_a_copied_network_has_a_fitness_of_its_own(toolbox):
    one = toolbox.individual()
    one.fitness.values = (1.0,)
    other = copy.deepcopy(one)
    del other.fitness.values
    assert one.fitness.values == (1.0,)
    assert not other.fitness.valid


# DEAP's own examples, made small: any function and individual go through the map in order.


def one_max(toolbox):
    """Bit strings of ones: DEAP's ``examples/ga/onemax.py``."""
    kind = created("OneMax", list, (1.0,))
    toolbox.register("bit", random.randint, 0, 1)
    toolbox.register("individual", tools.initRepeat, kind, toolbox.bit, 30)
    toolbox.register("mate", tools.cxTwoPoint)
    toolbox.register("mutate", tools.mutFlipBit, indpb=0.05)
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("evaluate", lambda bits: (sum(bits),))


def queens(toolbox):
    """As many queens as columns, none of which beats another: ``examples/ga/nqueens.py``."""

    def beaten(rows):
        falling = {column + row for column, row in enumerate(rows)}
        rising = {column - row for column, row in enumerate(rows)}
        return (2 * len(rows) - len(falling) - len(rising),)

    kind = created("Queens", list, (-1.0,))
    toolbox.register("order", random.sample, range(12), 12)
    toolbox.register("individual", tools.initIterate, kind, toolbox.order)
    toolbox.register("mate", tools.cxPartialyMatched)
    toolbox.register("mutate", tools.mutShuffleIndexes, indpb=2 / 12)
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("evaluate", beaten)


def knapsack(toolbox):
    """A light bag of great value, as sets: ``examples/ga/knapsack.py``."""
    items = [(random.randint(1, 10), random.uniform(0, 100)) for _ in range(20)]

    def weigh(bag):
        weight, value = (sum(items[item][part] for item in bag) for part in (0, 1))
        return (weight, value) if weight <= 50 and len(bag) <= 15 else (10_000, 0)

    def mate(first, second):
        common, either = first & second, first ^ second
        first &= second
        second ^= either & common
        second ^= common
        return first, second

    def mutate(bag):
        if random.random() < 0.5 and bag:
            bag.remove(random.choice(sorted(bag)))
        else:
            bag.add(random.randrange(len(items)))
        return (bag,)

    kind = created("Bag", set, (-1.0, 1.0))
    toolbox.register("item", random.randrange, len(items))
    toolbox.register("individual", tools.initRepeat, kind, toolbox.item, 5)
    toolbox.register("mate", mate)
    toolbox.register("mutate", mutate)
    toolbox.register("select", tools.selNSGA2)
    toolbox.register("evaluate", weigh)


def half() -> float:
    return 0.5


def symbolic_regression(toolbox):
    """x^4 + x^3 + x^2 + x, found again: ``examples/gp/symbreg.py``."""
    language = gp.PrimitiveSet("main", 1)
    for function, arity in ((operator.add, 2), (operator.mul, 2), (operator.neg, 1)):
        language.addPrimitive(function, arity)
    language.addTerminal(1.0)
    language.renameArguments(ARG0="x")
    points = [x / 10 for x in range(-10, 10)]

    def error(tree):
        function = gp.compile(tree, language)
        return (sum((function(x) - x**4 - x**3 - x**2 - x) ** 2 for x in points) / len(points),)

    kind = created("Tree", gp.PrimitiveTree, (-1.0,))
    toolbox.register("tree", gp.genHalfAndHalf, pset=language, min_=1, max_=2)
    toolbox.register("individual", tools.initIterate, kind, toolbox.tree)
    toolbox.register("mate", gp.cxOnePoint)
    toolbox.register("fresh", gp.genFull, min_=0, max_=2)
    toolbox.register("mutate", gp.mutUniform, expr=toolbox.fresh, pset=language)
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("evaluate", error)
    for name in ("mate", "mutate"):
        toolbox.decorate(name, gp.staticLimit(key=operator.attrgetter("height"), max_value=8))


@pytest.mark.parametrize("register", [one_max, queens, knapsack, symbolic_regression])
def test_an_example_of_deap_gives_what_it_gives_with_the_built_in_map(register):
    def run(mapping):
        random.seed(64)
        toolbox = base.Toolbox()
        register(toolbox)
        toolbox.register("population", tools.initRepeat, list, toolbox.individual)
        if mapping is not None:
            toolbox.register("map", mapping)
        stats = tools.Statistics(lambda one: one.fitness.values)
        stats.register("mean", np.mean)
        population, logbook = algorithms.eaMuPlusLambda(
            toolbox.population(n=40), toolbox, 40, 40, 0.6, 0.3, 12, stats=stats, verbose=False
        )
        return [(str(one), one.fitness.values) for one in population], str(logbook)

    assert run(dn.PopulationMap()) == run(None)


def test_the_first_script_of_the_guide_learns_xor():
    random.seed(1)
    torch.manual_seed(1)
    inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    targets = torch.tensor([0, 1, 1, 0])

    net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    kind = created("Solver", dn.WeightGenome, (1.0,))

    toolbox = base.Toolbox()
    toolbox.register("individual", dn.initWeights, kind, net, sigma=0.1)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", dn.cxUniform, indpb=0.5)
    toolbox.register("mutate", dn.mutGaussian, sigma=0.5, indpb=0.1)
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("evaluate", dn.Supervised(net, inputs, targets, loss="cross_entropy"))
    toolbox.register("map", dn.PopulationMap(device="auto", memory="4GB"))

    population, logbook = algorithms.eaSimple(
        toolbox.population(n=300), toolbox, cxpb=0.5, mutpb=1.0, ngen=50, verbose=False
    )
    best = tools.selBest(population, 1)[0]
    assert len(logbook) == 51
    assert best.weights.shape == (22,)
    module = best.module(net)
    assert isinstance(module, nn.Sequential)
    assert module(inputs).argmax(1).tolist() == targets.tolist()
    assert best.fitness.values[0] > -0.1
