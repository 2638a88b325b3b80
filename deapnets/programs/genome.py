"""`ProgramGenome`: a `gp.PrimitiveTree` that knows which space it is of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from deap import gp

from deapnets.architectures.spaces import SpaceGenome
from deapnets.errors import ArchitectureError
from deapnets.programs.compiling import compile_tree
from deapnets.programs.spaces import ProgramSpace

Genome = TypeVar("Genome", bound="ProgramGenome")


class ProgramGenome(gp.PrimitiveTree, SpaceGenome):
    """A program, as DEAP individuals: a `gp.PrimitiveTree`, for which it stands in everywhere.

    ::

        creator.create("Individual", dn.ProgramGenome, fitness=creator.FitnessMin, space=space)
        toolbox.register("expr", gp.genHalfAndHalf, pset=space.pset, min_=1, max_=2)
        toolbox.register("individual", tools.initIterate, creator.Individual, toolbox.expr)

    DEAP's crossovers and mutations change it in place. Unlike other genomes it is a list; its nodes
    never change, so a clone shares them.

    Parameters
    ----------
    content
        Nodes, depth first, as DEAP's generators make them.

    Raises
    ------
    ArchitectureError
        When the class has no ``space``.
    """

    space: ProgramSpace

    def __init__(self, content: Sequence[Any]) -> None:
        gp.PrimitiveTree.__init__(self, content)

    @property
    def genes(self) -> tuple[Any, ...]:
        """The nodes; assigning others is what operators do. The fitness is left alone."""
        return tuple(self)

    @genes.setter
    def genes(self, genes: Sequence[Any]) -> None:
        list.__setitem__(self, slice(None), self._space().checked(genes))

    def _space(self) -> ProgramSpace:
        space = getattr(self, "space", None)
        if space is None:
            raise ArchitectureError(
                f"{type(self).__name__} has no space: creator.create({type(self).__name__!r}, "
                "dn.ProgramGenome, fitness=..., space=dn.ProgramSpace(pset))."
            )
        return space

    @property
    def key(self) -> str:
        """Name of what it computes: see `ProgramSpace.key`."""
        return self._space().key(self)

    def take_text(self, text: str) -> None:
        """Take the nodes of a text, as `str` writes it."""
        self.genes = self._space().parse_genes(text)

    def plain(self) -> ProgramGenome:
        """Return a genome with the same nodes and nothing else, to be sent to another process."""
        made: ProgramGenome = self._space().individual(None, self)
        return made

    def describe(self) -> dict[str, Any]:
        """Return ``space`` and ``architecture`` (the text) as JSON values."""
        return {"space": self._space().describe(), "architecture": str(self)}

    def function(self) -> Callable[..., torch.Tensor]:
        """Return the program as a function of tensors, in the order of the set's arguments."""
        return compile_tree(self, self._space().pset)

    def __reduce__(self) -> Any:
        if type(self) is ProgramGenome:
            return _read, (self._space(), str(self))
        return super().__reduce__()

    def __deepcopy__(self: Genome, memo: dict[int, Any]) -> Genome:
        """Return a clone that shares the nodes and has its own fitness and other attributes."""
        clone = SpaceGenome.__deepcopy__(self, memo)
        list.extend(clone, self)
        return clone

    def __copy__(self: Genome) -> Genome:
        clone = type(self).__new__(type(self))
        clone.__dict__.update(self.__dict__)
        list.extend(clone, self)
        return clone

    def __str__(self) -> str:
        return str(gp.PrimitiveTree.__str__(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"


def _read(space: ProgramSpace, text: str) -> ProgramGenome:
    made: ProgramGenome = space.parse(text)
    return made
