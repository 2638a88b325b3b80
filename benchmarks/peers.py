"""One generation of a genetic algorithm on neural networks, as each peer's user would write it.

The job, the same for all:

    select    tournaments of 3, as many winners as there are individuals
    mate      every pair: each weight changes sides with probability 0.5
    mutate    every child: N(0, 0.1) is added to 10 % of its weights
    evaluate  every child: minus the mean cross-entropy on fixed inputs, to be maximised

Where a library has no such operator its nearest one stands in, and the docstring of the peer says
so. Below the peers stand two floors: the matrix products alone, and DEAP's bookkeeping alone.

A peer's library is imported when it is used: the module loads where none is installed.
"""

import importlib.util
import itertools
import logging
import timeit
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, singledispatch
from typing import Any

import numpy
import torch
from deap import algorithms, base, creator, tools
from torch import nn
from torch.nn import functional

TOURNAMENT = 3
SWAP_PROBABILITY = 0.5
MUTATION_PROBABILITY = 0.1
SIGMA = 0.1

Generation = Callable[[], object]


@dataclass(frozen=True, eq=False)
class Size:
    """A population of equal networks and the data that they are scored on.

    Attributes
    ----------
    name : str
        Name in tables.
    population : int
        Number of networks.
    module : callable
        Returns a new network, an ``nn.Sequential`` with float32 parameters.
    shape : tuple of int
        Shape of one input row.
    classes : int
        Number of classes.
    batch : int
        Number of input rows.
    """

    name: str
    population: int
    module: Callable[[], nn.Sequential]
    shape: tuple[int, ...]
    classes: int
    batch: int

    @cached_property
    def weights(self) -> int:
        """Number of weights of one network."""
        return sum(parameter.numel() for parameter in self.module().parameters())

    @cached_property
    def inputs(self) -> torch.Tensor:
        """Inputs ``[batch, *shape]``, N(0, 1), float32; always the same numbers."""
        generator = torch.Generator().manual_seed(1)
        return torch.randn(self.batch, *self.shape, generator=generator)

    @cached_property
    def targets(self) -> torch.Tensor:
        """Labels ``[batch]``, int64; always the same numbers."""
        generator = torch.Generator().manual_seed(2)
        return torch.randint(self.classes, (self.batch,), generator=generator)

    def ancestors(self) -> torch.Tensor:
        """Return the first population ``[population, weights]``: N(0, 0.1), float32."""
        generator = torch.Generator().manual_seed(3)
        return SIGMA * torch.randn(self.population, self.weights, generator=generator)

    def limited(self, population: int) -> "Size":
        """Return the same size with at most `population` networks."""
        return replace(self, population=min(population, self.population))


def mlp(*sizes: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return a multi-layer perceptron, the layer sizes given from input to output."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), activation()]
    return nn.Sequential(*layers[:-1])


def deep() -> nn.Sequential:
    """Return the two-convolution network for 28 x 28 images; 3,274,634 weights."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(3136, 1024),
        nn.ReLU(),
        nn.Linear(1024, 10),
    )


SIZES = (
    Size("xor", 300, lambda: mlp(2, 4, 2, activation=nn.Tanh), (2,), 2, 4),
    Size("mlp-128", 500, lambda: mlp(784, 128, 10), (784,), 10, 1000),
    Size("mlp-25", 10_000, lambda: mlp(30, 25, 10), (30,), 10, 256),
    Size("deep", 50, deep, (1, 28, 28), 10, 64),
)


class Peer(ABC):
    """A library that the job can be written in.

    Attributes
    ----------
    name : str
        Name in tables.
    packages : tuple of str
        Distributions that it needs, which are also the names of their modules.
    """

    name: str
    packages: tuple[str, ...]

    def available(self, size: Size) -> str | None:
        """Return why this size cannot be run here, or None."""
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        return f"not installed: {', '.join(missing)}" if missing else None

    def limit(self, size: Size) -> int:
        """Return how many individuals give a figure within seconds (default: all)."""
        return size.population

    @abstractmethod
    def prepare(self, size: Size) -> Generation:
        """Return a function that runs one generation a call, on from where the last one ended.

        The first call may compile, or score the
        ancestors as well: never count it.
        """


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
            vectorized(_evotorch_fitness(size)),
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


def _evotorch_fitness(size: Size) -> Callable[[torch.Tensor], torch.Tensor]:
    from evotorch.neuroevolution.net import make_functional_module

    network = make_functional_module(size.module(), disable_autograd_tracking=True)
    inputs, targets = size.inputs, size.targets

    def score(weights: torch.Tensor) -> torch.Tensor:
        return -functional.cross_entropy(network(weights, inputs), targets)

    return torch.vmap(score, chunk_size=EvoTorchGA.chunk if size.weights > 1_000 else None)


class EvosaxSimpleGA(Peer):
    """evosax's ``SimpleGA``, a generation compiled into one step.

    Differs in: parents are drawn from the better half, not from tournaments; a pair has one
    child; gaussian noise is added to all weights, as it has no sparse mutation.
    """

    name = "evosax SimpleGA"
    packages = ("evosax", "jax", "optax")

    def prepare(self, size: Size) -> Generation:
        """Return a call of the compiled step."""
        import jax

        key = jax.random.key(0)
        step, state = self.step(size), self.state(size)

        def generation() -> float:
            nonlocal key, state
            key, state, best = step(key, state)
            jax.block_until_ready(state)
            return float(best)

        return generation

    def state(self, size: Size) -> Any:
        """Return the algorithm's state with the ancestors scored."""
        import jax

        population = _unravel_rows(size)
        fitness = jax.jit(jax.vmap(_jax_loss(size)))(population)
        algorithm, parameters = self.algorithm(size)
        return algorithm.init(jax.random.key(1), population, fitness, parameters)

    def step(self, size: Size) -> Callable[[Any, Any], tuple[Any, Any, Any]]:
        """Return ask, evaluate, tell as one compiled function of key and state."""
        import jax

        algorithm, parameters = self.algorithm(size)
        losses = jax.vmap(_jax_loss(size))

        def step(key: Any, state: Any) -> tuple[Any, Any, Any]:
            key, ask_key, tell_key = jax.random.split(key, 3)
            population, state = algorithm.ask(ask_key, state, parameters)
            loss = losses(population)
            state, _ = algorithm.tell(tell_key, population, loss, state, parameters)
            return key, state, -loss.min()

        return jax.jit(step, donate_argnums=(0, 1))

    def algorithm(self, size: Size) -> tuple[Any, Any]:
        """Return the configured ``SimpleGA`` and its parameters; it minimises."""
        import jax
        import optax
        from evosax.algorithms import SimpleGA

        solution = jax.tree.map(lambda rows: rows[0], _unravel_rows(size.limited(1)))
        algorithm = SimpleGA(size.population, solution, std_schedule=optax.constant_schedule(SIGMA))
        return algorithm, algorithm.default_params.replace(crossover_rate=SWAP_PROBABILITY)


def _unravel_rows(size: Size) -> tuple[Any, ...]:
    """Return the ancestors as JAX arrays ``[population, *shape]``, one a parameter."""
    import jax.numpy

    parameters = list(size.module().parameters())
    parts = size.ancestors().split([parameter.numel() for parameter in parameters], dim=1)
    return tuple(
        jax.numpy.asarray(part.reshape(-1, *parameter.shape).numpy())
        for part, parameter in zip(parts, parameters, strict=True)
    )


def _jax_loss(size: Size) -> Callable[[Iterable[Any]], Any]:
    """Return the mean cross-entropy as a function of one network's arrays."""
    import jax.numpy
    import optax

    layers = list(size.module())
    inputs, targets = (
        jax.numpy.asarray(size.inputs.numpy()),
        jax.numpy.asarray(size.targets.numpy()),
    )

    def loss(weights: Iterable[Any]) -> Any:
        outputs, remaining = inputs, iter(weights)
        for layer in layers:
            outputs = _jax_layer(layer, outputs, remaining)
        return optax.softmax_cross_entropy_with_integer_labels(outputs, targets).mean()

    return loss


@singledispatch
def _jax_layer(layer: nn.Module, inputs: Any, weights: Iterator[Any]) -> Any:
    """Return what a torch layer computes, in JAX; takes the weights that it needs."""
    raise TypeError(f"No JAX counterpart of {type(layer).__name__} is written here.")


@_jax_layer.register
def _(layer: nn.Linear, inputs: Any, weights: Iterator[Any]) -> Any:
    return inputs @ next(weights).T + next(weights)


@_jax_layer.register
def _(layer: nn.Conv2d, inputs: Any, weights: Iterator[Any]) -> Any:
    import jax

    padding = [(side, side) for side in layer.padding]
    outputs = jax.lax.conv_general_dilated(inputs, next(weights), layer.stride, padding)
    return outputs + next(weights)[:, None, None]


@_jax_layer.register
def _(layer: nn.MaxPool2d, inputs: Any, weights: Iterator[Any]) -> Any:
    import jax

    window = (1, 1, layer.kernel_size, layer.kernel_size)
    return jax.lax.reduce_window(inputs, -jax.numpy.inf, jax.lax.max, window, window, "VALID")


@_jax_layer.register
def _(layer: nn.Flatten, inputs: Any, weights: Iterator[Any]) -> Any:
    return inputs.reshape(len(inputs), -1)


@_jax_layer.register
def _(layer: nn.ReLU, inputs: Any, weights: Iterator[Any]) -> Any:
    import jax

    return jax.nn.relu(inputs)


@_jax_layer.register
def _(layer: nn.Tanh, inputs: Any, weights: Iterator[Any]) -> Any:
    import jax

    return jax.numpy.tanh(inputs)


PEERS: tuple[Peer, ...] = (PlainDeapLists(), PlainDeap(), PyGad(), EvoTorchGA(), EvosaxSimpleGA())


@dataclass(frozen=True)
class Floor:
    """A part of the job that nobody can leave out, as a function to time.

    Attributes
    ----------
    plan : str
        How the work is done.
    run : callable
        Does it once.
    """

    plan: str
    run: Callable[[], object]

    def __call__(self) -> object:
        """Do the work once."""
        return self.run()


def forward_floor(size: Size) -> Floor:
    """Return the matrix products of evaluating a population, its weights already in place.

    Biases and activations are left out. A multi-layer perceptron takes the fastest of two
    orientations of `torch.bmm` and three lengths of chunk, tried here on some of the networks.
    Networks with convolutions go one by one, each layer on inputs of the right shape that are
    already there, so that pooling is left out too.
    """
    stacks, inputs = _weight_stacks(size), size.inputs
    if any(stack.ndim > 3 for stack in stacks):
        layers, layer_inputs = _layers_and_inputs(size)
        return Floor("one by one", lambda: _one_by_one(stacks, layers, layer_inputs))
    product, chunk = _fastest_plan(stacks, inputs)
    plan = f"{product.__name__.strip('_').replace('_', ' ')}, {chunk} networks at once"
    return Floor(plan, lambda: _by_chunks(product, chunk, stacks, inputs))


def _weight_stacks(size: Size) -> list[torch.Tensor]:
    """Return the weights of all networks, ``[population, *shape]`` a layer; no biases."""
    parameters = list(size.module().parameters())
    parts = size.ancestors().split([parameter.numel() for parameter in parameters], dim=1)
    return [
        part.reshape(-1, *parameter.shape).contiguous()
        for part, parameter in zip(parts, parameters, strict=True)
        if parameter.ndim > 1
    ]


Product = Callable[[Sequence[torch.Tensor], torch.Tensor], torch.Tensor]


def _weights_first(stacks: Sequence[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    outputs = inputs.T.expand(len(stacks[0]), -1, -1)
    for stack in stacks:
        outputs = torch.bmm(stack, outputs)
    return outputs


def _inputs_first(stacks: Sequence[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    outputs = inputs.expand(len(stacks[0]), -1, -1)
    for stack in stacks:
        outputs = torch.bmm(outputs, stack.mT)
    return outputs


def _by_chunks(
    product: Product, chunk: int, stacks: Sequence[torch.Tensor], inputs: torch.Tensor
) -> None:
    for start in range(0, len(stacks[0]), chunk):
        product([stack[start : start + chunk] for stack in stacks], inputs)


def _fastest_plan(stacks: Sequence[torch.Tensor], inputs: torch.Tensor) -> tuple[Product, int]:
    """Return the orientation and the chunk that take least time on some of the networks."""
    big = sum(stack[0].numel() for stack in stacks) > 10_000
    chunks = (16, 32, 64) if big else (64, 256, 1024)
    sample = [stack[: 2 * chunks[-1]] for stack in stacks]
    plans = itertools.product((_weights_first, _inputs_first), chunks)

    def seconds(plan: tuple[Product, int]) -> float:
        return min(timeit.repeat(lambda: _by_chunks(*plan, sample, inputs), number=1, repeat=4))

    return min(plans, key=seconds)


@torch.no_grad()
def _layers_and_inputs(size: Size) -> tuple[list[nn.Module], list[torch.Tensor]]:
    """Return the layers of one network that have weights, and what goes into each."""
    layers, layer_inputs, outputs = [], [], size.inputs
    for layer in size.module():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            layers.append(layer)
            layer_inputs.append(outputs)
        outputs = layer(outputs)
    return layers, layer_inputs


def _one_by_one(
    stacks: Sequence[torch.Tensor],
    layers: Sequence[nn.Module],
    layer_inputs: Sequence[torch.Tensor],
) -> None:
    for weights in zip(*stacks, strict=True):
        for weight, layer, inputs in zip(weights, layers, layer_inputs, strict=True):
            _product(layer, inputs, weight)


def _product(layer: nn.Module, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    if isinstance(layer, nn.Conv2d):
        return functional.conv2d(inputs, weight, stride=layer.stride, padding=layer.padding)
    return functional.linear(inputs, weight)


def bookkeeping_floor(size: Size, population_factory: Callable[[Size], Sequence[Any]]) -> Floor:
    """Return DEAP's own share of a generation: select, clone, call operators that do nothing.

    Parameters
    ----------
    size : Size
        How many individuals.
    population_factory : callable
        Returns that many DEAP individuals, their fitness set.
    """
    population = population_factory(size)
    toolbox = base.Toolbox()  # its clone is copy.deepcopy
    toolbox.register("mate", lambda first, second: (first, second))
    toolbox.register("mutate", lambda individual: (individual,))
    toolbox.register("select", tools.selTournament, tournsize=TOURNAMENT)

    def generation() -> object:
        chosen = toolbox.select(population, len(population))
        return algorithms.varAnd(chosen, toolbox, cxpb=1.0, mutpb=1.0)

    return Floor("selTournament, deepcopy, varAnd", generation)
