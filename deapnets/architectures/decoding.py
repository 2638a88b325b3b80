"""Cells to networks: plain torch modules with new weights."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Literal, Protocol, cast, final

import torch
from torch import nn

from deapnets.architectures.canonical import Cell, loose_ends
from deapnets.architectures.operations import FactorizedReduction, Operation, convolution

_REDUCTIONS = 2


class Plan(Protocol):
    """The outer structure of a network, as a `deapnets.CellSpace` has it."""

    width: int
    stack: int
    inputs: int
    wiring: Literal["pairs", "complete"]
    operations: tuple[Operation, ...]


@final
class CellModule(nn.Module):
    """One cell: its hidden states one after the other, each a sum of operations.

    Parameters
    ----------
    cell
        Its combinations.
    inputs
        How many inputs it has, all of one shape.
    ends
        The hidden states that are concatenated: the output.
    build
        A function of a term's source and operation that returns the module.
    """

    def __init__(
        self, cell: Cell, inputs: int, ends: list[int], build: Callable[[int, str], nn.Module]
    ) -> None:
        super().__init__()
        self.sources = [[term.source for term in combination] for combination in cell]
        self.inputs, self.ends = inputs, ends
        self.combinations = nn.ModuleList(
            nn.ModuleList(build(*term) for term in combination) for combination in cell
        )

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Return ``[batch, ends * channels, height, width]``."""
        states = list(inputs)
        for sources, operations in zip(self.sources, self.combinations, strict=True):
            runs = cast(nn.ModuleList, operations)
            terms = [run(states[s]) for s, run in zip(sources, runs, strict=True)]
            states.append(functools.reduce(torch.add, terms))
        if len(self.ends) == 1:
            return states[self.ends[0]]
        return torch.cat([states[end] for end in self.ends], 1)


@final
class Residual(nn.Module):
    """The block between two stages of NAS-Bench-201: half the size, twice the channels.

    Source: Dong & Yang 2020, arXiv 2001.00326, section 2.1.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *convolution(channels_in, channels, 3, 2), *convolution(channels, channels, 3)
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, 2), nn.Conv2d(channels_in, channels, 1, bias=False)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``[batch, channels, height / 2, width / 2]``."""
        return torch.as_tensor(self.shortcut(x) + self.body(x))


@final
class PairsNetwork(nn.Module):
    """NASNet's outer structure: cells that read the two before them, reductions between stages.

    Source: Real, Aggarwal, Huang & Le 2018, arXiv 1802.01548, figure 1.
    """

    def __init__(self, space: Plan, cells: Mapping[str, Cell], classes: int, channels: int) -> None:
        super().__init__()
        widths = [space.width << stage for stage in range(_REDUCTIONS + 1)]
        stem = 3 * widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(channels, stem, 3, padding=1, bias=False), nn.BatchNorm2d(stem)
        )
        self.cells = nn.ModuleList()
        before = last = (stem, 0)  # channels, and how often the size was halved
        for stage, width in enumerate(widths):
            names = ["reduction"] * (stage > 0) + ["normal"] * space.stack
            for name in names:
                cell = _Fitted(space, cells[name], name == "reduction", width, before, last)
                self.cells.append(cell)
                before, last = last, cell.shape
        self.head = _head(last[0], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits ``[batch, classes]``."""
        before = last = self.stem(x)
        for cell in self.cells:
            before, last = last, cell(before, last)
        return torch.as_tensor(self.head(last))


@final
class _Fitted(nn.Module):
    """A cell of two inputs, which are brought to its width, and to the size of the later one."""

    def __init__(
        self,
        space: Plan,
        cell: Cell,
        reduces: bool,
        width: int,
        before: tuple[int, int],
        last: tuple[int, int],
    ) -> None:
        super().__init__()
        shrinks = before[1] < last[1]
        self.before = (
            FactorizedReduction(before[0], width) if shrinks else convolution(before[0], width, 1)
        )
        self.last = convolution(last[0], width, 1)
        ends = loose_ends(cell, space.inputs)

        def build(source: int, operation: str) -> nn.Module:
            stride = 2 if reduces and source < space.inputs else 1
            return _operations(space)[operation].build(width, stride)

        self.cell = CellModule(cell, space.inputs, ends, build)
        self.shape = (width * len(ends), last[1] + reduces)

    def forward(self, before: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """Return the cell's output."""
        return torch.as_tensor(self.cell(self.before(before), self.last(last)))


def decode(space: Plan, cells: Mapping[str, Cell], classes: int, channels: int) -> nn.Module:
    """Return the network of cells by their names: see `deapnets.CellGenome.module`."""
    if space.wiring == "pairs":
        return PairsNetwork(space, cells, classes, channels)
    return _complete(space, cells["cell"], classes, channels)


def _complete(space: Plan, cell: Cell, classes: int, channels: int) -> nn.Sequential:
    """Return NAS-Bench-201's outer structure: three stages with residual blocks between them."""
    width = space.width
    layers: list[nn.Module] = [
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
    ]
    for stage in range(_REDUCTIONS + 1):
        if stage:
            layers.append(Residual(width, 2 * width))
            width *= 2
        layers += [_same(space, cell, width) for _ in range(space.stack)]
    return nn.Sequential(*layers, nn.BatchNorm2d(width), *_head(width, classes))


def _same(space: Plan, cell: Cell, width: int) -> CellModule:
    operations = _operations(space)
    return CellModule(cell, 1, [len(cell)], lambda _, name: operations[name].build(width, 1))


def _head(channels: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)
    )


def _operations(space: Plan) -> dict[str, Operation]:
    return {operation.name: operation for operation in space.operations}
