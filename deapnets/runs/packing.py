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
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, final

import numpy as np
import torch
from deap.base import Fitness

from deapnets.errors import RunError
from deapnets.genomes.weights import WeightGenome
from deapnets.runs.networks import (
    NetworkReader,
    NetworkWriter,
    Origin,
    Rows,
    layout_of,
    layout_spec,
)

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
    tensors: dict[str, Rows] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        return sum(part.nbytes for part in self.parts())

    def parts(self) -> Iterator[torch.Tensor]:
        """Yield the tensors and the rows."""
        for value in self.tensors.values():
            yield from value if isinstance(value, list) else [value]


def pack(
    state: Any, known: Container[str] = (), origins: Mapping[str, Origin] = MappingProxyType({})
) -> Packed:
    """Return a state as JSON and tensors; what is not copied must not change until it is written.

    Parameters
    ----------
    state
        The tree.
    known
        Digests of networks that are stored already: they are named and not stored again.
    origins
        Recipes of networks that are held as weights: they are stored in place of the weights.

    Raises
    ------
    RunError
        When there is something in it that cannot be stored; the message says where.
    """
    packer = _Packer(known, origins)
    try:
        tree = packer.value(state)
        individuals = [packer.individual(one) for one in packer.waiting]
    except _UnstorableError as error:
        raise RunError(f"{error}") from None
    document = {
        "state": tree,
        "individuals": individuals,
        "classes": list(packer.classes),
        "networks": packer.networks.networks,
        "layouts": [layout_spec(layout) for layout in packer.networks.layouts],
        "operators": [_operator_spec(*key) for key in packer.networks.operators],
    }
    return Packed(document, {**packer.tensors, **packer.networks.rows})


def unpack(packed: Packed, classes: Sequence[type[Any]] = (), before: Sequence[Packed] = ()) -> Any:
    """Return the state of `pack`, with individuals and networks of its own.

    Parameters
    ----------
    packed
        What `pack` returned, or what was read from a disk.
    classes
        Classes of individuals; others are looked up, by the name they had, among the modules that
        are imported: ``deap.creator`` for one.
    before
        Where the networks are that were known when it was packed.

    Raises
    ------
    RunError
        When a class of individuals cannot be found, or a recipe gives another network.
    OperatorError
        When an operator cannot be found.
    """
    reader = NetworkReader()
    for one in (*before, packed):
        _add_networks(reader, one)
    return _Unpacker(packed, classes).state(reader)


def to_plain(values: Any) -> Any:
    """Return dicts, lists and tuples of plain values as JSON: those without tables."""
    return _Packer().value(values)


def from_plain(written: Any) -> Any:
    """Return what `to_plain` was given."""
    return _Unpacker(Packed({})).value(written)


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

    def __init__(
        self, known: Container[str] = (), origins: Mapping[str, Origin] = MappingProxyType({})
    ) -> None:
        self.tensors: dict[str, Rows] = {}
        self.waiting: list[WeightGenome] = []
        self.classes: dict[str, int] = {}
        self.networks = NetworkWriter(known, origins)
        self._places: dict[int, int] = {}

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
        own = {key: value for key, value in vars(individual).items() if key != "node"}
        try:
            attributes = self.mapping(own)
        except _UnstorableError as error:
            error.where.append(f"individual {individual.digest[:8]}")
            raise
        return {
            "class": self.classes.setdefault(name, len(self.classes)),
            "network": self.networks.store(individual.node),
            "attributes": attributes,
        }


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


def _operator_spec(reference: str, parameters: Any) -> dict[str, Any]:
    return {"operator": reference, "parameters": _Packer().items(list(map(list, parameters)))}


class _Unpacker:
    """The tables of a document, as objects."""

    def __init__(self, packed: Packed, classes: Sequence[type[Any]] = ()) -> None:
        self._document, self._tensors = packed.document, packed.tensors
        self._given = {f"{kind.__module__}:{kind.__qualname__}": kind for kind in classes}
        self._individuals: list[Any] = []

    def state(self, reader: NetworkReader) -> Any:
        """Return the tree."""
        nodes = reader.nodes(spec["network"] for spec in self._document["individuals"])
        kinds = [self._class(name) for name in self._document["classes"]]
        specs = self._document["individuals"]
        self._individuals = [kinds[s["class"]](nodes[s["network"]]) for s in specs]
        for individual, spec in zip(self._individuals, specs, strict=True):
            self._fill(individual, self.value(spec["attributes"]))
        return self.value(self._document["state"])

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


def _add_networks(reader: NetworkReader, packed: Packed) -> None:
    document = packed.document
    operators = [
        (spec["operator"], tuple((name, from_plain(value)) for name, value in spec["parameters"]))
        for spec in document["operators"]
    ]
    layouts = [layout_of(spec) for spec in document["layouts"]]
    reader.add(document["networks"], layouts, operators, packed.tensors)
