"""Rules that people wrote: baselines that are programs too, and references that need an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch

from deapnets.machine.threads import one_thread
from deapnets.programs.spaces import ProgramSpace
from deapnets_programs.learning import RATE, Lesson, forward, learn, mask, padded

RATES = (0.1, 0.3, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Step sizes that every rule of people is tried with, in units of `learning.RATE`; the best on the
known tasks counts."""

SCHEDULES = ("1.0", "step")
"""Step sizes that stay, and that fall to nothing."""

BASELINES = {
    "noise": "mul(cost, noise)",
    "spsa": "mul(change, noise)",
    "hebb": "neg(mul(x, y))",
    "anti-hebb": "mul(x, y)",
    "nothing": "mul(0.0, noise)",
}
"""What is stepped against, as programs: noise training (noise times cost), simultaneous
perturbation (Spall 1992, doi:10.1109/9.119632), Hebb's rule and its reverse (1949)."""

REFERENCES = ("delta", "backprop")
"""Rules that are told the error: of the last layer alone, and of both; no program can be these."""


@final
@dataclass(frozen=True)
class Tuned:
    """A rule of people at its best step size.

    Attributes
    ----------
    name
        Of `BASELINES` or `REFERENCES`.
    text
        The program, or for a reference the step size in words.
    scores
        ``[lessons, T]`` on the test rows of the other tasks.
    """

    name: str
    text: str
    scores: torch.Tensor


def candidates(name: str) -> list[str]:
    """Return a baseline with each step size and schedule."""
    rule = BASELINES[name]
    return [f"mul(mul({-rate}, {schedule}), {rule})" for schedule in SCHEDULES for rate in RATES]


def tuned_baseline(
    name: str, space: ProgramSpace, known: Sequence[Lesson], unseen: Sequence[Lesson]
) -> Tuned:
    """Return a baseline with the step size and schedule that are best on known lessons."""
    texts = candidates(name)
    programs = [space.parse_genes(text) for text in texts]
    means = torch.stack([learn(programs, space, lesson).mean(1) for lesson in known]).mean(0)
    best = int(means.argmax())
    scores = torch.cat([learn([programs[best]], space, lesson) for lesson in unseen])
    return Tuned(name, texts[best], scores)


def tuned_reference(name: str, known: Sequence[Lesson], unseen: Sequence[Lesson]) -> Tuned:
    """Return a reference with the step size that is best on known lessons."""
    means = torch.stack([descend(lesson, RATES, name).mean(1) for lesson in known]).mean(0)
    best = RATES[int(means.argmax())]
    scores = torch.cat([descend(lesson, [best], name) for lesson in unseen])
    return Tuned(name, f"rate {best}", scores)


def descend(lesson: Lesson, rates: Sequence[float], name: str) -> torch.Tensor:
    """Return the scores ``[rates, T]`` of gradient descent on the rows that rules see.

    ``name="delta"`` changes the last layer alone (Widrow & Hoff 1960), ``"backprop"`` both.
    """
    tasks = lesson.tasks
    inputs, tests = padded(tasks.inputs), padded(tasks.test_inputs)
    there = mask().clone()
    if name == "delta":
        there[0] = 0.0
    step = RATE * torch.tensor(rates)[:, None, None, None, None] * there
    weights = lesson.start().expand(len(rates), -1, -1, -1, -1).clone().requires_grad_()
    rows, _ = lesson.draws()
    with one_thread():
        for number in range(lesson.steps):
            _, outputs = forward(weights, inputs[:, rows[number]])
            costs = tasks.costs(outputs, tasks.targets[:, rows[number]])
            (slope,) = torch.autograd.grad(costs.sum(), weights)
            weights = (weights - step * slope).detach().requires_grad_()
        _, outputs = forward(weights.detach(), tests)
    return tasks.scores(tasks.costs(outputs, tasks.test_targets)).detach()
