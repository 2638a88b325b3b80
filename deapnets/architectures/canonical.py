"""The canonical form of a cell: equal for all cells that compute the same function.

What is folded:

- an operation that nothing reads is left out, whatever its weights;
- a zero adds nothing, and an operation on nothing gives nothing: a convolution of zeros counts as
  zero, though a batch norm behind it may learn an offset;
- an identity is its input, and a sum that is added to a sum becomes part of it: ``x + x`` is 2 x;
- the order of the terms of a sum, and of what is concatenated, does not count;
- two operations without weights on the same input are the same.

What is not: two operations with weights on one input are two, for each learns its own. And a
pooling of a sum is not taken apart into a sum of poolings, though an average would allow it: it is
other work, and other rounding. Taking it apart would leave 5,044 of the 5,260 forms that the cells
of NAS-Bench-201 have.

The form is a graph, not an expression, because an expression writes an operation that is read twice
as if it were two. Its vertices are put in an order that does not depend on the order they came in:
by refining colours, and by trying each member of a class of equal colours (McKay & Piperno 2014,
"Practical graph isomorphism, II", arXiv 1301.1493).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, final

from deapnets.architectures.operations import Operation


class Term(NamedTuple):
    """An operation on an earlier hidden state of the cell."""

    source: int
    operation: str


Cell = tuple[tuple[Term, ...], ...]
"""Combinations of terms; the sum of the k-th is hidden state number inputs + k."""

_OUTPUT = ""
"""The label of an output: no operation has it."""

Sum = Counter[int]
"""How often each vertex is added."""


class _Vertex(NamedTuple):
    label: str
    reads: tuple[tuple[int, int], ...]  # vertex and how often it is added, sorted
    depth: int  # longest way from an input


def canonical(
    cell: Cell,
    inputs: int,
    operations: Mapping[str, Operation],
    *,
    strided: bool = False,
    last: bool = False,
) -> str:
    """Return the canonical form of a cell as text, such as ``1=nor_conv_3x3(x0) out(x0+1)``.

    Parameters
    ----------
    cell
        Its combinations.
    inputs
        How many inputs it has.
    operations
        The operations by name.
    strided
        Whether operations on the inputs halve height and width: a reduction cell.
    last
        Whether the last combination is the output; else all those that no other one reads are.
    """
    graph = _Graph(inputs)
    states = [graph.input(number) for number in range(inputs)]
    for combination in cell:
        total: Sum = Counter()
        for source, name in combination:
            stride = 2 if strided and source < inputs else 1
            total.update(graph.apply(operations[name], stride, states[source]))
        states.append(total)
    ends = [len(states) - 1] if last else loose_ends(cell, inputs)
    for end in ends:
        graph.output(states[end])
    return graph.text()


def loose_ends(cell: Cell, inputs: int) -> list[int]:
    """Return the hidden states that are combinations and that no other one reads."""
    read = {term.source for combination in cell for term in combination}
    return [number for number in range(inputs, inputs + len(cell)) if number not in read]


def published(cell: Cell) -> str:
    """Return the string by which NAS-Bench-201 tells its 6,466 classes of cells apart.

    An expression in which skips are left out and sums are sorted. What is zero is written ``#`` and
    stays in the sums, so that equal networks are split; a hidden state that is read twice is
    written twice, so that one that uses an operation twice is merged with one that has two.

    Source: Dong & Yang 2020, "NAS-Bench-201", arXiv 2001.00326, section 2.
    """
    states = ["0"]
    for combination in cell:
        terms = []
        for source, operation in combination:
            state = states[source]
            if operation == "none" or state == "#":
                terms.append("#")
            else:
                terms.append(state if operation == "skip_connect" else f"({state})@{operation}")
        states.append("+".join(sorted(terms)))
    return states[-1]


@final
class _Graph:
    """Operations as vertices, under construction; what is folded is folded as it comes."""

    def __init__(self, inputs: int) -> None:
        self._vertices = [_Vertex(f"x{number}", (), 0) for number in range(inputs)]
        self._outputs: list[int] = []
        self._pure: dict[tuple[str, tuple[tuple[int, int], ...]], int] = {}

    def input(self, number: int) -> Sum:
        """Return the sum that is one of the inputs."""
        return Counter({number: 1})

    def apply(self, operation: Operation, stride: int, argument: Sum) -> Sum:
        """Return the sum that an operation makes of another one."""
        kind = operation.kind_at(stride)
        if kind == "zero" or not argument:
            return Counter()
        if kind == "identity":
            return argument
        label = operation.name if stride == 1 else f"{operation.name}/{stride}"
        if kind == "weighted":
            return Counter({self.add(label, argument): 1})
        key = (label, tuple(sorted(argument.items())))
        if key not in self._pure:
            self._pure[key] = self.add(label, argument)
        return Counter({self._pure[key]: 1})

    def add(self, label: str, argument: Sum) -> int:
        """Add a vertex; return its number."""
        depth = max((self._vertices[v].depth + 1 for v in argument), default=0)
        self._vertices.append(_Vertex(label, tuple(sorted(argument.items())), depth))
        return len(self._vertices) - 1

    def output(self, argument: Sum) -> None:
        """Add one of the outputs."""
        self._outputs.append(self.add(_OUTPUT, argument))

    def text(self) -> str:
        """Return the vertices that an output depends on, in canonical order."""
        alive = self._alive()
        graph = _Labelling(self._vertices, alive)
        return min(graph.texts(graph.first_colours()), key=lambda text: (len(text), text))

    def _alive(self) -> list[int]:
        seen, waiting = set(self._outputs), list(self._outputs)
        while waiting:
            for source, _ in self._vertices[waiting.pop()].reads:
                if source not in seen:
                    seen.add(source)
                    waiting.append(source)
        return sorted(seen)


Colours = dict[int, int]


@final
class _Labelling:
    """The search for an order of vertices that does not depend on how they were numbered."""

    def __init__(self, vertices: Sequence[_Vertex], alive: Sequence[int]) -> None:
        self._vertices = {number: vertices[number] for number in alive}
        self._readers: dict[int, list[tuple[int, int]]] = {number: [] for number in alive}
        for number, vertex in self._vertices.items():
            for source, times in vertex.reads:
                self._readers[source].append((number, times))

    def first_colours(self) -> Colours:
        """Return colours by depth and label, so that the order is one in which to compute."""
        return self._refined(_ranks({n: (v.depth, v.label) for n, v in self._vertices.items()}))

    def texts(self, colours: Colours) -> Iterator[str]:
        """Yield the text of every order that the colours leave open, but for those of twins."""
        tied = self._first_tie(colours)
        if not tied:
            yield self._text(colours)
            return
        tried = set()
        for number in tied:
            twin = (self._vertices[number].reads, tuple(self._readers[number]))
            if twin not in tried:
                tried.add(twin)
                singled = {n: 2 * c + (n != number) for n, c in colours.items()}
                yield from self.texts(self._refined(_ranks(singled)))

    def _refined(self, colours: Colours) -> Colours:
        """Split colours until vertices of one colour read, and are read by, the same colours."""
        while len(set(colours.values())) < len(colours):
            split = _ranks({n: self._surroundings(n, colours) for n in colours})
            if len(set(split.values())) == len(set(colours.values())):
                return split
            colours = split
        return colours

    def _surroundings(self, number: int, colours: Colours) -> tuple[object, ...]:
        reads = sorted((colours[n], times) for n, times in self._vertices[number].reads)
        readers = sorted((colours[n], times) for n, times in self._readers[number])
        return (colours[number], tuple(reads), tuple(readers))

    def _first_tie(self, colours: Colours) -> list[int]:
        counts = Counter(colours.values())
        tied = min((c for c, count in counts.items() if count > 1), default=None)
        return [n for n, c in colours.items() if c == tied]

    def _text(self, colours: Colours) -> str:
        order = sorted(self._vertices, key=colours.__getitem__)
        names: dict[int, str] = {}
        words: list[str] = []
        for number in order:
            vertex = self._vertices[number]
            if vertex.depth == 0 and vertex.label:  # an input
                names[number] = vertex.label
                continue
            terms = sorted((colours[n], times, names[n]) for n, times in vertex.reads)
            total = "+".join(n if times == 1 else f"{times}*{n}" for _, times, n in terms) or "0"
            if vertex.label == _OUTPUT:
                words.append(f"out({total})")
                continue
            names[number] = str(1 + sum(name.isdigit() for name in names.values()))
            words.append(f"{names[number]}={vertex.label}({total})")
        return " ".join(words)


def _ranks(values: Mapping[int, tuple[object, ...] | int]) -> Colours:
    """Return the place of each one's value among the different values."""
    places = {value: place for place, value in enumerate(sorted(set(values.values())))}
    return {number: places[value] for number, value in values.items()}
