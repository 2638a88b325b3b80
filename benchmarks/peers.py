"""The job of `jobs` as each peer's user would write it.

Where a library has no such operator its nearest one stands in, and the docstring of the peer says
so. A peer's library is imported when it is used: the module loads where none is installed.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy
import torch
from deap import algorithms, base, creator, tools
from evosax_peer import EvosaxSimpleGA
from jobs import MUTATION_PROBABILITY, SIGMA, SWAP_PROBABILITY, TOURNAMENT, Generation, Peer, Size
from torch import nn
from torch.nn import functional


class PlainDeap(Peer):
    """DEAP as its numpy example has it, with operators that are numpy calls, and a torch loop.

    Nothing differs from the job.
    """

    name = "DEAP, numpy by hand"
    packages = ("deap",)

    def prepare(self, size: Size) -> Generation:
        """Return the body of ``eaSimple``'s loop."""
        toolbox = self.toolbox(size)
        population = [_plain_individual(row) for row in size.ancestors().numpy()]
        _evaluate_invalid(population, toolbox)

        return _simple_generation(population, toolbox)

    def toolbox(self, size: Size) -> base.Toolbox:
        """Return DEAP's toolbox with the four parts of the job."""
        rng = numpy.random.default_rng()
        toolbox = base.Toolbox()
        toolbox.register("mate", _cx_uniform, indpb=SWAP_PROBABILITY, rng=rng)
        toolbox.register("mutate", _mut_gaussian, sigma=SIGMA, indpb=MUTATION_PROBABILITY, rng=rng)
        toolbox.register("select", tools.selTournament, tournsize=TOURNAMENT)
        toolbox.register("evaluate", _torch_fitness(size))
        return toolbox


def _simple_generation(population: list[Any], toolbox: base.Toolbox) -> Generation:
    """Return the body of ``eaSimple``'s loop; it replaces the population in place."""

    def generation() -> None:
        offspring = toolbox.select(population, len(population))
        offspring = algorithms.varAnd(offspring, toolbox, cxpb=1.0, mutpb=1.0)
        _evaluate_invalid(offspring, toolbox)
        population[:] = offspring

    return generation


def _plain_individual(row: numpy.ndarray) -> numpy.ndarray:
    if "PlainIndividual" not in vars(creator):
        creator.create("PlainFitness", base.Fitness, weights=(1.0,))
        creator.create("PlainIndividual", numpy.ndarray, fitness=creator.PlainFitness)
    individual = row.view(creator.PlainIndividual)  # its constructor goes through a list: seconds
    individual.fitness = creator.PlainFitness()
    return individual


def _evaluate_invalid(population: Sequence[Any], toolbox: base.Toolbox) -> None:
    invalid = [individual for individual in population if not individual.fitness.valid]
    for individual, fitness in zip(invalid, toolbox.map(toolbox.evaluate, invalid), strict=True):
        individual.fitness.values = fitness


def _cx_uniform(
    first: numpy.ndarray, second: numpy.ndarray, indpb: float, rng: numpy.random.Generator
) -> tuple[numpy.ndarray, numpy.ndarray]:
    swap = rng.random(first.size, dtype=numpy.float32) < indpb
    first[:], second[:] = numpy.where(swap, second, first), numpy.where(swap, first, second)
    return first, second


def _mut_gaussian(
    individual: numpy.ndarray, sigma: float, indpb: float, rng: numpy.random.Generator
) -> tuple[numpy.ndarray]:
    (hit,) = numpy.nonzero(rng.random(individual.size, dtype=numpy.float32) < indpb)
    individual[hit] += sigma * rng.standard_normal(hit.size, dtype=numpy.float32)
    return (individual,)


def _torch_fitness(size: Size) -> Callable[[numpy.ndarray], tuple[float]]:
    module = size.module().requires_grad_(False)
    parameters = list(module.parameters())
    inputs, targets = size.inputs, size.targets

    @torch.no_grad()
    def fitness(individual: numpy.ndarray) -> tuple[float]:
        nn.utils.vector_to_parameters(torch.from_numpy(individual), parameters)
        return (-functional.cross_entropy(module(inputs), targets).item(),)

    return fitness


class PlainDeapLists(Peer):
    """DEAP as its tutorials have it: lists of floats, DEAP's own operators, and a torch loop.

    Nothing differs from the job. Two of three Python calls a weight are DEAP's own loops.
    """

    name = "plain DEAP, lists"
    packages = ("deap",)
    reach = 2_000_000  # weights in a population whose generation takes some seconds

    def limit(self, size: Size) -> int:
        """Return how many individuals give a figure within seconds."""
        return max(4, min(size.population, self.reach // size.weights))

    def prepare(self, size: Size) -> Generation:
        """Return the body of ``eaSimple``'s loop."""
        toolbox = self.toolbox(size)
        population = [_list_individual(row) for row in size.ancestors().tolist()]
        _evaluate_invalid(population, toolbox)

        return _simple_generation(population, toolbox)

    def toolbox(self, size: Size) -> base.Toolbox:
        """Return DEAP's toolbox with the four parts of the job."""
        fitness = _torch_fitness(size)
        toolbox = base.Toolbox()
        toolbox.register("mate", tools.cxUniform, indpb=SWAP_PROBABILITY)
        toolbox.register(
            "mutate", tools.mutGaussian, mu=0.0, sigma=SIGMA, indpb=MUTATION_PROBABILITY
        )
        toolbox.register("select", tools.selTournament, tournsize=TOURNAMENT)
        toolbox.register(
            "evaluate", lambda weights: fitness(numpy.asarray(weights, dtype=numpy.float32))
        )
        return toolbox


def _list_individual(row: list[float]) -> list[float]:
    if "ListIndividual" not in vars(creator):
        creator.create("ListFitness", base.Fitness, weights=(1.0,))
        creator.create("ListIndividual", list, fitness=creator.ListFitness)
    individual: list[float] = creator.ListIndividual(row)
    return individual


class PyGad(Peer):
    """``pygad.GA`` with the fitness function of the documentation of ``pygad.torchga``.

    Differs in: mutation adds uniform noise (there is no gaussian operator), of the same standard
    deviation, to exactly 10 % of the genes; a pair has one child, not two.
    """

    name = "PyGAD"
    packages = ("pygad",)
    reach = 2_000_000  # weights in a population whose generation takes some seconds

    def available(self, size: Size) -> str | None:
        """Return why this size cannot be run here, or None."""
        if size.weights > self.reach:
            return "takes minutes for a few individuals: one Python call for each mutated weight"
        return super().available(size)

    def limit(self, size: Size) -> int:
        """Return how many individuals give a figure within seconds."""
        return min(size.population, self.reach // size.weights)

    def prepare(self, size: Size) -> Generation:
        """Return the body of the loop in ``pygad.GA.run``.

        ``run`` itself scores the population once more whenever it is called.
        """
        algorithm = self.algorithm(size)
        algorithm.last_generation_fitness = algorithm.cal_pop_fitness()

        def generation() -> float:
            algorithm.run_select_parents()
            algorithm.run_crossover()
            algorithm.run_mutation()
            algorithm.run_update_population()
            algorithm.previous_generation_fitness = algorithm.last_generation_fitness.copy()
            algorithm.last_generation_fitness = algorithm.cal_pop_fitness()
            return float(algorithm.last_generation_fitness.max())

        return generation

    def algorithm(self, size: Size) -> Any:
        """Return the configured ``pygad.GA``."""
        import pygad

        width = SIGMA * 3**0.5  # a uniform distribution of standard deviation sigma
        return pygad.GA(
            num_generations=1,
            num_parents_mating=size.population,
            fitness_func=_pygad_fitness(size),
            initial_population=size.ancestors().numpy(),
            gene_type=numpy.float32,
            parent_selection_type="tournament",
            K_tournament=TOURNAMENT,
            keep_parents=0,
            keep_elitism=0,
            crossover_type="uniform",
            mutation_type="random",
            mutation_percent_genes=100 * MUTATION_PROBABILITY,
            random_mutation_min_val=-width,
            random_mutation_max_val=width,
            suppress_warnings=True,
        )


def _pygad_fitness(size: Size) -> Callable[[Any, numpy.ndarray, int], float]:
    from pygad import torchga

    module, inputs, targets = size.module(), size.inputs, size.targets

    def fitness(algorithm: object, solution: numpy.ndarray, index: int) -> float:
        predictions = torchga.predict(model=module, solution=solution, data=inputs)
        return -functional.cross_entropy(predictions, targets).item()

    return fitness


class EvoTorchGA(Peer):
    """``evotorch.algorithms.GeneticAlgorithm`` with a fitness under ``torch.vmap``.

    Differs in: crossover is at one point (there is no uniform operator), which is less work.
    """

    name = "EvoTorch GA"
    packages = ("evotorch",)
    chunk = 64  # networks under one vmap: faster than all at once, but for the smallest

    def prepare(self, size: Size) -> Generation:
        """Return the algorithm's step."""
        algorithm = self.algorithm(size)
        algorithm.population.set_values(size.ancestors())

        def generation() -> float:
            algorithm.step()
            return float(algorithm.population.evals.max())

        return generation

    def algorithm(self, size: Size) -> Any:
        """Return the configured ``GeneticAlgorithm``: children replace their parents."""
        from evotorch import Problem
        from evotorch.algorithms import GeneticAlgorithm
        from evotorch.decorators import vectorized
        from evotorch.operators import GaussianMutation, OnePointCrossOver

        logging.getLogger("evotorch").setLevel(logging.WARNING)
        problem = Problem(
            "max",
            vectorized(evotorch_fitness(size)),
            solution_length=size.weights,
            initial_bounds=(-SIGMA, SIGMA),
            dtype=torch.float32,
        )
        operators = [
            OnePointCrossOver(problem, tournament_size=TOURNAMENT),
            GaussianMutation(problem, stdev=SIGMA, mutation_probability=MUTATION_PROBABILITY),
        ]
        return GeneticAlgorithm(
            problem,
            operators=operators,
            popsize=size.population,
            elitist=False,
            re_evaluate=False,
        )


def evotorch_fitness(size: Size) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return minus the loss ``[n]`` as a function of weights ``[n, P]``, under ``torch.vmap``."""
    from evotorch.neuroevolution.net import make_functional_module

    network = make_functional_module(size.module(), disable_autograd_tracking=True)
    inputs, targets = size.inputs, size.targets

    def score(weights: torch.Tensor) -> torch.Tensor:
        return -functional.cross_entropy(network(weights, inputs), targets)

    return torch.vmap(score, chunk_size=EvoTorchGA.chunk if size.weights > 1_000 else None)


PEERS: tuple[Peer, ...] = (PlainDeapLists(), PlainDeap(), PyGad(), EvoTorchGA(), EvosaxSimpleGA())
