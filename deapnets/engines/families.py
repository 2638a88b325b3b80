"""Families: children of low rank of one base, which are scored without making their weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from deapnets.genomes.factors import draw_factors, factoring
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import make
from deapnets.genomes.nodes import Node, Parameters, Recipe
from deapnets.networks.base import Path
from deapnets.networks.convolutions import convolvable
from deapnets.networks.lowrank import LowRankNetworks, LowRankPath
from deapnets.networks.lowrank_batched import BatchedLowRank
from deapnets.networks.lowrank_looped import LoopedLowRank
from deapnets.networks.lowrank_stacked import StackedLowRank
from deapnets.networks.sized import SizedLowRank, SizedPath
from deapnets.networks.stacked import StackedPath
from deapnets.operators.lowrank import mutLowRank
from deapnets.randomness import Draw

FAMILY = {"cpu": 256, "cuda": 4096}
"""Children of a family that are scored at once."""
LOT = 4096
"""Nodes whose families are sought together."""


class Family(NamedTuple):
    """Children of one base and one noise: its rank, deviation and sign."""

    base: Node
    parameters: Parameters
    members: list[int]  # their indices among the nodes that were looked at
    seeds: list[int]


def low_rank(node: Node) -> Recipe | None:
    """Return the recipe of a child of low rank, whatever its base; None of any other node."""
    recipe = node.recipe
    return recipe if recipe is not None and recipe.operator is mutLowRank else None


def families(nodes: Sequence[Node]) -> tuple[list[Family], list[int]]:
    """Return the families among ``nodes``, and the indices of those that are in none."""
    found: dict[tuple[int, Parameters], Family] = {}
    others = []
    for index, node in enumerate(nodes):
        recipe = low_rank(node)
        if recipe is None:
            others.append(index)
            continue
        (base,) = recipe.parents
        key = (id(base), recipe.parameters)
        if key not in found:
            found[key] = Family(base, recipe.parameters, [], [])
        found[key].members.append(index)
        found[key].seeds.append(recipe.seed)
    return list(found.values()), others


class Ways(NamedTuple):
    """How inputs go through networks: those whose weights are made, and those of families."""

    made: Path
    low_rank: LowRankPath


def low_rank_path(
    module: nn.Module, layout: Layout, path: Path, device: torch.device
) -> LowRankPath | None:
    """Return how children of low rank go through a module, or None when their weights are made."""
    if isinstance(path, StackedPath):
        return StackedLowRank(path)
    chain = convolvable(module, layout, device)
    if chain is None:
        return None
    if device.type != "cpu":
        return BatchedLowRank(chain)
    looped = LoopedLowRank(chain)
    return SizedLowRank(path, looped) if isinstance(path, SizedPath) else looped


def family_networks(
    family: Family, ways: Ways, device: torch.device, chunk: int | None
) -> Iterator[tuple[list[int], LowRankNetworks]]:
    """Yield a family's networks, a chunk at a time, with the indices of their nodes."""
    layout, most = family.base.layout, chunk or FAMILY[device.type]
    settings = dict(family.parameters)
    plan = factoring(layout, settings["rank"])
    scale = -settings["sigma"] if settings["mirrored"] else settings["sigma"]
    base = _made(family.base, device)
    seeds = np.array(family.seeds, dtype=np.uint64)
    for start in range(0, len(seeds), most):
        some = slice(start, start + most)
        draw = Draw(seeds[some], layout.width, device, layout)
        factors = draw_factors(draw, plan, scale)
        yield family.members[some], LowRankNetworks(*ways, layout, base, factors, plan)


def _made(base: Node, device: torch.device) -> torch.Tensor:
    """Return the weights of a base ``[P]``: those it holds, or made and let go again."""
    base.move(device)
    if base.weights is not None:
        return base.weights
    out = torch.empty(1, base.layout.width, dtype=torch.float32, device=device)
    make([base], out)
    return out[0]
