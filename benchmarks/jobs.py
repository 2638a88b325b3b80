"""One generation of a genetic algorithm on neural networks: the job that peers are timed at.

select    tournaments of 3, as many winners as there are individuals
mate      every pair: each weight changes sides with probability 0.5
mutate    every child: N(0, 0.1) is added to 10 % of its weights
evaluate  every child: minus the mean cross-entropy on fixed inputs, to be maximised
"""

import importlib.util
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import nn

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
