"""The immutable handle behind an individual: weights, or the recipe that makes them.

A node is a leaf that holds weights, or a recipe ``(operator, parents, seed, parameters)`` of a few
dozen bytes. Handles share nodes, so cloning costs nothing; a recipe that has been made may be
*settled*: it keeps the weights, and drops its parents, under the same digest.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from deapnets.genomes.layout import Layout

DEEPEST = 4
"""A recipe nests at most so deep: the operand of a deeper one is made first."""

Parameters = tuple[tuple[str, Any], ...]


class Core(Protocol):
    """What a recipe needs of its operator: see `deapnets.operators.contract.Operator`."""

    @property
    def reference(self) -> str:
        """``module:name`` under which the operator is found again."""

    @property
    def keep(self) -> bool:
        """Whether its result is stored instead of made again."""

    def make(
        self, rows: Sequence[torch.Tensor], seeds: np.ndarray, parameters: Parameters
    ) -> torch.Tensor:
        """Return the children ``[n, P]`` of the parents' ``rows``, each ``[n, P]``."""


@functools.lru_cache(maxsize=1024)
def _recipe_bytes(reference: str, parameters: Parameters) -> bytes:
    """Return the part of a digest that recipes share; equal parameters give equal bytes."""
    plain = tuple((name, _plain(value)) for name, value in parameters)
    return f"{reference} {plain!r} ".encode()


def _plain(value: Any) -> Any:
    """Return one value for all that are equal: 1, 1.0 and True are the same parameter."""
    return int(value) if isinstance(value, int | float) and value % 1 == 0 else value


class Recipe(NamedTuple):
    """How a child's weights come about."""

    operator: Core
    parents: tuple[Node, ...]
    seed: int
    parameters: Parameters


class Node:
    """Weights of one network, or the recipe for them.

    Parameters
    ----------
    layout
        What the vector's elements are.
    weights
        Float32 ``[P]``, or None for a recipe.
    recipe
        None for a leaf.
    """

    __slots__ = ("__weakref__", "_digest", "depth", "layout", "recipe", "weights")

    def __init__(
        self, layout: Layout, weights: torch.Tensor | None = None, recipe: Recipe | None = None
    ) -> None:
        self.layout = layout
        self.weights = weights
        self.recipe = recipe
        self.depth: int = 0 if recipe is None else 1 + max(p.depth for p in recipe.parents)
        self._digest: str | None = None

    @property
    def digest(self) -> str:
        """Hexadecimal name of the node, 32 digits: equal for equal recipes and equal weights."""
        if self._digest is None:
            self._digest = self._hash()
        return self._digest

    def _hash(self) -> str:
        state = hashlib.blake2b(digest_size=16)
        if self.recipe is None:
            assert self.weights is not None  # one of the two is always there
            state.update(self.weights.detach().cpu().numpy().tobytes())
            return state.hexdigest()
        operator, parents, seed, parameters = self.recipe
        state.update(_recipe_bytes(operator.reference, parameters))
        state.update(" ".join((str(seed), *(p.digest for p in parents))).encode())
        return state.hexdigest()

    def settle(self, weights: torch.Tensor) -> None:
        """Become a leaf that holds ``weights`` ``[P]`` and let the parents go; same digest."""
        self._digest = self.digest
        self.weights = weights
        self.recipe = None
        self.depth = 0

    def __reduce__(self) -> tuple[Any, ...]:
        weights = None if self.weights is None else self.weights.detach().cpu().numpy()
        return _restored, (self.layout, weights, self.recipe, self.digest)


def _restored(
    layout: Layout, weights: np.ndarray | None, recipe: Recipe | None, digest: str
) -> Node:
    """Return a node as it was pickled; the weights come back on the CPU."""
    node = Node(layout, None if weights is None else torch.from_numpy(weights), recipe)
    node._digest = digest
    return node
