"""`SearchSpace`: what structures there are; `SpaceGenome`: one of them, as DEAP individuals."""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from deap.base import Fitness

from deapnets.errors import ArchitectureError, OptionError

Genome = TypeVar("Genome", bound="SpaceGenome")


class SearchSpace(ABC):
    """What structures there are, and what their genes mean. Genes are values that never change."""

    name: str
    """What messages and files call it."""

    @abstractmethod
    def draw(self) -> Any:
        """Return genes to begin with, drawn from Python's `random`."""

    @abstractmethod
    def vary(self, genes: Any) -> Any:
        """Return mutated genes, drawn from Python's `random`."""

    @abstractmethod
    def checked(self, genes: Any) -> Any:
        """Return genes as they are stored; an `ArchitectureError` for those of no such space."""

    @abstractmethod
    def text(self, genes: Any) -> str:
        """Return the genes as people read and type them."""

    def parse_genes(self, text: str) -> Any:
        """Return the genes of what `text` returned; an `OptionError` for anything else."""
        raise OptionError(f"{self.name} reads no text.")

    def key(self, genes: Any) -> str:
        """Return the name of what the genes compute: equal for all genes that compute the same."""
        return self.text(genes)

    def describe(self) -> dict[str, Any]:
        """Return what tells this space from others, as JSON values."""
        return {"name": self.name}

    def parse(self, text: str, container: Callable[..., Any] | None = None) -> Any:
        """Return the genome of a text: ``container(space, genes)``, or a plain one.

        Raises
        ------
        OptionError
            When the text is not one of this space; it says where.
        """
        return self.individual(container, self.parse_genes(text))

    def individual(self, container: Callable[..., Any] | None, genes: Any) -> Any:
        """Return ``container(space, genes)``, or a plain genome."""
        return (container or self.genome_class())(self, genes)

    def from_json(self, text: str, container: Callable[..., Any] | None = None) -> Any:
        """Return the genome that `SpaceGenome.to_json` wrote.

        Raises
        ------
        ArchitectureError
            When it is no such JSON, or of another space; both are named.
        """
        try:
            value = json.loads(text)
            space, architecture = value["space"], value["architecture"]
        except (ValueError, KeyError, TypeError) as error:
            raise ArchitectureError(
                f"This is no genome of {self.name}: expected JSON with space and architecture."
            ) from error
        if space != json.loads(json.dumps(self.describe())):
            raise ArchitectureError(
                f"A genome of {space} cannot be one of {self.describe()}: make the space that it "
                "is from."
            )
        return self.parse(architecture, container)

    def genome_class(self) -> type[SpaceGenome]:
        """Return the class of plain genomes of this space."""
        return SpaceGenome


class SpaceGenome:
    """A structure, as DEAP individuals.

    Genes never change: operators give the individual new ones, so a clone shares them.

    Parameters
    ----------
    space
        What the genes mean.
    genes
        The structure: a value that never changes.

    Raises
    ------
    ArchitectureError
        When the genes are not of the space.
    """

    records: Mapping[str, Any] = MappingProxyType({})
    """What the evaluator recorded of it beside the fitness, at its last evaluation."""

    __hash__ = None  # type: ignore[assignment]  # as DEAP's own: an individual changes in place

    def __init__(self, space: SearchSpace, genes: Any) -> None:
        self.space = space
        self._genes = space.checked(genes)

    @property
    def genes(self) -> Any:
        """The structure; assigning another is what operators do. The fitness is left alone."""
        return self._genes

    @genes.setter
    def genes(self, genes: Any) -> None:
        self._genes = self.space.checked(genes)

    @property
    def key(self) -> str:
        """Name of what it computes: two genomes that compute the same have the same."""
        return self.space.key(self._genes)

    @property
    def digest(self) -> str:
        """What errors and logs call the individual: its `key`."""
        return self.key

    def take_text(self, text: str) -> None:
        """Take the genes of a text, as `str` writes it."""
        self.genes = self.space.parse_genes(text)

    def plain(self) -> SpaceGenome:
        """Return a genome with the same genes and nothing else, to be sent to another process."""
        made: SpaceGenome = self.space.individual(None, self._genes)
        return made

    def describe(self) -> dict[str, Any]:
        """Return ``space`` and ``architecture`` as JSON values: see `SearchSpace.from_json`."""
        return {"space": self.space.describe(), "architecture": str(self)}

    def to_json(self) -> str:
        """Return `describe` as JSON text."""
        return json.dumps(self.describe())

    def __eq__(self, other: object) -> bool:
        """Compare space and genes. What computes the same has equal keys, not equal genes."""
        if not isinstance(other, SpaceGenome):
            return NotImplemented
        return self._genes == other._genes and self.space == other.space

    def __deepcopy__(self: Genome, memo: dict[int, Any]) -> Genome:
        """Return a clone that shares the genes and has its own fitness and other attributes."""
        clone = type(self).__new__(type(self))
        memo[id(self)] = clone
        own = clone.__dict__
        for name, value in self.__dict__.items():
            if name in ("space", "_genes", "records"):  # none of them ever changes
                own[name] = value
            elif isinstance(value, Fitness):  # as copy.deepcopy does, without its detour
                own[name] = value.__deepcopy__(memo)
            else:
                own[name] = copy.deepcopy(value, memo)
        return clone

    def __str__(self) -> str:
        return self.space.text(self._genes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"
