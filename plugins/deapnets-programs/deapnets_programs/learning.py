"""Networks that learn by a rule: many rules, and many tasks, as one batch.

The network has two layers, ``tanh`` between them; each layer is a matrix whose last column is the
bias. In every step

1. rows are drawn, and noise N(0, 1) for every weight: the same for all rules;
2. the network is scored twice on these rows: at its weights plus, and minus, `WIDTH` times the
   noise;
3. ``cost`` is the mean of both, ``change`` their difference divided by twice the width: the slope
   of the cost along the noise. Both are one number for the whole network;
4. every weight is changed by `RATE` times what the rule says of ``x`` (what comes in through it),
   ``y`` (what its unit gives), ``w`` (itself), ``noise`` (its own), ``step`` (part of the steps
   that are left, from 1 to 0), ``cost`` and ``change``: for every row of the batch, and the mean
   over rows counts.

There is no error signal and no gradient: nothing says what a unit should have given.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch

from deapnets.machine.threads import one_thread
from deapnets.programs.compiling import Programs
from deapnets.programs.functions import primitive_set
from deapnets.programs.spaces import ProgramSpace
from deapnets_programs.tasks import INPUTS, OUTPUTS, Tasks

HIDDEN = 8
"""Units between the layers."""

WIDTH = 0.02
"""How far the network is perturbed along the noise to see how its cost changes."""

RATE = 0.01
"""What a rule's value is multiplied by: without it nearly every random rule blows weights up."""

BATCH = 16
"""Rows of a step."""

ROWS, COLUMNS = max(HIDDEN, OUTPUTS), 1 + max(INPUTS, HIDDEN)
"""Shape that both layers' matrices have here; what is not theirs is 0 and stays so."""

ARGUMENTS = ("x", "y", "w", "noise", "step", "cost", "change")

FUNCTIONS = ("add", "sub", "mul", "aq", "neg", "abs", "sign", "tanh", "sqrt", "square")

Update = Callable[..., torch.Tensor]


def rule_space(height: int = 7, size: int = 30) -> ProgramSpace:
    """Return the rules: programs of what a weight has at hand, whose value is the weight's change.

    They are compared where they are used: on numbers of the sizes that a network meets.
    """
    pset = primitive_set("rule", ARGUMENTS, FUNCTIONS, _constant)
    generator = torch.Generator().manual_seed(20261124)
    drawn = torch.randn(len(ARGUMENTS), 64, generator=generator, dtype=torch.float64)
    probe = {name: drawn[at] for at, name in enumerate(ARGUMENTS)}
    probe["w"] = 0.5 * probe["w"]
    probe["step"] = torch.rand(64, generator=generator, dtype=torch.float64)
    probe["cost"] = probe["cost"].abs()
    return ProgramSpace(
        pset, height=height, size=size, least=1, most=4, probe=[probe[name] for name in ARGUMENTS]
    )


def _constant() -> float:
    """Return a constant of any size and sign: from 0.01 to 10, evenly on a scale of powers."""
    value = 10.0 ** random.uniform(-2.0, 1.0)
    return float(f"{random.choice((-value, value)):.3g}")


@final
@dataclass(frozen=True)
class Lesson:
    """How learning goes on, whatever the rule.

    Parameters
    ----------
    tasks
        What is learned.
    steps
        Steps of each.
    seed
        Of initial weights, rows and noise.
    """

    tasks: Tasks
    steps: int
    seed: int

    def start(self) -> torch.Tensor:
        """Return initial weights ``[2, T, ROWS, COLUMNS]``: N(0, 1 / inputs of the layer)."""
        generator = torch.Generator().manual_seed(self.seed)
        drawn = torch.randn(2, len(self.tasks), ROWS, COLUMNS, generator=generator)
        scales = torch.tensor([INPUTS, HIDDEN]).rsqrt()[:, None, None, None]
        return drawn * scales * mask()

    def draws(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the rows ``[steps, BATCH]`` and the generator's seeds of the noise ``[steps]``."""
        generator = torch.Generator().manual_seed(self.seed + 1)
        rows = torch.randint(self.tasks.inputs.shape[1], (self.steps, BATCH), generator=generator)
        return rows, torch.randint(1 << 40, (self.steps,), generator=generator)


def mask() -> torch.Tensor:
    """Return which weights the layers have, ``[2, 1, ROWS, COLUMNS]``: 1.0 and 0.0.

    Inputs come first in a row, then zeros, the bias last.
    """
    there = torch.zeros(2, 1, ROWS, COLUMNS)
    there[0, :, :HIDDEN, :INPUTS] = 1.0
    there[0, :, :HIDDEN, -1] = 1.0
    there[1, :, :OUTPUTS, :HIDDEN] = 1.0
    there[1, :, :OUTPUTS, -1] = 1.0
    return there


def padded(values: torch.Tensor) -> torch.Tensor:
    """Return a layer's inputs ``[..., n]`` as ``[..., COLUMNS]``: zeros behind, and 1 for bias."""
    room = values.new_zeros(*values.shape[:-1], COLUMNS - 1 - values.shape[-1])
    return torch.cat([values, room, values.new_ones(*values.shape[:-1], 1)], -1)


def forward(weights: torch.Tensor, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return hidden units ``[..., rows, HIDDEN]`` and outputs ``[..., rows, OUTPUTS]``.

    ``weights [..., 2, T, ROWS, COLUMNS]``, ``inputs [T, rows, COLUMNS]`` as `padded` gives them.
    """
    first, second = weights.unbind(-4)
    hidden = torch.tanh(inputs @ first[..., :HIDDEN, :].transpose(-1, -2))
    there = torch.cat([second[..., :OUTPUTS, :HIDDEN], second[..., :OUTPUTS, -1:]], -1)
    outputs = torch.cat([hidden, torch.ones_like(hidden[..., :1])], -1) @ there.transpose(-1, -2)
    return hidden, outputs


@torch.no_grad()
def learn(rules: Sequence[Sequence[object]], space: ProgramSpace, lesson: Lesson) -> torch.Tensor:
    """Return the scores ``[n, T]`` on test rows of networks that learned by each of the rules.

    ``rules`` are programs of `rule_space`. See `deapnets_programs.tasks.Tasks.scores`.
    """
    compiled = [Programs([rule], space.pset) for rule in rules]
    updates = [_update_of(programs) for programs in compiled]
    return follow(updates, lesson)


def _update_of(programs: Programs) -> Update:
    return lambda *given: next(iter(programs.run(*given)))[1]


@torch.no_grad()
def follow(updates: Sequence[Update], lesson: Lesson) -> torch.Tensor:
    """Return the scores ``[n, T]`` of networks that learned by functions of `ARGUMENTS`.

    A function gets tensors that broadcast to ``[2, T, BATCH, ROWS, COLUMNS]`` (layers, tasks, rows
    of the batch, units, what comes in), and returns one that does, or a number.
    """
    tasks = lesson.tasks
    inputs, tests = padded(tasks.inputs), padded(tasks.test_inputs)
    weights = lesson.start().expand(len(updates), -1, -1, -1, -1).clone()
    there, generator = mask(), torch.Generator()
    rows, seeds = lesson.draws()
    with one_thread():
        for number in range(lesson.steps):
            generator.manual_seed(int(seeds[number]))
            noise = torch.randn(weights.shape[1:], generator=generator) * there
            chosen, targets = inputs[:, rows[number]], tasks.targets[:, rows[number]]
            given = _seen(weights, noise, chosen, targets, tasks)
            step = torch.tensor(1.0 - number / lesson.steps)
            for own, update in enumerate(updates):
                x, y, cost, change = (values[own] for values in given)
                moved = update(
                    x, y, weights[own][:, :, None], noise[:, :, None], step, cost, change
                )
                weights[own].addcmul_(_mean_of_rows(moved), there, value=RATE)
        _, outputs = forward(weights, tests)
        return tasks.scores(tasks.costs(outputs, tasks.test_targets))


def _seen(
    weights: torch.Tensor,
    noise: torch.Tensor,
    chosen: torch.Tensor,
    targets: torch.Tensor,
    tasks: Tasks,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return x, y, cost and change of every rule's networks: a network's own, each ``[n, ...]``."""
    moves = WIDTH * noise
    three = torch.stack([weights + moves, weights - moves, weights])
    hidden, outputs = forward(three, chosen)
    above, below = tasks.costs(outputs[:2], targets)
    hidden, outputs = hidden[2], outputs[2]
    first = chosen.expand(len(weights), *chosen.shape)
    x = torch.stack([first, padded(hidden)], 1)[:, :, :, :, None, :]
    y = torch.stack([_units(hidden), _units(outputs)], 1)[..., None]
    cost = (0.5 * (above + below))[:, None, :, None, None, None]
    change = ((above - below) / (2 * WIDTH))[:, None, :, None, None, None]
    return x, y, cost, change


def _mean_of_rows(moved: torch.Tensor) -> torch.Tensor:
    """Return what is to be added, ``[2, T, ROWS, COLUMNS]`` or 1 where it is the same for all."""
    if moved.ndim < 5:
        return moved  # a number, or one that depends on the step alone
    return moved.mean(2) if moved.shape[2] > 1 else moved[:, :, 0]


def _units(values: torch.Tensor) -> torch.Tensor:
    room = values.new_zeros(*values.shape[:-1], ROWS - values.shape[-1])
    return torch.cat([values, room], -1)
