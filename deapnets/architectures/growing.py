"""`Graph`, and the eleven mutations by which it grows.

Source: Real et al. 2017, "Large-scale evolution of image classifiers", arXiv 1703.01041, section
3.2. Each mutation takes a graph and its space and returns a graph, or None where it does not apply;
all draw from Python's `random`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, final

from deapnets.errors import ArchitectureError


class Room(Protocol):
    """What mutations ask of a space."""

    shape: tuple[int, int, int]  # channels, height and width of the input
    least: int  # channels of a new convolution


_STRIDES = (1, 2, 4)
_LARGEST_FILTER = 7


@final
@dataclass(frozen=True)
class Edge:
    """A convolution, or an identity where ``channels`` is 0."""

    source: int
    target: int
    channels: int = 0
    size: tuple[int, int] = (3, 3)
    stride: int = 1


@final
@dataclass(frozen=True)
class Graph:
    """Vertices in an order in which they can be computed, the input first, the output last.

    Attributes
    ----------
    learning_rate
        At which the network is trained.
    relu
        For each vertex whether it has batch norm and ReLU.
    edges
        The first one that leads to a vertex says its shape; the others are made to fit.
    fresh
        Whether its weights are not inherited.
    """

    learning_rate: float
    relu: tuple[bool, ...]
    edges: tuple[Edge, ...]
    fresh: bool = False

    def require_sound(self) -> None:
        """Raise an `ArchitectureError` when an edge leads backwards or a vertex has none."""
        last = len(self.relu) - 1
        for edge in self.edges:
            if not 0 <= edge.source < edge.target <= last:
                raise ArchitectureError(f"An edge leads forwards, from 0 to {last}; got {edge}.")
            if min(edge.size) < 1 or not min(edge.size) % 2 or not max(edge.size) % 2:
                raise ArchitectureError(f"A filter has odd sides, got {edge.size}.")
            if edge.stride < 1 or edge.channels < 0:
                raise ArchitectureError(f"Strides are at least 1, channels 0; got {edge}.")
        reached = {edge.target for edge in self.edges}
        if last < 1 or reached != set(range(1, last + 1)):
            raise ArchitectureError("Every vertex but the input has an edge that leads to it.")

    def primary(self) -> list[int]:
        """Return which edges are the first ones to their vertices."""
        targets: dict[int, int] = {}
        for place, edge in enumerate(self.edges):
            targets.setdefault(edge.target, place)
        return sorted(targets.values())

    def convolutions(self) -> list[int]:
        """Return which edges are convolutions."""
        return [place for place, edge in enumerate(self.edges) if edge.channels]

    def with_edge(self, place: int, edge: Edge) -> Graph:
        """Return the graph with another edge at a place."""
        return replace(self, edges=(*self.edges[:place], edge, *self.edges[place + 1 :]))

    def pruned(self) -> Graph:
        """Return the graph without vertices that lead nowhere."""
        needed = {len(self.relu) - 1}
        for edge in sorted(self.edges, key=lambda edge: -edge.target):
            if edge.target in needed:
                needed.add(edge.source)
        kept = sorted(needed | {0})
        number = {vertex: place for place, vertex in enumerate(kept)}
        edges = tuple(
            replace(edge, source=number[edge.source], target=number[edge.target])
            for edge in self.edges
            if edge.target in number and edge.source in number
        )
        return replace(self, relu=tuple(self.relu[vertex] for vertex in kept), edges=edges)


def seed_graph() -> Graph:
    """Return the graph that everything grows from: the input is the output."""
    return Graph(0.1, (False, False), (Edge(0, 1),))


def alter_learning_rate(graph: Graph, space: Room) -> Graph:
    """Multiply the learning rate by a factor from 1/2 to 2."""
    return replace(graph, learning_rate=graph.learning_rate * 2.0 ** random.uniform(-1, 1))


def identity(graph: Graph, space: Room) -> Graph:
    """Change nothing: with inherited weights, the network is trained on."""
    return graph


def reset_weights(graph: Graph, space: Room) -> Graph:
    """Change nothing, and inherit no weights."""
    return replace(graph, fresh=True)


def insert_convolution(graph: Graph, space: Room) -> Graph:
    """Put a 3x3 convolution with as many channels as its input in front of a layer."""
    place = random.choice(graph.primary())
    channels = max(space.least, _channels(graph, space)[graph.edges[place].source])
    stride = random.choice((1, 2))
    return _inserted(graph, place, channels, stride)


def insert_one_to_one(graph: Graph, space: Room) -> Graph:
    """Put an identity, and a vertex behind it, in front of a layer."""
    return _inserted(graph, random.choice(graph.primary()), 0, 1)


def _inserted(graph: Graph, place: int, channels: int, stride: int) -> Graph:
    """Return the graph with an edge and a vertex, ReLU or linear, before the edge at a place."""
    old = graph.edges[place]
    new = old.source + 1  # the vertex: behind the source, before everything that follows it
    moved = [
        replace(e, source=e.source + (e.source >= new), target=e.target + (e.target >= new))
        for e in graph.edges
    ]
    moved[place] = replace(moved[place], source=new)
    moved.append(Edge(old.source, new, channels, (3, 3), stride))
    relu = (*graph.relu[:new], random.random() < 0.5, *graph.relu[new:])
    return replace(graph, relu=relu, edges=tuple(moved))


def remove_convolution(graph: Graph, space: Room) -> Graph | None:
    """Make a convolution an identity."""
    if not graph.convolutions():
        return None
    place = random.choice(graph.convolutions())
    edge = graph.edges[place]
    return graph.with_edge(place, Edge(edge.source, edge.target))


def alter_stride(graph: Graph, space: Room) -> Graph | None:
    """Give a convolution another stride: 1, 2 or 4."""
    if not graph.convolutions():
        return None
    place = random.choice(graph.convolutions())
    edge = graph.edges[place]
    stride = random.choice([s for s in _STRIDES if s != edge.stride])
    return graph.with_edge(place, replace(edge, stride=stride))


def alter_number_of_channels(graph: Graph, space: Room) -> Graph | None:
    """Multiply the channels of a convolution by a factor from 1/2 to 2."""
    if not graph.convolutions():
        return None
    place = random.choice(graph.convolutions())
    edge = graph.edges[place]
    channels = max(1, round(edge.channels * 2.0 ** random.uniform(-1, 1)))
    return graph.with_edge(place, replace(edge, channels=channels))


def filter_size(graph: Graph, space: Room) -> Graph | None:
    """Make a filter longer or shorter by 2, in one of its directions: 1 to 7."""
    if not graph.convolutions():
        return None
    place = random.choice(graph.convolutions())
    size = list(graph.edges[place].size)
    side = random.randrange(2)
    size[side] = min(max(size[side] + random.choice((-2, 2)), 1), _LARGEST_FILTER)
    return graph.with_edge(place, replace(graph.edges[place], size=(size[0], size[1])))


def add_skip(graph: Graph, space: Room) -> Graph | None:
    """Add an identity between two vertices that no edge joins yet."""
    joined = {(edge.source, edge.target) for edge in graph.edges}
    count = len(graph.relu)
    free = [(s, t) for t in range(count) for s in range(t) if (s, t) not in joined]
    if not free:
        return None
    return replace(graph, edges=(*graph.edges, Edge(*random.choice(free))))


def remove_skip(graph: Graph, space: Room) -> Graph | None:
    """Remove an identity that is not the first edge to its vertex."""
    first = set(graph.primary())
    skips = [p for p, edge in enumerate(graph.edges) if p not in first and not edge.channels]
    if not skips:
        return None
    place = random.choice(skips)
    return replace(graph, edges=(*graph.edges[:place], *graph.edges[place + 1 :])).pruned()


def _channels(graph: Graph, space: Room) -> list[int]:
    """Return the channels of each vertex."""
    channels = [space.shape[0]] + [0] * (len(graph.relu) - 1)
    for place in sorted(graph.primary(), key=lambda place: graph.edges[place].target):
        edge = graph.edges[place]
        channels[edge.target] = edge.channels or channels[edge.source]
    return channels


MUTATIONS: dict[str, Callable[[Graph, Room], Graph | None]] = {
    function.__name__: function
    for function in (
        alter_learning_rate,
        identity,
        reset_weights,
        insert_convolution,
        remove_convolution,
        alter_stride,
        alter_number_of_channels,
        filter_size,
        insert_one_to_one,
        add_skip,
        remove_skip,
    )
}
"""The eleven mutations by their names."""
