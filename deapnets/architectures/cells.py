"""`CellSpace`: networks that repeat a small cell; `CellGenome`: the cells of one of them."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, final, get_args

from torch import nn

from deapnets.architectures import counting, decoding, drawing
from deapnets.architectures.canonical import Cell, Term, canonical, published
from deapnets.architectures.choices import ChoiceGenome, ChoiceSpace, Genes
from deapnets.architectures.operations import (
    NASBENCH201_OPERATIONS,
    NASNET_OPERATIONS,
    Operation,
)
from deapnets.architectures.spaces import SpaceGenome
from deapnets.errors import ArchitectureError, OptionError, unknown

Wiring = Literal["pairs", "complete"]


class _Slot(NamedTuple):
    """Where a term stands: the combination, its fixed source or None, the sources to choose."""

    combination: int
    source: int | None
    sources: int


@final
class CellSpace(ChoiceSpace):
    """Networks made of stacked cells, each a small graph of operations.

    A cell's hidden states are its inputs, and then its combinations, each a sum of terms: an
    operation on an earlier hidden state. ``wiring="pairs"`` is NASNet's: two inputs (the outputs of
    the two cells before), two terms in each combination with sources of their choice; the
    combinations that no other one reads are concatenated. ``wiring="complete"`` is NAS-Bench-201's:
    one input, a term for every earlier hidden state; the last one is the output.

    Parameters
    ----------
    name
        What messages and files call it.
    operations
        What may stand in a term.
    wiring
        ``"pairs"`` or ``"complete"``.
    combinations
        Sums in a cell, at least 1.
    stack
        Cells in each of the three stages between reductions (N in the papers), at least 1.
    width
        Channels of the first stage (F in the papers); each later one has twice as many.

    Raises
    ------
    OptionError
        When a value cannot be used.
    """

    def __init__(
        self,
        name: str = "nasnet",
        *,
        operations: Sequence[Operation] = NASNET_OPERATIONS,
        wiring: Wiring = "pairs",
        combinations: int = 5,
        stack: int = 3,
        width: int = 24,
    ) -> None:
        if wiring not in get_args(Wiring):
            raise OptionError(unknown("wiring", str(wiring), get_args(Wiring)))
        for what, value in (("combinations", combinations), ("stack", stack), ("width", width)):
            if value < 1:
                raise OptionError(f"{what} is at least 1, got {value}.")
        self.name, self.wiring = name, wiring
        self.operations = tuple(operations)
        self.combinations, self.stack, self.width = combinations, stack, width
        self.cells = ("normal", "reduction") if wiring == "pairs" else ("cell",)
        self.inputs = 2 if wiring == "pairs" else 1
        self._numbers = {operation.name: i for i, operation in enumerate(self.operations)}
        self._slots = tuple(self._slots_of_cell())
        self.choices = tuple(n for _ in self.cells for n in self._choices_of_cell())
        self._hash = hash((self.name, self.wiring, self.choices, tuple(self._numbers)))

    def _slots_of_cell(self) -> list[_Slot]:
        if self.wiring == "pairs":
            return [_Slot(k, None, k + 2) for k in range(self.combinations) for _ in range(2)]
        return [
            _Slot(k, source, k + 1) for k in range(self.combinations) for source in range(k + 1)
        ]

    def _choices_of_cell(self) -> list[int]:
        operations = len(self.operations)
        free = [[slot.sources, operations] for slot in self._slots]
        return [n for pair in free for n in (pair if self.wiring == "pairs" else pair[1:])]

    @functools.cached_property
    def kinds(self) -> tuple[str, ...]:
        """``"source"`` (hidden-state mutation) or ``"operation"`` for each decision."""
        term = ("source", "operation") if self.wiring == "pairs" else ("operation",)
        return term * (len(self._slots) * len(self.cells))

    def units(self) -> Iterator[tuple[int, int]]:
        """Yield the decisions of each term: where it reads, and its operation."""
        step = 2 if self.wiring == "pairs" else 1
        return ((at, at + step) for at in range(0, len(self.choices), step))

    def __eq__(self, other: object) -> bool:
        """Compare what is decided and what it means, whatever object says it."""
        if self is other:
            return True
        return isinstance(other, CellSpace) and (
            self.describe() == other.describe() and self.operations == other.operations
        )

    def __hash__(self) -> int:
        return self._hash

    def describe(self) -> dict[str, Any]:
        """Return name, wiring, sizes and operations as JSON values."""
        return {
            "name": self.name,
            "wiring": self.wiring,
            "combinations": self.combinations,
            "stack": self.stack,
            "width": self.width,
            "operations": list(self._numbers),
        }

    def cells_of(self, genes: Genes) -> tuple[Cell, ...]:
        """Return the cells that genes stand for: combinations of terms (source, operation)."""
        return _cells(self, genes)

    def text(self, genes: Genes) -> str:
        """Return NAS-Bench-201's notation: ``|operation~source|...|+|...|``, a cell a word."""
        return _text(self, genes)

    def parse_genes(self, text: str) -> Genes:
        """Return the genes of a text as `text` writes it.

        Raises
        ------
        OptionError
            When a cell, a combination or a term is missing, or one too many, or an operation is
            unknown.
        """
        words = text.split()
        if len(words) != len(self.cells):
            raise OptionError(
                f"A text of {self.name} has {len(self.cells)} cell(s), got {len(words)}: {text!r}."
            )
        if len(self.cells) > 1:
            words = [self._named(word, name) for word, name in zip(words, self.cells, strict=True)]
        return tuple(gene for word in words for gene in self._genes_of_cell(word))

    def _named(self, word: str, name: str) -> str:
        own, _, cell = word.partition(":")
        if own != name:
            raise OptionError(f'Expected "{name}:|...|" in a text of {self.name}, got {word!r}.')
        return cell

    def _genes_of_cell(self, text: str) -> list[int]:
        combinations = text.split("+")
        if len(combinations) != self.combinations:
            raise OptionError(
                f"A cell of {self.name} has {self.combinations} combinations between + signs, "
                f"got {len(combinations)}: {text!r}."
            )
        genes: list[int] = []
        for number, combination in enumerate(combinations):
            slots = [slot for slot in self._slots if slot.combination == number]
            if not re.fullmatch(r"(\|[^|~]+~\d+)+\|", combination):
                raise OptionError(
                    f"A combination is |operation~source|...|, got {combination!r} in {text!r}."
                )
            terms = combination.strip("|").split("|")
            if len(terms) != len(slots):
                raise OptionError(
                    f"Combination {number} of {self.name} has {len(slots)} term(s), got "
                    f"{len(terms)}: {combination!r}."
                )
            for slot, term in zip(slots, terms, strict=True):
                genes += self._genes_of_term(slot, term)
        return genes

    def _genes_of_term(self, slot: _Slot, term: str) -> list[int]:
        operation, _, number = term.partition("~")
        source = int(number)
        if operation not in self._numbers:
            raise OptionError(unknown(f"operation of {self.name}", operation, self._numbers))
        if source != slot.source if slot.source is not None else source >= slot.sources:
            wanted = slot.source if slot.source is not None else f"0 to {slot.sources - 1}"
            raise OptionError(f"The source of {term!r} must be {wanted} there.")
        own = [self._numbers[operation]]
        return own if slot.source is not None else [source, *own]

    def key(self, genes: Genes) -> str:
        """Return the name of the function: see `deapnets.architectures.canonical`."""
        return _key(self, genes)

    def canonical(self, genes: Genes) -> str:
        """Return the canonical form of the cells, which `key` is the hash of."""
        kinds = {operation.name: operation for operation in self.operations}
        return " ".join(
            canonical(cell, self.inputs, kinds, strided=name == "reduction", last=self.inputs == 1)
            for name, cell in zip(self.cells, self.cells_of(genes), strict=True)
        )

    def genome_class(self) -> type[SpaceGenome]:
        """Return `CellGenome`."""
        return CellGenome


@functools.lru_cache(maxsize=1 << 15)
def _cells(space: CellSpace, genes: Genes) -> tuple[Cell, ...]:
    numbers = iter(genes)
    names = tuple(space._numbers)
    cells = []
    for _ in space.cells:
        cell: list[list[Term]] = [[] for _ in range(space.combinations)]
        for slot in space._slots:
            source = next(numbers) if slot.source is None else slot.source
            cell[slot.combination].append(Term(source, names[next(numbers)]))
        cells.append(tuple(map(tuple, cell)))
    return tuple(cells)


@functools.lru_cache(maxsize=1 << 15)
def _text(space: CellSpace, genes: Genes) -> str:
    cells = [_notation(cell) for cell in _cells(space, genes)]
    if len(space.cells) == 1:
        return cells[0]
    return " ".join(f"{name}:{cell}" for name, cell in zip(space.cells, cells, strict=True))


@functools.lru_cache(maxsize=1 << 15)
def _key(space: CellSpace, genes: Genes) -> str:
    sizes = f"{space.wiring} {space.stack} {space.width}"
    return hashlib.sha256(f"{sizes} {space.canonical(genes)}".encode()).hexdigest()[:32]


def _notation(cell: Cell) -> str:
    combinations = ["".join(f"|{op}~{source}" for source, op in terms) + "|" for terms in cell]
    return "+".join(combinations)


class CellGenome(ChoiceGenome):
    """The cells of one network of a `CellSpace`, as DEAP individuals.

    Give it to DEAP's creator: ``creator.create("Individual", CellGenome, fitness=...)``, and fill
    populations with `deapnets.initCell`.

    Parameters
    ----------
    space
        What the genes mean, such as `deapnets.NASBENCH201` or `deapnets.NASNET`.
    genes
        A decision each; `deapnets.initCell` draws them.

    Examples
    --------
    >>> import deapnets as dn
    >>> genome = dn.CellGenome(dn.NASBENCH201, (3, 0, 1, 2, 1, 0))
    >>> print(genome)
    |nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|none~2|
    >>> dn.NASBENCH201.parse(str(genome)) == genome
    True
    """

    space: CellSpace

    @property
    def cells(self) -> dict[str, Cell]:
        """The cells by name, each a tuple of combinations of ``(source, operation)``."""
        return dict(zip(self.space.cells, self.space.cells_of(self.genes), strict=True))

    @property
    def canonical(self) -> str:
        """The canonical form that `key` is the hash of, for people to read."""
        return self.space.canonical(self.genes)

    @property
    def unique_string(self) -> str:
        """NAS-Bench-201's own name of a class of cells; it differs from `key` on purpose.

        Raises
        ------
        ArchitectureError
            When the genome is not of NAS-Bench-201's wiring.
        """
        if self.space.wiring != "complete":
            raise ArchitectureError(
                f"The published rule is for cells of NAS-Bench-201, not of {self.space.name}. "
                "Use key."
            )
        (cell,) = self.space.cells_of(self.genes)
        return published(cell)

    def module(self, classes: int = 10, channels: int = 3) -> nn.Module:
        """Return the network, with new weights from torch's global generator.

        Parameters
        ----------
        classes
            Outputs of the network.
        channels
            Channels of the input ``[batch, channels, height, width]``.

        Raises
        ------
        ArchitectureError
            When no path of operations leads from a cell's input to its output: nothing to train.
        """
        if " out(0)" in f" {self.canonical}":
            raise ArchitectureError(
                f"{self} computes nothing: no path leads from the input of a cell to its output, "
                "so there is nothing to train."
            )
        return decoding.decode(self.space, self.cells, classes, channels)

    def parameters(self, classes: int = 10, channels: int = 3) -> int:
        """Return how many weights the network has, without making any."""
        return counting.parameters(lambda: self.module(classes, channels))

    def flops(self, shape: tuple[int, int, int] = (3, 32, 32), classes: int = 10) -> int:
        """Return the floating-point operations of one input ``[channels, height, width]``.

        Those of convolutions and of the last layer, two for each multiplication and addition, as
        `torch.utils.flop_counter` counts them.
        """
        return counting.flops(lambda: self.module(classes, shape[0]), shape)

    def draw(self, path: str | Path) -> Path:
        """Draw the cells into an SVG, PNG or PDF file, by the path's ending; return the path."""
        return drawing.draw_cells(self.cells, self.space.inputs, Path(path))


NASNET = CellSpace("nasnet")
"""The space of NASNet and AmoebaNet: two cells of five combinations, eight operations."""

NASBENCH201 = CellSpace(
    "nasbench201",
    operations=NASBENCH201_OPERATIONS,
    wiring="complete",
    combinations=3,
    stack=5,
    width=16,
)
"""The space of NAS-Bench-201: six edges, five operations, 15,625 cells."""
