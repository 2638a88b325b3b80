"""``init...``: individuals from a module."""

from __future__ import annotations

import random
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from deapnets.errors import OptionError, unknown
from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node
from deapnets.operators.contract import deviation, operator
from deapnets.randomness import Draw

SPREADS = ("ancestor", "independent")


def initWeights(
    container: Callable[[Node], Any], module: nn.Module, sigma: float, spread: str = "ancestor"
) -> Any:
    """Return an individual whose weights are drawn round those of ``module``.

    Register it with the class and the network, and hand it to ``tools.initRepeat``. Parameters that
    do not require a gradient stay as they are in the module, shared by all individuals.

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

    Raises
    ------
    OptionError
        When ``spread`` is unknown or ``sigma`` is negative.
    LayoutError
        When the module has no parameter to evolve, or one that is no floating-point tensor.

    Notes
    -----
    One 64-bit seed an individual is drawn from Python's `random`.
    """
    if spread not in SPREADS:
        raise OptionError(unknown("spread", spread, SPREADS))
    ancestor = ancestor_of(module)
    around = spread == "ancestor"
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


_ancestors: weakref.WeakKeyDictionary[nn.Module, Node] = weakref.WeakKeyDictionary()


def ancestor_of(module: nn.Module) -> Node:
    """Return the leaf of the module's present parameters; one node while they do not change."""
    layout = Layout.of(module)
    known = _ancestors.get(module)
    if known is None or known.layout is not layout or not _still(module, known):
        known = Node(layout, layout.flatten(module))
        _ancestors[module] = known
    return known


def _still(module: nn.Module, node: Node) -> bool:
    """Return whether the module's parameters are those of ``node``."""
    if node.weights is None:
        return False
    held = node.layout.split(node.weights)
    own = dict(module.named_parameters())
    return all(
        torch.equal(own[name].detach().to(value.device, value.dtype), value)
        for name, value in held.items()
    )
