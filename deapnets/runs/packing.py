"""A state as JSON and tensors, and back: nothing is pickled.

A state is what the ``state_dict`` of an algorithm, an evaluator or a map returns: nested dicts,
lists and tuples of plain values, tensors, arrays and individuals. Plain values stay as they are in
JSON; whatever JSON has no word for becomes an object with the key ``"$"``, which says its kind.
Networks are stored once, however many individuals share them: as weights, or as the recipe that
makes them from other networks.
"""

from __future__ import annotations

import array
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from deap.base import Fitness

from deapnets.errors import RunError
from deapnets.genomes.layout import DTYPES, Layout
from deapnets.genomes.nodes import Node, Recipe
from deapnets.genomes.weights import WeightGenome
from deapnets.operators.contract import find_operator

KIND = "$"
"""Key of objects that stand for something JSON has no word for."""


@final
@dataclass
class Packed:
    """A state in the form it has on the disk.

    Attributes
    ----------
    document
        JSON: ``state`` (the tree), ``individuals``, ``classes``, ``networks`` (parents before
        children), ``layouts`` and ``operators``.
    tensors
        What ``document`` names: each a list of rows ``[P]`` that are stored as one tensor
        ``[n, P]``, or a tensor as it is.
    """

    document: dict[str, Any]
    tensors: dict[str, torch.Tensor | list[torch.Tensor]] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        return sum(part.nbytes for part in self.parts())

    def parts(self) -> Iterator[torch.Tensor]:
        """Yield the tensors and the rows."""
        for value in self.tensors.values():
            yield from value if isinstance(value, list) else [value]


def pack(state: Any) -> Packed:
    """Return a state as JSON and tensors; what is not copied must not change until it is written.

    Raises
    ------
    RunError
        When there is something in it that cannot be stored; the message says where.
    """
    packer = _Packer()
    try:
        tree = packer.value(state)
        individuals = [packer.individual(one) for one in packer.waiting]
    except _UnstorableError as error:
        raise RunError(f"{error}") from None
    document = {
        "state": tree,
        "individuals": individuals,
        "classes": list(packer.classes),
        "networks": packer.networks,
        "layouts": [_layout_spec(layout) for layout in packer.layouts],
        "operators": [_operator_spec(*key) for key in packer.operators],
    }
    return Packed(document, packer.tensors)


def unpack(packed: Packed, classes: Sequence[type[Any]] = ()) -> Any:
    """Return the state of `pack`, with individuals and networks of its own.

    Parameters
    ----------
    packed
        What `pack` returned, or what was read from a disk.
    classes
        Classes of individuals; others are looked up, by the name they had, among the modules that
        are imported: ``deap.creator`` for one.

    Raises
    ------
    RunError
        When a class of individuals cannot be found, or a recipe gives another network.
    OperatorError
        When an operator cannot be found.
    """
    return _Unpacker(packed, classes).state()


def to_plain(values: Any) -> Any:
    """Return dicts, lists and tuples of plain values as JSON: those without tables."""
    return _Packer().value(values)


def from_plain(written: Any) -> Any:
    """Return what `to_plain` was given."""
    return _Unpacker(Packed(dict.fromkeys(("layouts", "operators"), ()))).value(written)


class _UnstorableError(Exception):
    """Something that cannot be stored; on its way out it learns where it was."""

    def __init__(self, value: Any) -> None:
        self.kind = type(value).__name__
        self.where: list[str] = []

    def __str__(self) -> str:
        place = " > ".join(reversed(self.where)) or "the state itself"
        return (
            f"A snapshot cannot hold {place}: it is {self.kind}. A state is made of dicts, lists, "
            "numbers, text, tensors, arrays and WeightGenome individuals."
        )


class _Packer:
    """The tables that fill while a tree is walked."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor | list[torch.Tensor]] = {}
        self.waiting: list[WeightGenome] = []
        self.classes: dict[str, int] = {}
        self.networks: list[list[Any]] = []
        self.layouts: dict[Layout, int] = {}
        self.operators: dict[tuple[str, Any], int] = {}
        self._places: dict[int, int] = {}
        self._stored: set[str] = set()

    def value(self, value: Any) -> Any:
        """Return the JSON of one value, whatever it is."""
        kind = type(value)
        if kind is str or kind is int or kind is bool or value is None:
            return value
        if kind is float:
            return value if math.isfinite(value) else {KIND: "float", "text": repr(value)}
        for known, write in _WRITERS:
            if isinstance(value, known):
                return write(self, value)
        raise _UnstorableError(value)

    def items(self, values: Iterable[Any]) -> list[Any]:
        """Return the JSON of a sequence's values."""
        written: list[Any] = []
        try:
            for value in values:
                written.append(self.value(value))  # noqa: PERF401  (the length tells the place)
        except _UnstorableError as error:
            error.where.append(f"item {len(written)}")
            raise
        return written

    def mapping(self, values: Mapping[Any, Any]) -> Any:
        """Return the JSON of a dict, whatever its keys are."""
        written = {}
        for key, value in values.items():
            try:
                written[key] = self.value(value)
            except _UnstorableError as error:
                error.where.append(f"{key}")
                raise
        if all(type(key) is str for key in written) and KIND not in written:
            return written
        return {KIND: "dict", "items": [[self.value(key), written[key]] for key in written]}

    def tensor(self, value: torch.Tensor, kind: str = "tensor") -> dict[str, Any]:
        """Return the name under which a tensor is stored."""
        name = f"tensor.{len(self.tensors)}"
        self.tensors[name] = value.detach().cpu().contiguous()
        return {KIND: kind, "name": name}

    def reference(self, individual: WeightGenome) -> dict[str, Any]:
        """Return an individual's place in the table; one individual has one place."""
        at = self._places.setdefault(id(individual), len(self.waiting))
        if at == len(self.waiting):
            self.waiting.append(individual)
        return {KIND: "individual", "at": at}

    def individual(self, individual: WeightGenome) -> dict[str, Any]:
        """Return the JSON of an individual: class, network, and all its attributes."""
        name = f"{type(individual).__module__}:{type(individual).__qualname__}"
        self._store(individual.node)
        own = {key: value for key, value in vars(individual).items() if key != "node"}
        try:
            attributes = self.mapping(own)
        except _UnstorableError as error:
            error.where.append(f"individual {individual.digest[:8]}")
            raise
        return {
            "class": self.classes.setdefault(name, len(self.classes)),
            "network": individual.node.digest,
            "attributes": attributes,
        }

    def _store(self, node: Node) -> None:
        """Add a network to the table, after those it is made from."""
        stack = [node]
        while stack:
            top = stack[-1]
            parents = () if top.recipe is None else top.recipe.parents
            missing = [parent for parent in parents if parent.digest not in self._stored]
            if missing and top.digest not in self._stored:
                stack.extend(missing)
                continue
            stack.pop()
            if top.digest not in self._stored:
                self._stored.add(top.digest)
                self.networks.append(self._network(top))

    def _network(self, node: Node) -> list[Any]:
        layout = self.layouts.setdefault(node.layout, len(self.layouts))
        if node.recipe is None:
            rows = self.tensors.setdefault(f"weights.{layout}", [])
            assert isinstance(rows, list)
            assert node.weights is not None
            rows.append(node.weights)
            return [node.digest, layout, len(rows) - 1]
        recipe = node.recipe
        key = (recipe.operator.reference, recipe.parameters)
        operator = self.operators.setdefault(key, len(self.operators))
        return [node.digest, layout, operator, recipe.seed, [p.digest for p in recipe.parents]]


def _write_fitness(packer: _Packer, value: Fitness) -> dict[str, Any]:
    more = {key: inner for key, inner in vars(value).items() if key != "wvalues"}
    return {
        KIND: "fitness",
        "wvalues": packer.items(value.wvalues),
        **({"attributes": packer.mapping(more)} if more else {}),
    }


def _write_array(packer: _Packer, value: np.ndarray) -> dict[str, Any]:
    if value.dtype == object:
        raise _UnstorableError(value)
    return packer.tensor(
        torch.from_numpy(np.ascontiguousarray(value)).reshape(value.shape), "array"
    )


def _write_numbers(packer: _Packer, value: array.array[Any]) -> dict[str, Any]:
    return {KIND: "numbers", "code": value.typecode, "items": packer.items(value)}


_WRITERS: list[tuple[type[Any] | tuple[type[Any], ...], Callable[[_Packer, Any], Any]]] = [
    (WeightGenome, _Packer.reference),
    (torch.Tensor, _Packer.tensor),
    (np.ndarray, _write_array),
    (np.generic, lambda packer, value: packer.value(value.item())),
    (Fitness, _write_fitness),
    (array.array, _write_numbers),
    (tuple, lambda packer, value: {KIND: "tuple", "items": packer.items(value)}),
    (list, _Packer.items),
    (Mapping, _Packer.mapping),
]


def _layout_spec(layout: Layout) -> dict[str, Any]:
    return {
        "names": list(layout.names),
        "shapes": [list(shape) for shape in layout.shapes],
        "dtype": str(layout.dtype).removeprefix("torch."),
    }


def _operator_spec(reference: str, parameters: Any) -> dict[str, Any]:
    return {"operator": reference, "parameters": _Packer().items(list(map(list, parameters)))}


class _Unpacker:
    """The tables of a document, as objects."""

    def __init__(self, packed: Packed, classes: Sequence[type[Any]] = ()) -> None:
        self._document, self._tensors = packed.document, packed.tensors
        self._given = {f"{kind.__module__}:{kind.__qualname__}": kind for kind in classes}
        self._layouts = [_layout_of(spec) for spec in self._document["layouts"]]
        self._operators = [
            (
                find_operator(spec["operator"]),
                tuple((name, self.value(value)) for name, value in spec["parameters"]),
            )
            for spec in self._document["operators"]
        ]
        self._nodes: dict[str, Node] = {}
        self._individuals: list[Any] = []

    def state(self) -> Any:
        """Return the tree."""
        for spec in self._document["networks"]:
            self._nodes[spec[0]] = self._node(*spec)
        kinds = [self._class(name) for name in self._document["classes"]]
        specs = self._document["individuals"]
        self._individuals = [kinds[s["class"]](self._nodes[s["network"]]) for s in specs]
        for individual, spec in zip(self._individuals, specs, strict=True):
            self._fill(individual, self.value(spec["attributes"]))
        return self.value(self._document["state"])

    def _node(self, digest: str, layout: int, what: int, *recipe: Any) -> Node:
        if not recipe:
            rows = self._tensors[f"weights.{layout}"]
            return Node(self._layouts[layout], rows[what]).named(bytes.fromhex(digest))
        operator, parameters = self._operators[what]
        seed, parents = recipe
        made = Recipe(operator, tuple(self._nodes[name] for name in parents), seed, parameters)
        node = Node(self._layouts[layout], recipe=made)
        if node.digest != digest:
            raise RunError(
                f"The recipe of network {digest[:8]} by {operator.name} gives {node.digest[:8]}: "
                "the snapshot is damaged."
            )
        return node

    def _class(self, name: str) -> type[Any]:
        module, _, path = name.partition(":")
        found: Any = self._given.get(name, sys.modules.get(module))
        if name not in self._given:
            for part in path.split("."):
                found = getattr(found, part, None)
        if not (isinstance(found, type) and issubclass(found, WeightGenome)):
            raise RunError(
                f'The individuals are of class "{name}", which is not there: create it '
                f"(creator.create, or import {module}) before the snapshot is loaded."
            )
        return found

    @staticmethod
    def _fill(individual: Any, attributes: Mapping[str, Any]) -> None:
        for name, value in attributes.items():
            if isinstance(value, _StoredFitness):
                fitness = getattr(individual, name)
                fitness.wvalues = value.wvalues
                vars(fitness).update(value.attributes)
            else:
                setattr(individual, name, value)

    def value(self, written: Any) -> Any:
        """Return what was written as this JSON."""
        if isinstance(written, list):
            return [self.value(inner) for inner in written]
        if not isinstance(written, dict):
            return written
        if KIND not in written:
            return {key: self.value(inner) for key, inner in written.items()}
        return _READERS[written[KIND]](self, written)

    def tensor(self, written: dict[str, Any]) -> torch.Tensor:
        """Return a copy of a stored tensor."""
        stored = self._tensors[written["name"]]
        assert isinstance(stored, torch.Tensor)
        return stored.clone()

    def individual(self, written: dict[str, Any]) -> Any:
        """Return the individual of this place."""
        return self._individuals[written["at"]]


@dataclass(frozen=True)
class _StoredFitness:
    """What a fitness had, until it is given to the fitness of an individual."""

    wvalues: tuple[float, ...]
    attributes: dict[str, Any]


_READERS: dict[str, Callable[[_Unpacker, dict[str, Any]], Any]] = {
    "float": lambda _, written: float(written["text"]),
    "tuple": lambda reader, written: tuple(reader.value(written["items"])),
    "dict": lambda reader, written: {
        reader.value(key): reader.value(value) for key, value in written["items"]
    },
    "tensor": _Unpacker.tensor,
    "array": lambda reader, written: reader.tensor(written).numpy(),
    "numbers": lambda reader, written: array.array(written["code"], reader.value(written["items"])),
    "individual": _Unpacker.individual,
    "fitness": lambda reader, written: _StoredFitness(
        tuple(reader.value(written["wvalues"])), reader.value(written.get("attributes", {}))
    ),
}


def _layout_of(spec: dict[str, Any]) -> Layout:
    dtypes = {str(dtype).removeprefix("torch."): dtype for dtype in DTYPES}
    shapes = tuple(tuple(shape) for shape in spec["shapes"])
    return Layout(tuple(spec["names"]), shapes, dtypes[spec["dtype"]])
