"""`ChoiceSpace`: structures that are rows of decisions; `ChoiceGenome`: one of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from deapnets.architectures.spaces import SearchSpace, SpaceGenome
from deapnets.errors import ArchitectureError

Genes = tuple[int, ...]
"""A decision each: the number of the alternative that was chosen."""


class ChoiceSpace(SearchSpace):
    """A search space: what is decided, and what a row of decisions means.

    Derive from it for a space of your own: `choices` and `text` are enough for all algorithms.
    """

    choices: tuple[int, ...]
    """Alternatives of each decision, at least one each."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What each decision is about; a mutation draws the kind first, then one of that kind."""
        return ("choice",) * len(self.choices)

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

    def genome_class(self) -> type[SpaceGenome]:
        """Return `ChoiceGenome`."""
        return ChoiceGenome


class ChoiceGenome(SpaceGenome):
    """A row of decisions, as DEAP individuals.

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

    space: ChoiceSpace

    def __len__(self) -> int:
        return len(self.genes)
