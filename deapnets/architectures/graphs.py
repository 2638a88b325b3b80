"""`GraphSpace`: networks that grow from nothing; `GraphGenome`: one of them."""

from __future__ import annotations

import functools
import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, final

from torch import nn

from deapnets.architectures import counting
from deapnets.architectures.growing import MUTATIONS, Edge, Graph, seed_graph
from deapnets.architectures.merging import GraphModule
from deapnets.architectures.spaces import SearchSpace, SpaceGenome
from deapnets.errors import ArchitectureError, OptionError

_VERTEX = re.compile(r"(\d+):(linear|relu)")
_EDGE = re.compile(r"(\d+)-(\d+):(?:identity|conv(\d+)x(\d+)x(\d+)/(\d+))")


@final
class GraphSpace(SearchSpace):
    """Graphs of convolutions and skips, of any size: the space of large-scale evolution.

    Vertices are activations ``[batch, channels, height, width]``, with batch norm and ReLU or as
    they are; edges are convolutions or identities. A search begins with no convolution at all: a
    linear classifier of the pixels. The learning rate is evolved with the rest.

    Parameters
    ----------
    shape
        Channels, height and width of the input.
    largest
        The most weights that a network may have; a larger one cannot be trained.
    least
        Channels of a new convolution where its input has fewer.

    Raises
    ------
    OptionError
        When a number cannot be used.

    Notes
    -----
    Source: Real, Moore, Selle, Saxena, Suematsu, Tan, Le & Kurakin 2017, "Large-scale evolution of
    image classifiers", arXiv 1703.01041, section 3.2.
    """

    name = "graph"

    def __init__(
        self, shape: tuple[int, int, int] = (3, 32, 32), largest: int = 10_000_000, least: int = 16
    ) -> None:
        if len(shape) != 3 or min(shape) < 1:
            raise OptionError(f"shape is channels, height and width, got {shape}.")
        for what, value in (("largest", largest), ("least", least)):
            if value < 1:
                raise OptionError(f"{what} is at least 1, got {value}.")
        self.shape, self.largest, self.least = shape, largest, least

    def describe(self) -> dict[str, Any]:
        """Return name, input and limits as JSON values."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "largest": self.largest,
            "least": self.least,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GraphSpace) and self.describe() == other.describe()

    def __hash__(self) -> int:
        return hash((self.shape, self.largest, self.least))

    def draw(self) -> Graph:
        """Return the graph without a convolution; nothing is drawn."""
        return seed_graph()

    def vary(self, genes: Graph) -> Graph:
        """Return the graph after one of the eleven mutations, drawn until one can be applied.

        Draws from Python's `random`.
        """
        while True:
            name = random.choice(list(MUTATIONS))
            changed = MUTATIONS[name](replace(genes, fresh=False), self)
            if changed is not None:
                return changed

    def checked(self, genes: Any) -> Graph:
        """Return the graph; an `ArchitectureError` when an edge leads backwards or nowhere."""
        if not isinstance(genes, Graph):
            raise ArchitectureError(f"A genome of graph is a Graph, got {type(genes).__name__}.")
        genes.require_sound()
        return genes

    def text(self, genes: Graph) -> str:
        """Return rate, vertices and edges: ``lr=0.1 0:linear 1:linear 0-1:identity``."""
        vertices = [f"{n}:{'relu' if relu else 'linear'}" for n, relu in enumerate(genes.relu)]
        fresh = ["fresh"] if genes.fresh else []
        rate = f"lr={genes.learning_rate!r}"
        return " ".join([rate, *fresh, *vertices, *map(_edge_text, genes.edges)])

    def parse_genes(self, text: str) -> Graph:
        """Return the graph of a text as `text` writes it."""
        rate, *words = text.split() or [""]
        fresh = words[:1] == ["fresh"]
        vertices = [m for m in map(_VERTEX.fullmatch, words) if m]
        edges = [m for m in map(_EDGE.fullmatch, words) if m]
        numbered = [int(m[1]) for m in vertices] == list(range(len(vertices)))
        if not numbered or len(vertices) + len(edges) + fresh != len(words):
            raise OptionError(f"A graph is {self.text(seed_graph())!r} and so on, got {text!r}.")
        try:
            learning_rate = float(rate.removeprefix("lr="))
        except ValueError:
            raise OptionError(f"A graph begins with lr=NUMBER, got {rate!r}.") from None
        relu = tuple(m[2] == "relu" for m in vertices)
        return self.checked(Graph(learning_rate, relu, tuple(map(_edge, edges)), fresh))

    def key(self, genes: Graph) -> str:
        """Return the hash of rate, vertices and edges; nothing is folded."""
        return hashlib.sha256(self.text(replace(genes, fresh=False)).encode()).hexdigest()[:32]

    def genome_class(self) -> type[SpaceGenome]:
        """Return `GraphGenome`."""
        return GraphGenome


def _edge_text(edge: Edge) -> str:
    if not edge.channels:
        return f"{edge.source}-{edge.target}:identity"
    height, width = edge.size
    return f"{edge.source}-{edge.target}:conv{height}x{width}x{edge.channels}/{edge.stride}"


def _edge(match: re.Match[str]) -> Edge:
    source, target, height, width, channels, stride = match.groups()
    if height is None:
        return Edge(int(source), int(target))
    size = (int(height), int(width))
    return Edge(int(source), int(target), int(channels), size, int(stride))


class GraphGenome(SpaceGenome):
    """The graph of one network, as DEAP individuals.

    Give it to DEAP's creator: ``creator.create("Individual", GraphGenome, fitness=...)``, and fill
    populations with `deapnets.initGraph`.

    Attributes
    ----------
    parent
        Key of the individual that it is a mutation of, whose weights it may inherit; None.
    """

    space: GraphSpace
    parent: str | None = None

    @property
    def learning_rate(self) -> float:
        """The rate at which it wants to be trained."""
        return float(self.genes.learning_rate)

    def module(self, classes: int = 10) -> nn.Module:
        """Return the network, with new weights from torch's global generator.

        Raises
        ------
        ArchitectureError
            When it has more weights than the space allows.
        """
        count = self.parameters(classes)
        if count > self.space.largest:
            raise ArchitectureError(
                f"The graph has {count:,} weights, more than the {self.space.largest:,} that the "
                "space allows."
            )
        return self._make(classes)()

    def parameters(self, classes: int = 10) -> int:
        """Return how many weights the network has, without making any."""
        return counting.parameters(self._make(classes))

    def flops(self, classes: int = 10) -> int:
        """Return the floating-point operations of one input, as `CellGenome.flops`."""
        return counting.flops(self._make(classes), self.space.shape)

    def _make(self, classes: int) -> Callable[[], nn.Module]:
        return functools.partial(GraphModule, self.genes, self.space.shape, classes)
