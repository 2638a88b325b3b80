"""One cell of the study: a rule, a noise, a control; the networks of all seeds as one batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import nn

from deapnets.evaluators import losses
from deapnets.evaluators.splits import Split
from deapnets.genomes.layout import Layout
from deapnets.networks.paths import choose_path
from deapnets.randomness import Draw, Stream
from deapnets.randomness.hashing import Words, stream_keys
from deapnets_noise.data import Binary
from deapnets_noise.rules import Rule, Step, layer_scales, rate_at, rule_of

BATCH = 128
"""Images of a mini-batch; all networks of a cell see the same one."""

BACKWARD = 2
"""What a backward pass costs, in forward passes."""


@final
@dataclass(frozen=True)
class Cell:
    """What is trained.

    Parameters
    ----------
    rule
        A name of `deapnets_noise.rules.rule_of`, or "adam": back-propagation.
    distribution, centred
        The noise, as `deapnets.randomness.Draw.noise` takes it.
    shuffled
        Whether the training labels are shuffled: a control that must stay at chance.
    rate
        Step size at the start; None for the rule's own.
    """

    rule: str = "cost"
    distribution: str = "gaussian"
    centred: bool = True
    shuffled: bool = False
    rate: float | None = None

    @property
    def name(self) -> str:
        """A name that tells the cell from every other: ``cost/gumbel/raw``."""
        how = "centred" if self.centred else "raw"
        parts = [self.rule] if self.rule == "adam" else [self.rule, self.distribution, how]
        parts += ["shuffled"] if self.shuffled else []
        return "/".join([*parts, *([] if self.rate is None else [f"rate {self.rate}"])])


def network() -> nn.Sequential:
    """Return the network of the study, 784-32-16-1, with torch's initial weights."""
    return nn.Sequential(
        nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1)
    )


def train_cell(cell: Cell, bench: Bench, epochs: int) -> torch.Tensor:
    """Return the test accuracies ``[n]`` of networks that saw ``epochs`` of forward passes.

    A step with ``k`` forward passes counts ``k`` times, a backward pass twice, so that every cell
    has the same number of them. Seed ``s`` starts from the same weights in every cell.
    """
    data = bench.data
    train = _shuffled(data.train) if cell.shuffled else data.train
    if cell.rule == "adam":
        rows = _descend(bench, train, epochs)
    else:
        rows = _follow(bench, train, epochs, rule_of(cell.rule), cell)
    return bench.accuracies(rows, data.test)


@final
class Bench:
    """The networks that every cell starts from, the way through them, and the data.

    Parameters
    ----------
    data
        Images to train with and to test.
    seeds
        How many networks: those of the seeds 1 to ``seeds``, as torch draws initial weights.
    """

    def __init__(self, data: Binary, seeds: int) -> None:
        self.data = data
        self.seeds: Words = np.arange(1, seeds + 1, dtype=np.uint64)
        module = network()
        self.layout = Layout.of(module)
        cpu = torch.device("cpu")
        self._path = choose_path(module, self.layout, cpu)
        self._differentiable = choose_path(module, self.layout, cpu, "vmap")
        self._start = torch.stack([self._drawn(seed) for seed in self.seeds.tolist()])

    def _drawn(self, seed: int) -> torch.Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.layout.flatten(network())

    def start(self) -> torch.Tensor:
        """Return a copy of the initial weights ``[n, P]``."""
        return self._start.clone()

    def costs(self, rows: torch.Tensor, part: Split) -> torch.Tensor:
        """Return the cross-entropies ``[n]`` of networks ``rows [n, P]``.

        They can be differentiated where the rows require a gradient.
        """
        path = self._differentiable if rows.requires_grad else self._path
        outputs = path.forward(self.layout.split(rows), (part.inputs,), False)
        return losses.bce_with_logits(outputs, part.targets)

    @torch.no_grad()
    def accuracies(self, rows: torch.Tensor, split: Split) -> torch.Tensor:
        """Return the accuracies ``[n]``, in [0, 1]."""
        outputs = self._path.forward(self.layout.split(rows), (split.inputs,), False)
        return losses.hits(outputs, split.targets) / len(split)


@torch.no_grad()
def _follow(bench: Bench, train: Split, epochs: int, rule: Rule, cell: Cell) -> torch.Tensor:
    """Return the weights ``[n, P]`` after a rule has spent its forward passes."""
    rows, scales = bench.start(), layer_scales(bench.layout)
    start = rule.rate if cell.rate is None else cell.rate
    steps = _steps(train, epochs, rule.evaluations)
    for number, part in enumerate(_batches(train, steps)):
        progress = number / steps
        draw = Draw(stream_keys(bench.seeds, number)[0], rows.shape[1])
        noise = [
            draw.noise(distribution=cell.distribution, centred=cell.centred)
            for _ in range(rule.directions)
        ]
        chance = draw.uniform().float()
        rate = rate_at(start, progress)
        step = Step(torch.stack(noise), scales, rate, progress, chance)
        proposed = rule.proposals(rows, step)
        costs = bench.costs(proposed.flatten(0, 1), part).view(proposed.shape[:2])
        rows = rule.update(rows, proposed, costs, step)
    return rows


def _descend(bench: Bench, train: Split, epochs: int) -> torch.Tensor:
    """Return the weights ``[n, P]`` after back-propagation with Adam, at its usual step size."""
    rows = bench.start().requires_grad_()
    optimiser = torch.optim.Adam([rows], lr=1e-3)
    for part in _batches(train, _steps(train, epochs, 1 + BACKWARD)):
        optimiser.zero_grad()
        bench.costs(rows, part).sum().backward()
        optimiser.step()
    return rows.detach()


def _steps(train: Split, epochs: int, price: int) -> int:
    """Return how many steps of a price are ``epochs`` forward passes of all images."""
    return epochs * (len(train) // BATCH) // price


def _batches(train: Split, steps: int) -> Iterator[Split]:
    """Yield the mini-batches; each epoch has an order of its own, the same in all cells."""
    lots: list[torch.Tensor] = []
    epoch = 0
    for _ in range(steps):
        if not lots:
            order = Stream(7, epoch).permutation(len(train))
            lots = list(order[: len(order) // BATCH * BATCH].split(BATCH))
            epoch += 1
        yield train.take(lots.pop(0))


def _shuffled(train: Split) -> Split:
    order = Stream(11).permutation(len(train))
    return Split(train.inputs, train.targets[order])
