"""``init...``: individuals from a module."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from deapnets.errors import OptionError, unknown
from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node
from deapnets.genomes.parts import Patterns
from deapnets.operators.ancestors import ancestor_among, ancestor_of
from deapnets.operators.contract import deviation, operator
from deapnets.operators.states import several
from deapnets.randomness import Draw

Trained = Mapping[str, Any] | nn.Module
"""A state_dict, of tensors or numpy arrays, or a module in place of its own."""

SPREADS = ("ancestor", "independent")


def initWeights(
    container: Callable[[Node], Any],
    module: nn.Module,
    sigma: float,
    spread: str = "ancestor",
    *,
    parameters: Patterns = None,
    state_dicts: Trained | Iterable[Trained] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Any:
    """Return an individual whose weights are drawn round those of ``module``.

    Register it with the class and the network, and hand it to ``tools.initRepeat``. Parameters that
    are not evolved stay as they are in the module, shared by all individuals.

    Parameters
    ----------
    container
        The individual's class, from ``creator.create(..., WeightGenome, ...)``.
    module
        The network; its present parameters are the common ancestor.
    sigma
        Deviation of the gaussian noise on every weight; 0 gives the ancestor itself.
    spread
        ``"ancestor"`` adds the noise to the module's parameters; ``"independent"`` draws every
        weight of every individual from N(0, sigma) anew.
    parameters
        Which parameters are evolved, of those that require a gradient: a pattern of their names
        such as ``"head.*"``, or several; None for all of them.
    state_dicts
        Trained weights to start from instead of the module's own, one state_dict or a list of them,
        of tensors or numpy arrays; a module stands for its own. The ancestor of each individual is
        one of them, drawn with equal chances. For as many of each, register one function a
        state_dict and use ``tools.initCycle``.
    dtype
        What weights are stored in: `torch.float32`, or `torch.bfloat16` for half the memory.

    Raises
    ------
    OptionError
        When ``spread`` or ``dtype`` is unknown, ``sigma`` is negative, ``state_dicts`` is empty, no
        state_dicts at all or comes with ``spread="independent"``; when ``parameters`` are no
        patterns.
    LayoutError
        When the module has no parameter to evolve, or one that cannot be exchanged; when a
        pattern selects nothing; when a state_dict is not this module's, or differs in a part that
        is not evolved.

    Notes
    -----
    One 64-bit seed an individual is drawn from Python's `random`; before it, with several
    ``state_dicts``, the number of one of them.

    Examples
    --------
    >>> import torch
    >>> import deapnets as dn
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    >>> len(dn.initWeights(dn.WeightGenome, net, sigma=0.1))
    26
    >>> len(dn.initWeights(dn.WeightGenome, net, sigma=0.1, parameters="2.*"))
    10
    """
    if spread not in SPREADS:
        raise OptionError(unknown("spread", spread, SPREADS))
    around = spread == "ancestor"
    states = None if state_dicts is None else several(state_dicts)
    layout = Layout.of(module, parameters, dtype)
    if states is None:
        ancestor = ancestor_of(module, layout)
    elif around and states:
        ancestor = ancestor_among(module, layout, states)
    else:
        raise OptionError(
            "initWeights starts from state_dicts only with at least one of them and "
            f'spread="ancestor"; got {len(states)} and spread="{spread}".'
        )
    settings = initGaussian.parameters(sigma=sigma, around=around)
    if around and sigma == 0:
        return container(ancestor)
    return container(initGaussian.child((ancestor,), random.getrandbits(64), settings))


@operator(parents=1, sigma=deviation)
def initGaussian(
    rows: list[torch.Tensor], draw: Draw, *, sigma: float, around: bool
) -> torch.Tensor:
    """Return noise of deviation ``sigma``, added to the ancestor when ``around``."""
    noise = draw.noise(sigma)
    return noise.add_(rows[0]) if around else noise
