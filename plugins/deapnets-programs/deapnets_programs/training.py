"""Small networks trained by Adam, the networks of all seeds as one batch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch.nn import functional

from deapnets.evaluators.splits import Split, Splits
from deapnets.machine.threads import one_thread

Activation = Callable[[torch.Tensor], torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor, float], torch.Tensor]
"""Of outputs ``[S, rows, classes]``, labels ``[rows]`` and the part of the steps that is left; it
returns ``[S]``, to be minimised."""


@final
@dataclass(frozen=True)
class Course:
    """How networks are trained.

    Parameters
    ----------
    splits
        Inputs ``[rows, ...]`` and labels.
    hidden
        Units of the hidden layers.
    classes
        Classes.
    steps
        Steps of Adam.
    rate
        Step size at the start; it falls to nothing by half a cosine.
    batch
        Images of a step, the same for all networks.
    """

    splits: Splits
    hidden: tuple[int, ...] = (32, 32)
    classes: int = 10
    steps: int = 300
    rate: float = 3e-3
    batch: int = 64


def cross_entropy(outputs: torch.Tensor, labels: torch.Tensor, left: float) -> torch.Tensor:
    """Return the cross-entropies ``[S]``."""
    wanted = labels.expand(outputs.shape[:2])
    return functional.cross_entropy(outputs.transpose(1, 2), wanted, reduction="none").mean(1)


def train(
    course: Course, seeds: Sequence[int], activation: Activation, loss: Loss = cross_entropy
) -> torch.Tensor:
    """Return the trained weights ``[S, P]`` of a network a seed.

    A seed's initial weights are He's: N(0, 2 / inputs of the layer), biases 0 (He et al. 2015,
    arXiv 1502.01852); rows are drawn from the first seed.
    """
    inputs, labels = course.splits.train.inputs.flatten(1), course.splits.train.targets
    sizes = [inputs.shape[1], *course.hidden, course.classes]
    weights = torch.stack([_initial(sizes, seed) for seed in seeds]).requires_grad_()
    optimiser = torch.optim.Adam([weights], lr=course.rate)
    generator = torch.Generator().manual_seed(seeds[0])
    with one_thread():
        for number in range(course.steps):
            left = 1.0 - number / course.steps
            optimiser.param_groups[0]["lr"] = course.rate * 0.5 * (1 - math.cos(math.pi * left))
            rows = torch.randint(len(labels), (course.batch,), generator=generator)
            outputs = forward(weights, inputs[rows], sizes, activation)
            values = loss(outputs, labels[rows], left)
            if not bool(torch.isfinite(values).all()):
                break
            optimiser.zero_grad()
            values.sum().backward()
            optimiser.step()
    return weights.detach()


@torch.no_grad()
def accuracies(
    weights: torch.Tensor, course: Course, split: Split, activation: Activation
) -> torch.Tensor:
    """Return the accuracies ``[S]`` in [0, 1]; 0 for a network whose outputs are not finite."""
    inputs = split.inputs.flatten(1)
    sizes = [inputs.shape[1], *course.hidden, course.classes]
    outputs = forward(weights, inputs, sizes, activation)
    right = (outputs.argmax(-1) == split.targets).double().mean(1)
    return torch.where(torch.isfinite(outputs).all(-1).all(-1), right, 0.0)


def forward(
    weights: torch.Tensor, inputs: torch.Tensor, sizes: Sequence[int], activation: Activation
) -> torch.Tensor:
    """Return outputs ``[S, rows, classes]`` of networks ``[S, P]``."""
    values = inputs.expand(len(weights), *inputs.shape)
    at = 0
    for layer, (before, after) in enumerate(itertools.pairwise(sizes)):
        matrix = weights[:, at : at + before * after].view(-1, before, after)
        at += before * after
        bias = weights[:, None, at : at + after]
        at += after
        values = torch.baddbmm(bias, values, matrix)
        if layer < len(sizes) - 2:
            values = activation(values)
    return values


def _initial(sizes: Sequence[int], seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for before, after in itertools.pairwise(sizes):
        parts.append(torch.randn(before * after, generator=generator) * math.sqrt(2.0 / before))
        parts.append(torch.zeros(after))
    return torch.cat(parts)
