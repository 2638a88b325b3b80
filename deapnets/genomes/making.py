"""Nodes to rows of weights: alike recipes together, a block that fits the cache at a time."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch

from deapnets.genomes.nodes import Node
from deapnets.genomes.rounding import rounded
from deapnets.machine.freed import hold_freed_memory

BLOCK = 1 << 21
"""Weights that are made at once; wider rows are made alone, without copying their parents."""


def make(nodes: Sequence[Node], out: torch.Tensor) -> None:
    """Write the weights of ``nodes`` into the rows of ``out`` ``[n, P]``, on its device.

    The same bits for a node in any company and order.
    """
    hold_freed_memory()
    groups: dict[Hashable, list[int]] = {}
    for index, node in enumerate(nodes):
        groups.setdefault(_shape_of(node), []).append(index)
    height = max(1, BLOCK // out.shape[1])
    for indices in groups.values():
        for start in range(0, len(indices), height):
            block = indices[start : start + height]
            _write(out, block, _rows([nodes[i] for i in block], out.device))


def _write(out: torch.Tensor, indices: list[int], rows: torch.Tensor) -> None:
    first, last = indices[0], indices[-1]
    if last - first + 1 == len(indices):
        out[first : last + 1] = rows
    else:
        out[indices] = rows.to(out.dtype)


def _shape_of(node: Node) -> Hashable:
    """Return what nodes made in one call share: operators, parameters, fixed orders, nesting."""
    if node.recipe is None:
        return None
    operator, parents, _, parameters = node.recipe
    shapes = [None if parent.recipe is None else _shape_of(parent) for parent in parents]
    return (id(operator), parameters, node.layout.ordered, *shapes)


def _rows(nodes: Sequence[Node], device: torch.device) -> torch.Tensor:
    """Return the weights ``[n, P]`` of nodes of one shape, float32.

    Read only: it may be a parent's own. Where weights are stored in bfloat16 every recipe's are
    such numbers, also on the way to a child's: kept or made again, they are the same.
    """
    recipe = nodes[0].recipe
    if recipe is None:
        return _stacked(nodes, device)
    recipes = [node.recipe for node in nodes if node.recipe is not None]
    parents = zip(*(r.parents for r in recipes), strict=True)
    rows = [_rows(lot, device) for lot in parents]
    seeds = np.array([r.seed for r in recipes], dtype=np.uint64)
    layout = nodes[0].layout
    children = recipe.operator.make(rows, seeds, recipe.parameters, layout)
    return children if layout.dtype == children.dtype else rounded(children, seeds).float()


def _stacked(nodes: Sequence[Node], device: torch.device) -> torch.Tensor:
    """Return the weights of leaves ``[n, P]``, float32: gathered from the blocks that hold them."""
    if all(node is nodes[0] for node in nodes):
        return _vector(nodes[0], device).float().expand(len(nodes), -1)
    blocks = {id(node.block): node.block for node in nodes}
    if any(_is_elsewhere(block, device) for block in blocks.values()):
        return torch.stack([_vector(node, device) for node in nodes]).float()
    return _gathered(nodes, blocks).float()


def _is_elsewhere(block: torch.Tensor | None, device: torch.device) -> bool:
    """Return whether a block is no block of rows, or on another device."""
    return block is None or block.dim() == 1 or block.device != device


def _gathered(nodes: Sequence[Node], blocks: dict[int, Any]) -> torch.Tensor:
    """Return the rows ``[n, P]`` that nodes hold in shared blocks, under the blocks' ids."""
    places = torch.tensor([node.row for node in nodes])
    if len(blocks) == 1:
        (block,) = blocks.values()
        return block.index_select(0, places.to(block.device))
    owners = np.array([id(node.block) for node in nodes])
    device = next(iter(blocks.values())).device
    layout = nodes[0].layout
    rows = torch.empty(len(nodes), layout.width, dtype=layout.dtype, device=device)
    for owner, block in blocks.items():
        here = torch.from_numpy(np.flatnonzero(owners == owner))
        rows.index_copy_(0, here.to(device), block.index_select(0, places[here].to(device)))
    return rows


def _vector(node: Node, device: torch.device) -> torch.Tensor:
    """Return a leaf's weights where they are wanted, and leave them there for the next time."""
    node.move(device)
    weights = node.weights
    if weights is None:
        raise AssertionError("a node that is no recipe holds weights")
    return weights


def made(node: Node) -> torch.Tensor:
    """Return a fresh copy of the node's weights, float32 ``[P]`` on the CPU."""
    held = node.weights
    if held is not None:
        return held.to("cpu", torch.float32, copy=True)
    out = torch.empty(1, node.layout.width, dtype=torch.float32, device="cpu")
    make([node], out)
    return out[0]


def aligned_rows(height: int, width: int, device: torch.device) -> torch.Tensor:
    """Return empty rows ``[height, width]`` that each start on a cache line.

    The alignment of a matrix can change how a matrix library rounds; here it is the same in every
    row of every chunk.
    """
    stride = -(-width // 16) * 16
    return torch.empty(height, stride, dtype=torch.float32, device=device)[:, :width]


def shared_operands(nodes: Sequence[Node]) -> list[Node]:
    """Return the recipes that several of ``nodes`` are made from, the deepest needed first."""
    found: dict[int, Node] = {}
    shared: dict[int, Node] = {}
    stack = list(nodes)
    while stack:
        recipe = stack.pop().recipe
        if recipe is None:
            continue
        for parent in recipe.parents:
            if parent.recipe is None:
                continue
            if id(parent) in found:
                shared[id(parent)] = parent
            else:
                found[id(parent)] = parent
                stack.append(parent)
    return sorted(shared.values(), key=lambda node: node.depth)


def blocks_below(nodes: Sequence[Node]) -> list[torch.Tensor]:
    """Return the tensors that hold what ``nodes`` are made from, each once."""
    blocks: dict[int, torch.Tensor] = {}
    seen: set[int] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.block is not None:
            blocks[id(node.block)] = node.block
        elif node.recipe is not None:
            stack.extend(node.recipe.parents)
    return list(blocks.values())
