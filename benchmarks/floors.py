"""What nobody can leave out of the job: the matrix products alone, and DEAP's bookkeeping alone."""

import itertools
import timeit
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from deap import algorithms, base, tools
from jobs import TOURNAMENT, Size
from torch import nn
from torch.nn import functional


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
