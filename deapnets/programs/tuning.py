"""Constants of programs, tuned: a (1+1)-ES for any score, Adam where there is a gradient."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from deap import gp

from deapnets.errors import OptionError
from deapnets.programs.compiling import Programs
from deapnets.programs.trees import (
    Nodes,
    constant_like,
    constants_of,
    is_constant,
    with_constants,
)


def tune_es(
    nodes: Sequence[Any], score: Callable[[Nodes], float], steps: int = 30, sigma: float = 0.3
) -> tuple[Nodes, float]:
    """Return the tree with constants that a (1+1)-ES found, and its score, which is maximised.

    Each step moves all constants by ``sigma`` times their size (at least 0.1) times normal noise; a
    child that is better stays. ``sigma`` grows by 1.5 where it is and shrinks by 1.5^(1/4)
    where not (Kern et al. 2004, doi:10.1023/B:NACO.0000023416.59689.4e). A tree without constants
    is scored once.

    Parameters
    ----------
    nodes
        The tree.
    score
        Of a tree; NaN is worse than everything.
    steps
        Trees that are scored beside the first.
    sigma
        First step, in parts of each constant.

    Raises
    ------
    OptionError
        When ``steps`` or ``sigma`` cannot be used.

    Notes
    -----
    Draws from Python's `random`.
    """
    if steps < 0 or not 0.0 < sigma < math.inf:
        raise OptionError(f"tune_es takes steps >= 0 and a finite sigma > 0, got {steps}, {sigma}.")
    best, worth = tuple(nodes), _worth(score(tuple(nodes)))
    values = constants_of(best)
    for _ in range(steps if values else 0):
        moved = [v + sigma * max(abs(v), 0.1) * random.gauss(0.0, 1.0) for v in values]
        child = with_constants(best, moved)
        found = _worth(score(child))
        if found > worth:
            best, worth, values = child, found, moved
            sigma *= 1.5
        else:
            sigma *= 1.5**-0.25
    return best, worth


def tune_adam(
    nodes: Sequence[Any],
    pset: Any,
    inputs: Sequence[torch.Tensor],
    loss: Callable[[torch.Tensor], torch.Tensor],
    steps: int = 50,
    rate: float = 0.05,
) -> Nodes:
    """Return the tree with the constants of the least loss on the way of Adam, to be minimised.

    Parameters
    ----------
    nodes, pset
        The tree and its primitive set.
    inputs
        A tensor for each argument.
    loss
        Of the tree's output, a number.
    steps, rate
        Of Adam.

    Raises
    ------
    OptionError
        When ``steps`` or ``rate`` cannot be used.
    """
    if steps < 0 or not 0.0 < rate < math.inf:
        raise OptionError(f"tune_adam takes steps >= 0 and a finite rate > 0, got {steps}, {rate}.")
    best = tuple(nodes)
    if not constants_of(best):
        return best
    function, constants = _open(best, pset, inputs[0])
    optimiser = torch.optim.Adam([constants], lr=rate)
    least, kept = math.inf, constants.detach().clone()
    for step in range(steps + 1):
        optimiser.zero_grad()
        value = loss(function(constants, inputs))
        now = float(value.detach())
        if now < least:
            least, kept = now, constants.detach().clone()
        if step == steps or not torch.isfinite(value) or not value.requires_grad:
            break
        value.backward()
        if constants.grad is not None:
            torch.nan_to_num_(constants.grad, 0.0, 0.0, 0.0)
        optimiser.step()
    return with_constants(best, kept.tolist())


def _open(nodes: Nodes, pset: Any, like: torch.Tensor) -> tuple[Callable[..., Any], torch.Tensor]:
    """Return the tree as a function of constants and inputs, and its constants as a parameter."""
    names = [f"constant_{at}" for at in range(len(constants_of(nodes)))]
    left = iter(names)
    opened = [_Input(next(left)) if is_constant(node) else node for node in nodes]
    programs = Programs([opened], _Opened(pset, [*pset.arguments, *names]))
    start = torch.tensor(constants_of(nodes), dtype=like.dtype, device=like.device)

    def function(constants: torch.Tensor, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return programs(*inputs, *constants.unbind())[0]

    return function, start.requires_grad_()


class _Input:
    """A constant that became an argument."""

    arity = 0

    def __init__(self, name: str) -> None:
        self.name = self.value = name


class _Opened:
    """A primitive set with further arguments."""

    def __init__(self, pset: Any, arguments: list[str]) -> None:
        self.name, self.context, self.arguments = pset.name, pset.context, arguments


def shake_constant(tree: gp.PrimitiveTree) -> tuple[gp.PrimitiveTree]:
    """Return the tree with one constant moved, in place: a little, by a factor, or to minus it.

    Draws from Python's `random`.
    """
    places = [at for at, node in enumerate(tree) if is_constant(node)]
    if places:
        at = random.choice(places)
        value = float(tree[at].value)
        kind = random.random()
        if kind < 0.15:
            value = -value
        elif kind < 0.6:
            value *= 2.0 ** random.gauss(0.0, 1.0)
        else:
            value += random.gauss(0.0, 0.1)
        tree[at] = constant_like(tree[at], value)
    return (tree,)


def _worth(score: float) -> float:
    return -math.inf if math.isnan(score) else score
