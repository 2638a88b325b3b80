"""`ProgramSpace`: which programs there are; `ProgramGenome`: one of them, as DEAP individuals."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, final

import torch
from deap import gp

from deapnets.architectures.spaces import SearchSpace, SpaceGenome
from deapnets.errors import ArchitectureError, OptionError
from deapnets.programs.compiling import compile_tree
from deapnets.programs.fingerprints import fingerprints, normal_probe
from deapnets.programs.trees import Nodes, constants_of, parse, require_tree
from deapnets.programs.tuning import shake_constant

Genome = TypeVar("Genome", bound="ProgramGenome")

_REMEMBERED = 20_000


@final
class ProgramSpace(SearchSpace):
    """The trees of a primitive set, within limits of height and size.

    Parameters
    ----------
    pset
        DEAP's `gp.PrimitiveSet` or `gp.PrimitiveSetTyped`; its functions take tensors.
    height
        Levels below the root that a tree may have (Koza's limit is 17).
    size
        Nodes that a tree may have.
    least, most
        Heights of trees that `draw` makes, by `gp.genHalfAndHalf`.
    probe
        Inputs on which programs are compared, ``[points]`` an argument; None for normal numbers of
        deviations 0.1, 1 and 10, the same in every process.

    Raises
    ------
    OptionError
        When a limit cannot be used.
    """

    def __init__(
        self,
        pset: gp.PrimitiveSetTyped,
        *,
        height: int = 17,
        size: int = 200,
        least: int = 1,
        most: int = 3,
        probe: Sequence[torch.Tensor] | None = None,
    ) -> None:
        if not 0 <= least <= most <= height:
            raise OptionError(
                f"Trees are drawn with heights from least to most, within height: expected "
                f"0 <= least <= most <= height, got {least}, {most}, {height}."
            )
        if size < 1:
            raise OptionError(f"size is at least 1 node, got {size}.")
        self.pset = pset
        self.name = str(pset.name)
        self.height, self.size = height, size
        self.least, self.most = least, most
        self.probe = tuple(normal_probe(len(pset.arguments)) if probe is None else probe)
        if len(self.probe) != len(pset.arguments):
            raise OptionError(
                f"The probe has a tensor for each of {', '.join(pset.arguments)}; "
                f"got {len(self.probe)}."
            )
        self._keys: OrderedDict[str, str] = OrderedDict()

    @property
    def functions(self) -> list[str]:
        """Names of the primitives, in order."""
        return [name for name, node in self.pset.mapping.items() if isinstance(node, gp.Primitive)]

    def describe(self) -> dict[str, Any]:
        """Return name, arguments, functions and limits as JSON values."""
        return {
            "name": self.name,
            "arguments": list(self.pset.arguments),
            "functions": self.functions,
            "height": self.height,
            "size": self.size,
        }

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, ProgramSpace) and self.describe() == other.describe()

    def __hash__(self) -> int:
        return hash((self.name, *self.pset.arguments))

    def draw(self) -> Nodes:
        """Return a tree by `gp.genHalfAndHalf`, from Python's `random`.

        Raises
        ------
        ArchitectureError
            When the primitive set has nothing of a type that a tree needs.
        """
        try:
            return tuple(gp.genHalfAndHalf(self.pset, self.least, self.most))
        except IndexError as error:
            raise ArchitectureError(
                f"No tree of {self.name} can be drawn: {error} Add one with pset.addTerminal or "
                "pset.addPrimitive."
            ) from error

    def vary(self, genes: Sequence[Any]) -> Nodes:
        """Return a tree after one of DEAP's mutations, or with one constant changed.

        Of those that suit the tree one is drawn, from Python's `random`; a child above the limits
        is its parent, as with `gp.staticLimit`.
        """
        tree = gp.PrimitiveTree(genes)
        kinds: list[Callable[[gp.PrimitiveTree], Any]] = [
            self._branch,
            lambda one: gp.mutNodeReplacement(one, self.pset),
            lambda one: gp.mutInsert(one, self.pset),
            gp.mutShrink,
        ]
        if constants_of(tree):
            kinds += [shake_constant, shake_constant]
        random.choice(kinds)(tree)
        return tuple(tree) if self.within(tree) else tuple(genes)

    def _branch(self, tree: gp.PrimitiveTree) -> None:
        def branch(pset: Any, type_: Any) -> list[Any]:
            made: list[Any] = gp.genGrow(pset, 0, 2, type_)
            return made

        gp.mutUniform(tree, branch, self.pset)

    def within(self, genes: Sequence[Any]) -> bool:
        """Return whether a tree is within the limits of height and size."""
        return len(genes) <= self.size and gp.PrimitiveTree(genes).height <= self.height

    def require_limits(self, genes: Sequence[Any]) -> None:
        """Raise an `ArchitectureError` for a tree above the limits."""
        if not self.within(genes):
            raise ArchitectureError(
                f"A program of {len(genes)} nodes and height {gp.PrimitiveTree(genes).height} is "
                f"above the limits of {self.name}: {self.size} nodes and height {self.height}. "
                "Decorate mate and mutate with gp.staticLimit, or raise size= and height=."
            )

    def checked(self, genes: Sequence[Any]) -> Nodes:
        """Return the nodes as a tuple; an `ArchitectureError` when they are no tree of the set."""
        return require_tree(genes, self.pset)

    def text(self, genes: Sequence[Any]) -> str:
        """Return the tree as DEAP writes it: ``add(x, mul(2.0, y))``."""
        return str(gp.PrimitiveTree(genes))

    def parse_genes(self, text: str) -> Nodes:
        """Return the nodes of a text; nothing in it is evaluated. Errors: see `trees.parse`."""
        return parse(text, self.pset)

    def key(self, genes: Sequence[Any]) -> str:
        """Return the name of what a program computes: equal for equal outputs on the probe.

        To about five digits. Programs that differ elsewhere alone have one name: choose the probe
        where they are used. What cannot be computed is named by its text.
        """
        return self.keys([genes])[0]

    def keys(self, several: Sequence[Sequence[Any]]) -> list[str]:
        """Return the names of several programs, computed together."""
        texts = [self.text(genes) for genes in several]
        fresh = {
            text: genes
            for text, genes in zip(texts, several, strict=True)
            if text not in self._keys
        }
        keys = fingerprints(list(fresh.values()), self.pset, self.probe)
        self._keys.update(zip(fresh, keys, strict=True))
        found = [self._keys[text] for text in texts]
        while len(self._keys) > _REMEMBERED:
            self._keys.popitem(last=False)
        return found

    def parse(self, text: str, container: Callable[..., Any] | None = None) -> Any:
        """Return the program of a text: of a class whose ``space`` this is, or a plain one."""
        return self.individual(container, self.parse_genes(text))

    def individual(self, container: Callable[..., Any] | None, genes: Sequence[Any]) -> Any:
        """Return ``container(genes)``, of this space whatever the container's is."""
        kind: Callable[..., Any] = container or self.genome_class()
        made = kind(genes)
        if getattr(made, "space", None) is not self:
            made.space = self
        return made

    def genome_class(self) -> type[SpaceGenome]:
        """Return `ProgramGenome`."""
        return ProgramGenome


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
