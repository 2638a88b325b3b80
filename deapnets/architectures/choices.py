"""`ChoiceSpace`: networks that are rows of decisions; `ChoiceGenome`: one of them."""

from __future__ import annotations

import copy
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from deap.base import Fitness

from deapnets.errors import ArchitectureError, OptionError

Genes = tuple[int, ...]
"""A decision each: the number of the alternative that was chosen."""

Genome = TypeVar("Genome", bound="ChoiceGenome")


class ChoiceSpace(ABC):
    """A search space: what is decided, and what a row of decisions means.

    Derive from it for a space of your own: `choices` and `text` are enough for all algorithms.
    """

    name: str
    """What messages and files call it."""

    choices: tuple[int, ...]
    """Alternatives of each decision, at least one each."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What each decision is about; a mutation draws the kind first, then one of that kind."""
        return ("choice",) * len(self.choices)

    @abstractmethod
    def text(self, genes: Genes) -> str:
        """Return the genes as people read and type them."""

    def parse_genes(self, text: str) -> Genes:
        """Return the genes of what `text` returned; an `OptionError` for anything else."""
        raise OptionError(f"{self.name} reads no text.")

    def key(self, genes: Genes) -> str:
        """Return the name of what the genes compute: equal for all genes that compute the same."""
        return self.text(genes)

    def describe(self) -> dict[str, Any]:
        """Return what tells this space from others, as JSON values."""
        return {"name": self.name}

    def size(self) -> int:
        """Return how many rows of decisions there are."""
        total = 1
        for count in self.choices:
            total *= count
        return total

    def draw(self) -> Genes:
        """Return genes drawn uniformly, from Python's `random`."""
        return tuple(random.randrange(count) for count in self.choices)

    def vary(self, genes: Genes, identity: float = 0.0) -> Genes:
        """Return genes with one decision changed; with probability ``identity`` none.

        Its kind is drawn first, then the decision, then one of its other alternatives. Draws from
        Python's `random`.
        """
        if identity and random.random() < identity:
            return genes
        kind = random.choice(tuple(dict.fromkeys(self.kinds)))
        at = random.choice([i for i, own in enumerate(self.kinds) if own == kind])
        other = random.randrange(max(1, self.choices[at] - 1))
        value = other + (other >= genes[at]) if self.choices[at] > 1 else genes[at]
        return (*genes[:at], value, *genes[at + 1 :])

    def neighbours(self, genes: Genes) -> Iterator[Genes]:
        """Yield all genes that differ in one decision, in a fixed order."""
        for at, count in enumerate(self.choices):
            for value in range(count):
                if value != genes[at]:
                    yield (*genes[:at], value, *genes[at + 1 :])

    def units(self) -> Iterator[tuple[int, int]]:
        """Yield first and last + 1 of decisions that are inherited together: by default each."""
        return ((at, at + 1) for at in range(len(self.choices)))

    def checked(self, genes: Sequence[int]) -> Genes:
        """Return the genes as a tuple.

        Raises
        ------
        ArchitectureError
            When there are too few or too many, or one is no number of an alternative.
        """
        row = tuple(genes)
        if len(row) != len(self.choices):
            raise ArchitectureError(
                f"A genome of {self.name} has {len(self.choices)} genes, got {len(row)}."
            )
        for at, (gene, count) in enumerate(zip(row, self.choices, strict=True)):
            if not isinstance(gene, int) or not 0 <= gene < count:
                raise ArchitectureError(
                    f"Gene {at} of {self.name} is a number from 0 to {count - 1}, got {gene!r}."
                )
        return row

    def parse(self, text: str, container: Callable[..., Any] | None = None) -> Any:
        """Return the genome of a text: ``container(space, genes)``, or a plain one.

        Raises
        ------
        OptionError
            When the text is not one of this space; it says where.
        """
        return (container or self.genome_class())(self, self.parse_genes(text))

    def from_json(self, text: str, container: Callable[..., Any] | None = None) -> Any:
        """Return the genome that `ChoiceGenome.to_json` wrote.

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

    def genome_class(self) -> type[ChoiceGenome]:
        """Return the class of plain genomes of this space."""
        return ChoiceGenome


class ChoiceGenome:
    """A row of decisions, as DEAP individuals.

    Genes never change: operators give the individual new ones, so a clone shares them.

    Parameters
    ----------
    space
        What the genes mean.
    genes
        The number of an alternative for each decision.

    Raises
    ------
    ArchitectureError
        When the genes are not of the space.
    """

    records: Mapping[str, Any] = MappingProxyType({})
    """What the evaluator recorded of it beside the fitness, at its last evaluation."""

    __hash__ = None  # type: ignore[assignment]  # as DEAP's own: an individual changes in place

    def __init__(self, space: ChoiceSpace, genes: Sequence[int]) -> None:
        self.space = space
        self._genes = space.checked(genes)

    @property
    def genes(self) -> Genes:
        """The decisions; assigning others is what operators do. The fitness is left alone."""
        return self._genes

    @genes.setter
    def genes(self, genes: Sequence[int]) -> None:
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

    def plain(self) -> ChoiceGenome:
        """Return a genome with the same genes and nothing else, to be sent to another process."""
        return self.space.genome_class()(self.space, self._genes)

    def describe(self) -> dict[str, Any]:
        """Return ``space`` and ``architecture`` as JSON values: see `ChoiceSpace.from_json`."""
        return {"space": self.space.describe(), "architecture": str(self)}

    def to_json(self) -> str:
        """Return `describe` as JSON text."""
        return json.dumps(self.describe())

    def __len__(self) -> int:
        return len(self._genes)

    def __eq__(self, other: object) -> bool:
        """Compare space and genes. What computes the same has equal keys, not equal genes."""
        if not isinstance(other, ChoiceGenome):
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
