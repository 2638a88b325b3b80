"""`Programs`: many trees as one list of steps; what they share is computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, final

import torch

from deapnets.errors import EvaluationError
from deapnets.programs.functions import COMMUTATIVE, implementation

BLOCK = 8192
"""Points that are computed at once: what trees share stays in the processor's cache."""


class Step(NamedTuple):
    """One primitive, applied: where its arguments are, and who is done with after it."""

    slot: int
    call: Callable[..., Any]
    arguments: tuple[int, ...]
    freed: tuple[int, ...]  # slots that no later step reads
    finished: tuple[int, ...]  # programs whose output this is


@final
class Programs:
    """Several trees, compiled together to torch.

    Equal sub-expressions of whichever trees are one step, ``add(a, b)`` and ``add(b, a)`` among
    them, so a population that has much in common costs a fraction of its trees one by one. What
    holds no input is computed once, as a number. Results have the bits that each tree alone has.

    Parameters
    ----------
    trees
        `gp.PrimitiveTree`, or anything that is a list of its nodes.
    pset
        The primitive set that they are of; its functions take tensors.

    Attributes
    ----------
    steps
        Primitives that are computed for each input, in order.
    nodes
        How many primitives the trees have, each counted for itself.

    Raises
    ------
    OptionError
        When a primitive has no function.
    """

    def __init__(self, trees: Sequence[Sequence[Any]], pset: Any) -> None:
        self._names = list(pset.arguments)
        self._pset_name = pset.name
        self._slots: dict[Any, int] = {}
        self._values: dict[int, float] = {}  # constants
        self._varies: list[bool] = []  # whether a slot depends on an input
        made: list[tuple[int, Callable[..., Any], tuple[int, ...]]] = []
        self._inputs = [self._slot(("input", name), True) for name in self._names]
        self._outputs = [self._add(tree, pset, made) for tree in trees]
        self._owners: dict[int, tuple[int, ...]] = {}  # programs by the slot of their output
        for number, slot in enumerate(self._outputs):
            self._owners[slot] = (*self._owners.get(slot, ()), number)
        self.nodes = sum(node.arity > 0 for tree in trees for node in tree)
        self._constant_steps = [step for step in made if not self._varies[step[0]]]
        self.steps = self._plan([step for step in made if self._varies[step[0]]])

    def __len__(self) -> int:
        return len(self._outputs)

    def _slot(self, key: Any, varies: bool) -> int:
        if key not in self._slots:
            self._slots[key] = len(self._varies)
            self._varies.append(varies)
        return self._slots[key]

    def _add(self, tree: Sequence[Any], pset: Any, made: list[Any]) -> int:
        """Add a tree's steps that are new; return the slot of its result."""
        stack: list[int] = []
        for node in reversed(tree):
            if node.arity == 0:
                stack.append(self._leaf(node, pset))
                continue
            slots = tuple(stack.pop() for _ in range(node.arity))
            ordered = tuple(sorted(slots)) if node.name in COMMUTATIVE else slots
            key = (node.name, *ordered)
            fresh = key not in self._slots
            slot = self._slot(key, any(self._varies[inner] for inner in slots))
            if fresh:
                made.append((slot, implementation(pset, node.name), slots))
            stack.append(slot)
        return stack.pop()

    def _leaf(self, node: Any, pset: Any) -> int:
        value = node.value
        if value in self._names if isinstance(value, str) else False:
            return self._slots["input", value]
        if isinstance(value, str):  # a named terminal
            value = pset.context[value]
            value = value() if callable(value) else value
        value = float(value)
        slot = self._slot(("constant", value, str(value)), False)  # -0.0 is not 0.0
        self._values[slot] = value
        return slot

    def _plan(self, made: list[Any]) -> list[Step]:
        """Return the steps, each with what may be freed after it and which programs it ends."""
        freed: dict[int, list[int]] = {}
        last = {slot: at for at, (own, _, slots) in enumerate(made) for slot in (*slots, own)}
        kept = set(self._inputs)
        for slot, at in last.items():
            if self._varies[slot] and slot not in kept:
                freed.setdefault(at, []).append(slot)
        return [
            Step(slot, call, slots, tuple(freed.get(at, ())), self._owners.get(slot, ()))
            for at, (slot, call, slots) in enumerate(made)
        ]

    def __call__(self, *inputs: torch.Tensor) -> list[torch.Tensor]:
        """Return each tree's output, of the shape that the inputs broadcast to.

        Raises
        ------
        EvaluationError
            When there are more or fewer inputs than arguments, or torch cannot compute a
            primitive on them.
        """
        shape = torch.broadcast_tensors(*inputs)[0].shape
        found: list[Any] = [None] * len(self)
        for numbers, value in self.run(*inputs):
            for number in numbers:
                found[number] = value.expand(shape)
        return found

    def run(self, *inputs: torch.Tensor) -> Iterator[tuple[tuple[int, ...], torch.Tensor]]:
        """Yield outputs as soon as they are there, then forget them, and whose they are.

        Trees that are one have one output. It has the shape that it comes in: of a constant, none.
        """
        if len(inputs) != len(self._names):
            raise EvaluationError(
                f"Programs of {self._pset_name} take {len(self._names)} inputs "
                f"({', '.join(self._names)}), got {len(inputs)}."
            )
        values: list[Any] = [None] * len(self._varies)
        for slot, tensor in zip(self._inputs, inputs, strict=True):
            values[slot] = tensor
        self._compute_constants(values, inputs[0])
        for slot, numbers in self._owners.items():
            if slot in self._inputs or not self._varies[slot]:
                yield numbers, values[slot]
        for slot, call, arguments, freed, finished in self.steps:
            try:
                value = call(*[values[inner] for inner in arguments])
            except (RuntimeError, TypeError, ValueError) as error:
                raise self._cannot(call, inputs[0], error) from error
            values[slot] = value
            if finished:
                yield finished, value
            for inner in freed:
                values[inner] = None

    def _compute_constants(self, values: list[Any], like: torch.Tensor) -> None:
        for slot, value in self._values.items():
            values[slot] = torch.tensor(value, dtype=like.dtype, device=like.device)
        for slot, call, arguments in self._constant_steps:
            try:
                values[slot] = call(*[values[inner] for inner in arguments])
            except (RuntimeError, TypeError, ValueError) as error:
                raise self._cannot(call, like, error) from error

    def _cannot(self, call: Any, like: torch.Tensor, error: Exception) -> EvaluationError:
        name = getattr(call, "__name__", str(call))
        reason = str(error).splitlines()[0]
        return EvaluationError(
            f'The primitive "{name}" of {self._pset_name} cannot be computed on {like.device} '
            f"({like.dtype}): {reason} Primitives take and return torch tensors; see "
            "deapnets.programs.functions."
        )


def compile_tree(tree: Sequence[Any], pset: Any) -> Callable[..., torch.Tensor]:
    """Return a tree as a function of tensors: what `gp.compile` returns, in torch."""
    programs = Programs([tree], pset)

    def function(*inputs: torch.Tensor) -> torch.Tensor:
        return programs(*inputs)[0]

    return function


def blocks(inputs: Sequence[torch.Tensor], size: int = BLOCK) -> Iterator[slice]:
    """Yield slices of the inputs' first dimension, ``size`` points each."""
    for start in range(0, inputs[0].shape[0], size):
        yield slice(start, start + size)
