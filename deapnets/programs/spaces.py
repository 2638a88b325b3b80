"""`ProgramSpace`: which programs there are, and their names by what they compute."""

from __future__ import annotations

import hashlib
import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import torch
from deap import gp

from deapnets.architectures.spaces import SearchSpace, SpaceGenome
from deapnets.errors import ArchitectureError, EvaluationError, OptionError
from deapnets.programs.compiling import Programs
from deapnets.programs.trees import (
    Nodes,
    constant_like,
    constants_of,
    is_constant,
    parse,
    require_tree,
)

POINTS = 64
"""Points of the probe: on how many inputs two programs are compared."""

_BITS = 16
"""Bits to which outputs are rounded before they are compared: about five digits."""

_NOTHING = 1e-12
"""Below this an output is 0: what is left where terms cancel."""

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
        self.probe = tuple(_probe(len(pset.arguments)) if probe is None else probe)
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
        for text, key in zip(fresh, self._fingerprints(list(fresh.values())), strict=True):
            self._keys[text] = key
        found = [self._keys[text] for text in texts]
        while len(self._keys) > _REMEMBERED:
            self._keys.popitem(last=False)
        return found

    def _fingerprints(self, several: Sequence[Sequence[Any]]) -> list[str]:
        if not several:
            return []
        try:
            with torch.no_grad():
                outputs = Programs(several, self.pset)(*self.probe)
        except EvaluationError:
            if len(several) == 1:
                return [_digest(self.text(several[0]).encode())]
            return [key for genes in several for key in self._fingerprints([genes])]
        return [_digest(rounded(output)) for output in outputs]

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
        from deapnets.programs.genome import ProgramGenome

        return ProgramGenome


def shake_constant(tree: gp.PrimitiveTree) -> tuple[gp.PrimitiveTree]:
    """Return the tree with one constant moved, in place: a little, by a factor, or to minus it.

    Draws from Python's `random`.
    """
    places = [at for at, node in enumerate(tree) if is_constant(node)]
    if places:
        at = random.choice(places)
        value = float(tree[at].value)
        kind = random.random()
        if kind < 0.15:
            value = -value
        elif kind < 0.6:
            value *= 2.0 ** random.gauss(0.0, 1.0)
        else:
            value += random.gauss(0.0, 0.1)
        tree[at] = constant_like(tree[at], value)
    return (tree,)


def rounded(output: torch.Tensor) -> bytes:
    """Return outputs, rounded to some binary digits, as bytes that are equal for equal outputs."""
    values = np.ascontiguousarray(output.detach().double().cpu().numpy())
    values = np.where(np.abs(values) < _NOTHING, 0.0, values)
    mantissa, exponent = np.frexp(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0))
    digits = np.round(mantissa * (1 << _BITS)).astype(np.int64)
    carried = np.abs(digits) == 1 << _BITS  # 0.99999 is 1.0: one exponent up
    digits = np.where(carried, digits // 2, digits)
    exponent = exponent.astype(np.int64) + carried
    kinds = np.isnan(values) * 3 + np.isposinf(values) * 1 + np.isneginf(values) * 2
    return digits.tobytes() + exponent.tobytes() + kinds.astype(np.int64).tobytes()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _probe(arguments: int) -> list[torch.Tensor]:
    generator = np.random.Generator(np.random.PCG64(20261124))
    scales = np.resize([0.1, 1.0, 1.0, 10.0], POINTS)
    drawn = [scales * generator.standard_normal(POINTS) for _ in range(arguments)]
    return [torch.from_numpy(values) for values in drawn]
