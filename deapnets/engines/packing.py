"""Nodes as a few arrays: what a task carries of them, some 90 bytes a child."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from deapnets.engines import pickling
from deapnets.errors import OperatorError
from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Core, Node, Parameters, Recipe
from deapnets.operators.contract import Operator, find_operator

SHARED = ""
"""Name of the block that is the memory which all processes of a machine share."""


class Place(NamedTuple):
    """Where a leaf's weights are: a named block ``[n, P]``, and the row."""

    block: str
    row: int


class Packed(NamedTuple):
    """Nodes of one layout, and everything they are made from down to the leaves.

    Recipes stand in an order in which operands come first. An operand is the number of a recipe, or
    for a leaf minus its number, minus one.
    """

    kinds: tuple[tuple[Any, Parameters], ...]  # operators as they travel, and their parameters
    blocks: tuple[str, ...]  # names of the blocks of leaves
    leaves: np.ndarray  # int64 [leaves, 2]: which block, which row
    digests: bytes  # 16 a leaf
    codes: np.ndarray  # int32: for each recipe its kind, then its operands
    seeds: np.ndarray  # uint64 [recipes]
    roots: np.ndarray  # int32 [n]: the nodes, as operands are written


def pack(nodes: Sequence[Node], place: Callable[[Node], Place]) -> Packed:
    """Return ``nodes`` of one layout as they travel; ``place`` tells where a leaf's weights are."""
    packer = _Packer(place)
    roots = [packer.add(node) for node in nodes]
    return Packed(
        tuple((_outgoing(operator), parameters) for operator, parameters in packer.kinds),
        tuple(packer.blocks),
        np.array(packer.leaves, np.int64).reshape(-1, 2),
        b"".join(packer.digests),
        np.array(packer.codes, np.int32),
        np.array(packer.seeds, np.uint64),
        np.array(roots, np.int32),
    )


class _Packer:
    """Numbers recipes and leaves as they are met."""

    def __init__(self, place: Callable[[Node], Place]) -> None:
        self._place = place
        self._numbers: dict[int, int] = {}
        self._kinds: dict[tuple[int, Parameters], int] = {}
        self.kinds: list[tuple[Core, Parameters]] = []
        self.blocks: dict[str, int] = {}
        self.leaves: list[tuple[int, int]] = []
        self.digests: list[bytes] = []
        self.codes: list[int] = []
        self.seeds: list[int] = []

    def add(self, node: Node) -> int:
        """Return the number of a node; recipes nest four deep at most."""
        number = self._numbers.get(id(node))
        if number is None:
            recipe = node.recipe
            number = self._leaf(node) if recipe is None else self._recipe(recipe)
            self._numbers[id(node)] = number
        return number

    def _leaf(self, node: Node) -> int:
        block, row = self._place(node)
        self.leaves.append((self.blocks.setdefault(block, len(self.blocks)), row))
        self.digests.append(node.digest_bytes())
        return -len(self.leaves)

    def _recipe(self, recipe: Recipe) -> int:
        operands = [self.add(parent) for parent in recipe.parents]
        key = (id(recipe.operator), recipe.parameters)
        if key not in self._kinds:
            self._kinds[key] = len(self.kinds)
            self.kinds.append((recipe.operator, recipe.parameters))
        self.codes.append(self._kinds[key])
        self.codes += operands
        self.seeds.append(recipe.seed)
        return len(self.seeds) - 1


def unpack(packed: Packed, layout: Layout, blocks: Mapping[str, torch.Tensor]) -> list[Node]:
    """Return the nodes, their leaves being rows of the named ``blocks``."""
    held = [blocks[name] for name in packed.blocks]
    leaves = []
    for number, (block, row) in enumerate(packed.leaves.tolist()):
        leaf = Node(layout, held[block])
        leaf.row = row
        leaves.append(leaf.named(packed.digests[16 * number : 16 * number + 16]))
    recipes: list[Node] = []
    kinds = [(_incoming(operator), parameters) for operator, parameters in packed.kinds]
    codes, at = packed.codes.tolist(), 0
    for seed in packed.seeds.tolist():
        operator, parameters = kinds[codes[at]]
        end = at + 1 + operator.parents
        parents = tuple(recipes[i] if i >= 0 else leaves[-1 - i] for i in codes[at + 1 : end])
        recipes.append(Node(layout, None, Recipe(operator, parents, seed, parameters)))
        at = end
    return [recipes[i] if i >= 0 else leaves[-1 - i] for i in packed.roots.tolist()]


def _outgoing(operator: Any) -> str | bytes:
    """Return an operator's reference, or its pickled core where a worker could not import it."""
    module, _, name = operator.reference.partition(":")
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is operator and module != "__main__":
        return str(operator.reference)
    try:
        traits = (operator.parents, operator.keep, operator.transient)
        return pickling.dumps((operator.core, *traits))
    except Exception as error:  # what a function closes over may refuse in any way
        raise OperatorError(
            f'Operator "{operator.reference}" cannot be sent to workers: {error}. Define it at '
            "the top level of a module that workers can import."
        ) from error


def _incoming(sent: str | bytes) -> Operator:
    """Return the operator that was sent, its module being imported."""
    if isinstance(sent, bytes):
        core, parents, keep, transient = pickling.loads(sent)
        return Operator(core, parents, keep, {}, transient=transient)
    module = sent.partition(":")[0]
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise OperatorError(
            f'Operator "{sent}" cannot be found in a worker: {error}. Its module must be one that '
            "workers can import."
        ) from error
    return find_operator(sent)


def tensor_on(array: np.ndarray) -> torch.Tensor:
    """Return a tensor on the array's memory; where that is read only, nobody may write to it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(array)
