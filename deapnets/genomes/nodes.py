"""The immutable handle behind an individual: weights, or the recipe that makes them.

A node is a leaf that holds weights, or a recipe ``(operator, parents, seed, parameters)`` of a few
dozen bytes. Handles share nodes, so cloning costs nothing; a recipe that has been made may be
*settled*: it keeps the weights, and drops its parents, under the same digest.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from deapnets.genomes.layout import Layout

DEEPEST = 4
"""A recipe nests at most so deep: the operand of a deeper one is made first."""

DEEPEST_MATE = 2
"""Operands of a crossover nest less deep: there is room for two mutations of its children."""

Parameters = tuple[tuple[str, Any], ...]


class Core(Protocol):
    """What a recipe needs of its operator: see `deapnets.operators.contract.Operator`."""

    @property
    def reference(self) -> str:
        """``module:name`` under which the operator is found again."""

    @property
    def keep(self) -> bool:
        """Whether its result is stored instead of made again."""

    @property
    def transient(self) -> bool:
        """Whether its result is never stored for its own sake."""

    def make(
        self,
        rows: Sequence[torch.Tensor],
        seeds: np.ndarray,
        parameters: Parameters,
        layout: Layout | None = None,
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
        What the vector's elements are, and what they are stored in.
    weights
        ``[P]``, or None for a recipe; rounded to the layout's dtype if they are of another.
    recipe
        None for a leaf.

    Attributes
    ----------
    block, row
        The tensor that holds the weights, None for a recipe, and which row of it they are: -1 when
        it is a vector ``[P]``.
    depth
        How deep recipes nest below: 0 for a leaf.
    """

    __slots__ = ("__weakref__", "_digest", "block", "depth", "layout", "recipe", "row")

    def __init__(
        self, layout: Layout, weights: torch.Tensor | None = None, recipe: Recipe | None = None
    ) -> None:
        self.layout = layout
        self.recipe = recipe
        self.depth = 0
        if recipe is not None:
            for parent in recipe.parents:
                if parent.depth >= self.depth:
                    self.depth = parent.depth + 1
        self.block = None if weights is None else weights.to(layout.dtype)
        self.row = -1
        self._digest: bytes | None = None

    @property
    def weights(self) -> torch.Tensor | None:
        """``[P]`` in the layout's dtype, read only, or None for a recipe."""
        if self.block is None or self.row < 0:
            return self.block
        return self.block[self.row]

    @property
    def digest(self) -> str:
        """Hexadecimal name of the node, 32 digits: equal for equal recipes and equal weights."""
        return self.digest_bytes().hex()

    def digest_bytes(self) -> bytes:
        """Return the digest as 16 bytes; hashed once."""
        if self._digest is None:
            self._digest = blake2b(self._identity(), digest_size=16).digest()
        return self._digest

    def _identity(self) -> bytes:
        """Return the bytes that tell this node from others."""
        if self.recipe is None:
            assert self.block is not None  # one of the two is always there
            weights = self.block if self.row < 0 else self.block[self.row]
            return self.layout.identity + _plain_bits(weights).tobytes()
        operator, parents, seed, parameters = self.recipe
        prefix = _recipe_bytes(operator.reference, parameters) + seed.to_bytes(8, "little")
        return prefix + b"".join([parent.digest_bytes() for parent in parents])

    def settle(self, weights: torch.Tensor, row: int = -1) -> None:
        """Become a leaf and let the parents go; same digest.

        Parameters
        ----------
        weights
            What the recipe makes: the vector ``[P]``, or rows ``[n, P]`` in the layout's dtype that
            several nodes share: they are freed together.
        row
            Which row is this node's.
        """
        self.digest_bytes()
        self.block, self.row = weights.to(self.layout.dtype), row
        self.recipe = None
        self.depth = 0

    def named(self, digest: bytes) -> Node:
        """Give a leaf that comes back the digest of the recipe it once was; return it."""
        self._digest = digest
        return self

    def move(self, device: torch.device) -> None:
        """Hold the weights on ``device``, if they are held at all."""
        weights = self.weights
        if weights is not None and weights.device != device:
            self.block, self.row = weights.to(device), -1

    def __reduce__(self) -> tuple[Any, ...]:
        weights = None if self.weights is None else _plain_bits(self.weights)
        return _restored, (self.layout, weights, self.recipe, self.digest_bytes())


def _plain_bits(weights: torch.Tensor) -> np.ndarray:
    """Return weights as numpy has them: float32, or the bits of a bfloat16 as int16."""
    there = weights.cpu()
    return (there if there.dtype == torch.float32 else there.view(torch.int16)).numpy()


def _restored(
    layout: Layout, weights: np.ndarray | None, recipe: Recipe | None, digest: bytes
) -> Node:
    """Return a node as it was pickled; the weights come back on the CPU."""
    held = None if weights is None else torch.from_numpy(weights).view(layout.dtype)
    return Node(layout, held, recipe).named(digest)
