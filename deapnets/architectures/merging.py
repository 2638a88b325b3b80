"""Graphs to networks: what meets at a vertex is made to fit its first edge."""

from __future__ import annotations

from typing import cast, final

import torch
from torch import nn

from deapnets.architectures.growing import Edge, Graph


@final
class GraphModule(nn.Module):
    """The network of a graph, with a linear classifier of all pixels and channels at its end.

    Parameters
    ----------
    graph
        The graph.
    shape
        Channels, height and width of the input.
    classes
        Outputs.
    """

    def __init__(self, graph: Graph, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.graph = graph
        self.edges, self.vertices = nn.ModuleList(), nn.ModuleList()
        shapes = [shape]
        for vertex in range(1, len(graph.relu)):
            own = [edge for edge in graph.edges if edge.target == vertex]
            made = [_layer(edge, shapes[edge.source][0]) for edge in own]
            self.edges.append(nn.ModuleList(made))
            shapes.append(_shape_behind(own[0], shapes[own[0].source]))
            channels = shapes[-1][0]
            behind = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
            self.vertices.append(behind if graph.relu[vertex] else nn.Identity())
        channels, height, width = shapes[-1]
        self.head = nn.Linear(channels * height * width, classes)

    def _steps(self) -> list[tuple[nn.ModuleList, nn.Module]]:
        layers = cast(list[nn.ModuleList], list(self.edges))
        return list(zip(layers, self.vertices, strict=True))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits ``[batch, classes]``."""
        states = [x]
        for vertex, (layers, behind) in enumerate(self._steps(), 1):
            sources = [edge.source for edge in self.graph.edges if edge.target == vertex]
            first, *others = [
                layer(states[source]) for source, layer in zip(sources, layers, strict=True)
            ]
            for other in others:
                first = first + fitted(other, first.shape)
            states.append(behind(first))
        return torch.as_tensor(self.head(states[-1].flatten(1)))


def fitted(x: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Return ``x`` in another shape ``[batch, channels, height, width]``.

    Height and width by the nearest neighbour; channels are cut off, or zeros are added.
    """
    if x.shape[2:] != shape[2:]:
        x = nn.functional.interpolate(x, size=list(shape[2:]), mode="nearest")
    missing = shape[1] - x.shape[1]
    if missing > 0:
        return nn.functional.pad(x, (0, 0, 0, 0, 0, missing))
    return x[:, : shape[1]]


def _layer(edge: Edge, channels: int) -> nn.Module:
    if not edge.channels:
        return nn.Identity()
    height, width = edge.size
    padding = (height // 2, width // 2)
    return nn.Conv2d(channels, edge.channels, edge.size, edge.stride, padding, bias=False)


def _shape_behind(edge: Edge, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    channels, height, width = shape
    stride = edge.stride if edge.channels else 1
    return (edge.channels or channels, -(-height // stride), -(-width // stride))
