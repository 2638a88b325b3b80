"""Small random tasks, all of one shape, so that networks learn many of them as one batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch

INPUTS, OUTPUTS = 4, 2
"""Numbers that a task gives and wants."""

FAMILIES = ("teacher", "products", "waves", "half-spaces", "shells", "blobs")
"""Three kinds of regressions, then three of classifications; a task is one of them, drawn anew."""

REGRESSIONS = FAMILIES[:3]


@final
@dataclass(frozen=True)
class Tasks:
    """Tasks of one shape.

    Attributes
    ----------
    names
        Family and number of each: ``"waves 3"``.
    inputs, targets
        Rows to learn from, ``[T, rows, INPUTS]`` of mean 0 and deviation about 1, and ``[T, rows,
        OUTPUTS]``: numbers of mean 0 and variance 1, or one of two classes as 1 and 0.
    test_inputs, test_targets
        Rows that nothing learns from.
    classes
        ``[T]``: whether a task is a classification: its cost is the cross-entropy, that of the
        others the mean squared error.
    """

    names: tuple[str, ...]
    inputs: torch.Tensor
    targets: torch.Tensor
    test_inputs: torch.Tensor
    test_targets: torch.Tensor
    classes: torch.Tensor

    def __len__(self) -> int:
        return len(self.names)

    def costs(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the costs ``[..., T]`` of outputs ``[..., T, rows, OUTPUTS]``, to be minimised."""
        errors = torch.square(outputs - targets).mean((-2, -1))
        logs = outputs.log_softmax(-1)
        entropies = -(logs * targets).sum(-1).mean(-1)
        return torch.where(self.classes, entropies, errors)

    def trivial(self) -> torch.Tensor:
        """Return the test costs ``[T]`` of the best answer that looks at no input."""
        mean = self.targets.mean(1, keepdim=True)
        answer = torch.where(self.classes[:, None, None], mean.clamp(1e-6).log(), mean)
        return self.costs(answer.expand_as(self.test_targets), self.test_targets)

    def scores(self, costs: torch.Tensor) -> torch.Tensor:
        """Return scores of test costs ``[..., T]``: 1 for none, 0 for the trivial answer's.

        At least -1; that is also the score of a cost that is no number.
        """
        worth = 1.0 - costs / self.trivial()
        return torch.nan_to_num(worth, nan=-1.0, posinf=-1.0, neginf=-1.0).clamp(-1.0, 1.0)


def make_tasks(count: int, seed: int, rows: int = 256) -> Tasks:
    """Return tasks of all families in turn; those of two seeds have nothing in common.

    Parameters
    ----------
    count
        How many.
    seed
        What they are drawn from.
    rows
        Rows to learn from, and as many to test with.
    """
    made = [_task(FAMILIES[at % len(FAMILIES)], [seed, at], rows) for at in range(count)]
    inputs = torch.stack([x for x, _ in made])
    targets = torch.stack([y for _, y in made])
    names = [f"{FAMILIES[at % len(FAMILIES)]} {at // len(FAMILIES)}" for at in range(count)]
    classes = torch.tensor([FAMILIES[at % len(FAMILIES)] not in REGRESSIONS for at in range(count)])
    return Tasks(
        tuple(names),
        inputs[:, :rows].contiguous(),
        targets[:, :rows].contiguous(),
        inputs[:, rows:].contiguous(),
        targets[:, rows:].contiguous(),
        classes,
    )


def _task(family: str, seed: list[int], rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((2 * rows, INPUTS))
    if family == "blobs":
        x, y = _blobs(draw, 2 * rows)
    elif family in REGRESSIONS:
        y = _regression(family, draw, x)
        y = (y - y.mean(0)) / (y.std(0) + 1e-9)
    else:
        y = _halves(family, draw, x)
    return torch.from_numpy(x).float(), torch.from_numpy(y).float()


def _regression(family: str, draw: np.random.Generator, x: np.ndarray) -> np.ndarray:
    if family == "teacher":
        hidden = np.tanh(x @ draw.standard_normal((INPUTS, 6)) + draw.standard_normal(6))
        return hidden @ draw.standard_normal((6, OUTPUTS))
    if family == "products":
        forms = draw.standard_normal((OUTPUTS, INPUTS, INPUTS)) / INPUTS
        linear = x @ draw.standard_normal((INPUTS, OUTPUTS))
        return linear + np.einsum("ri,oij,rj->ro", x, forms, x)
    directions = draw.standard_normal((INPUTS, OUTPUTS)) / math.sqrt(INPUTS)
    return np.sin(1.5 * x @ directions + draw.standard_normal(OUTPUTS))


def _halves(family: str, draw: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Return two classes, as many rows each, to either side of a plane or of a shell."""
    if family == "half-spaces":
        side = np.tanh(x @ draw.standard_normal((INPUTS, 3))) @ draw.standard_normal(3)
    else:
        side = ((x * draw.uniform(0.3, 1.2, INPUTS)) ** 2).sum(1)
    first = side > np.median(side)
    return np.stack([first, ~first], 1).astype(float)


def _blobs(draw: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return four clouds, two of each class."""
    centres = 1.3 * draw.standard_normal((4, INPUTS))
    which = draw.integers(0, 4, rows)
    x = centres[which] + 0.6 * draw.standard_normal((rows, INPUTS))
    first = which % 2 == 0
    return (x - x.mean(0)) / x.std(0), np.stack([first, ~first], 1).astype(float)
