"""`WeightGenome`: the base class of DEAP individuals that are the weights of a network."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from deap.base import Fitness
from torch import nn

from deapnets.errors import LayoutError
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import made
from deapnets.genomes.nodes import Node
from deapnets.genomes.reach import copied


class WeightGenome:
    """The weights of one network, as a handle on a shared node.

    Give it to DEAP's creator: ``creator.create("Individual", WeightGenome, fitness=...)``, and fill
    populations with `deapnets.initWeights`. Cloning shares the node, whatever the network's size;
    operators give the handle a new node; the weights are made when something asks for them.

    Parameters
    ----------
    node
        The weights or the recipe for them.

    Examples
    --------
    >>> import copy
    >>> import torch
    >>> import deapnets as dn
    >>> net = torch.nn.Linear(2, 3)
    >>> individual = dn.initWeights(dn.WeightGenome, net, sigma=0.1)
    >>> individual.weights.shape, list(individual.state_dict())
    (torch.Size([9]), ['weight', 'bias'])
    >>> clone = copy.deepcopy(individual)
    >>> clone == individual, clone.node is individual.node
    (True, True)
    >>> individual.module(net)(torch.ones(1, 2)).shape
    torch.Size([1, 3])
    """

    records: Mapping[str, Any] = MappingProxyType({})
    """What the evaluator recorded of it beside the fitness, at its last evaluation."""

    survives: bool = True
    """Whether it may be met again in a later generation; not where a strategy made it."""

    __hash__ = None  # type: ignore[assignment]  # as DEAP's own: an individual changes in place

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def layout(self) -> Layout:
        """Which parameters the weights are."""
        return self.node.layout

    @property
    def digest(self) -> str:
        """Hexadecimal name of the individual's weights, for errors, logs and comparisons."""
        return self.node.digest

    @property
    def weights(self) -> torch.Tensor:
        """A fresh copy of the weights, float32 ``[P]`` on the CPU, made on demand.

        Assigning a vector of the same length makes the individual a leaf; the fitness is the
        caller's to delete, as with DEAP's own individuals.
        """
        return made(self.node)

    @weights.setter
    def weights(self, values: torch.Tensor) -> None:
        vector = torch.as_tensor(values).detach().to("cpu", torch.float32, copy=True).reshape(-1)
        if len(vector) != self.layout.width:
            raise LayoutError(
                f"A genome of {self.layout.describe()} cannot take {len(vector):,} weights."
            )
        self.node = Node(self.layout, vector)

    def state_dict(self, net: nn.Module | None = None) -> dict[str, torch.Tensor]:
        """Return the weights under the module's parameter names, each in its shape.

        Those that are evolved; with ``net`` everything that its ``load_state_dict`` wants: what all
        individuals share, frozen parameters and buffers, is ``net``'s own.

        Raises
        ------
        LayoutError
            When ``net`` lacks one of the parameters, or has it in another shape.
        """
        if net is None:
            return self.layout.split(self.weights)
        whole = self.module(net).state_dict()
        return {name: value.clone() for name, value in whole.items()}  # tied ones: no shared memory

    def module(self, net: nn.Module) -> nn.Module:
        """Return a copy of ``net`` that carries these weights; the rest of it is ``net``'s own.

        Raises
        ------
        LayoutError
            When ``net`` lacks one of the parameters, has it in another shape, is no module or
            cannot be copied.
        """
        carrier = copied(net)
        self.layout.load(carrier, self.weights)
        return carrier

    def with_node(self, node: Node) -> WeightGenome:
        """Return a clone with other weights, and with nothing recorded; its fitness is kept."""
        clone = copy.deepcopy(self)
        clone.node, clone.records = node, MappingProxyType({})
        return clone

    def __len__(self) -> int:
        return self.layout.width

    def __eq__(self, other: object) -> bool:
        """Compare digests: no weights are made. Equal recipes are equal, whatever the class."""
        if not isinstance(other, WeightGenome):
            return NotImplemented
        return self.node is other.node or self.node.digest == other.node.digest

    def __deepcopy__(self, memo: dict[int, Any]) -> WeightGenome:
        """Return a clone that shares the node and has its own fitness and other attributes."""
        clone = type(self).__new__(type(self))
        memo[id(self)] = clone
        own = clone.__dict__
        for name, value in self.__dict__.items():
            if name in ("node", "records"):  # neither ever changes: it is replaced
                own[name] = value
            elif isinstance(value, Fitness):  # as copy.deepcopy does, without its detour
                own[name] = value.__deepcopy__(memo)
            else:
                own[name] = copy.deepcopy(value, memo)
        return clone

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.digest[:8]}, {self.layout.width:,} weights)"
