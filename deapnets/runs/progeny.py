"""`Progeny`: how many children are better than their parents, by the operators that made them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, final

from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.runs.ancestry import NOBODY

SAMPLE = 32
"""Children of a generation that are looked at: at most so many, or one of fifty."""


@final
class Elders:
    """The generation before: its individuals by their networks.

    Parameters
    ----------
    nodes
        Their networks; or, after a run was resumed, the digests of these.
    fitness
        Of the first objective, larger is better.
    """

    def __init__(self, nodes: Sequence[Node] | Sequence[str], fitness: Sequence[float]) -> None:
        self.fitness = fitness
        self._nodes = nodes  # held: another node could get the number of one that is gone
        self._by_digest = bool(nodes) and isinstance(nodes[0], str)
        keys = nodes if self._by_digest else map(id, nodes)
        self._places: dict[Any, int] = {key: at for at, key in enumerate(keys)}

    def state(self) -> tuple[list[str], list[float]]:
        """Return what their networks are called, and their fitness."""
        return [_name(node) for node in self._nodes], list(self.fitness)

    def place(self, node: Node) -> int:
        """Return which of them has this network; `NOBODY` when nobody has."""
        return self._places.get(node.digest if self._by_digest else id(node), NOBODY)

    def places(self, nodes: Iterable[Node]) -> list[int]:
        """Return `place` of each."""
        if self._by_digest:
            return list(map(self.place, nodes))
        known = self._places
        return [known.get(id(node), NOBODY) for node in nodes]


def _name(node: Node | str) -> str:
    return node if isinstance(node, str) else node.digest


@final
class Progeny:
    """Watches children from before they are made until they are scored.

    Where every generation has a mini-batch of its own, a child and its parents were scored on
    different ones: single children say little then, many of them still do.

    Attributes
    ----------
    elders
        The generation before; None where there is none.
    """

    def __init__(self) -> None:
        self.elders: Elders | None = None
        self._watched: list[tuple[WeightGenome, str, float]] = []

    def watch(self, individuals: Sequence[WeightGenome]) -> None:
        """Remember how some of the individuals came about: their recipes may soon be gone."""
        if self.elders is None:
            return
        count = max(SAMPLE, len(individuals) // 50)
        for individual in individuals[:: -(-len(individuals) // count)]:
            names, places = _descent(individual.node, self.elders)
            if names and places:
                best = max(self.elders.fitness[at] for at in places)
                self._watched.append((individual, names, best))

    def tell(self) -> dict[str, list[int]]:
        """Return, by their operators, how many children were watched and are better: two numbers.

        Better than the better of its parents, by the first objective.
        """
        found: dict[str, list[int]] = {}
        for individual, names, best in self._watched:
            counts = found.setdefault(names, [0, 0])
            fitness: Any = individual.fitness  # type: ignore[attr-defined]  # DEAP's creator adds it
            counts[0] += 1
            counts[1] += bool(fitness.valid and fitness.wvalues[0] > best)
        self._watched.clear()
        return found


def _descent(node: Node, elders: Elders) -> tuple[str, list[int]]:
    """Return the operators between a network and the elders, in their order; and which elders."""
    names: list[str] = []
    places: list[int] = []
    stack = [node]
    while stack:
        top = stack.pop()
        place = elders.place(top)
        if place != NOBODY:
            places.append(place)
        elif top.recipe is not None:
            names.append(top.recipe.operator.reference.rpartition(":")[2])
            stack.extend(top.recipe.parents)
    return ", ".join(dict.fromkeys(reversed(names))), places
