"""`operator`: one vectorised core, called on a toolbox as DEAP calls operators."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import random
import sys
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import torch

from deapnets.errors import OperatorError, OptionError, unknown
from deapnets.genomes.accounts import stored
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import made
from deapnets.genomes.nodes import DEEPEST, DEEPEST_MATE, Node, Parameters, Recipe
from deapnets.genomes.weights import WeightGenome
from deapnets.operators.schedules import Schedule
from deapnets.randomness import Draw

Check = Callable[[str, Any], None]

_REMEMBERED = 1024  # sets of checked parameters: step sizes that adapt never end


def probability(name: str, value: Any) -> None:
    """Raise an `OptionError` that says ``name`` unless ``value`` is a number in [0, 1].

    Examples
    --------
    >>> probability("indpb", 0.5)
    >>> probability("indpb", 1.5)
    Traceback (most recent call last):
    deapnets.errors.OptionError: indpb is a probability in [0, 1], got 1.5.
    """
    if not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise OptionError(f"{name} is a probability in [0, 1], got {value!r}.")


def deviation(name: str, value: Any) -> None:
    """Raise an `OptionError` that says ``name`` unless ``value`` is finite and not negative."""
    if not isinstance(value, int | float) or not 0.0 <= value < float("inf"):
        raise OptionError(f"{name} is a finite number of at least 0, got {value!r}.")


def operator(
    *, parents: int, keep: bool = False, transient: bool = False, **checks: Check
) -> Callable[[Callable[..., torch.Tensor]], Operator]:
    """Make a vectorised core an operator for a DEAP toolbox.

    Parameters
    ----------
    parents
        How many individuals the operator takes, and gives back: 1 for a mutation, 2 for a
        crossover. The second child of a crossover is made from the parents in reverse order, with
        the same random numbers.
    keep
        Store the result instead of making it again: for a child that was trained, say.
    transient
        Never store the result for its own sake: for children that are made again cheaper than they
        are kept, or that nothing is bred from.
    checks
        For a parameter of the core, a function of ``(name, value)`` that raises when the value
        cannot be used: `probability`, `deviation`, or your own.

    Returns
    -------
    Callable
        A decorator of ``core(rows, draw, *, ...)``: ``rows[k]`` holds the k-th parents ``[n, P]``,
        read only; ``draw`` is the children's `deapnets.randomness.Draw`; it returns the children,
        a new tensor ``[n, P]``.

    Examples
    --------
    >>> import torch
    >>> @operator(parents=1, indpb=probability)
    ... def mutFlipSign(rows, draw, *, indpb):
    ...     return torch.where(draw.mask(indpb), -rows[0], rows[0])
    >>> mutFlipSign.parameters(indpb=0.25)
    (('indpb', 0.25),)
    """
    return lambda core: Operator(core, parents, keep, checks, transient=transient)


class Operator:
    """A vectorised core that DEAP calls with individuals: see `operator`.

    Each call draws one 64-bit seed from Python's `random`, as DEAP's operators draw from it, and
    gives every individual a new node in place. No weight is touched until something asks for it.

    Parameters
    ----------
    core, parents, keep, transient, checks
        As `operator` says.
    """

    def __init__(
        self,
        core: Callable[..., torch.Tensor],
        parents: int,
        keep: bool,
        checks: dict[str, Check],
        *,
        transient: bool = False,
    ) -> None:
        functools.update_wrapper(self, core)
        self.core = core
        self.name = core.__name__
        self.parents = parents
        self.keep = keep
        self.transient = transient
        self.reference = f"{core.__module__}:{core.__qualname__}"
        self._checks = checks
        self._signature = inspect.Signature(
            [p for p in inspect.signature(core).parameters.values() if p.kind == p.KEYWORD_ONLY]
        )
        for name in checks:
            self._require_known(name)
        self._known: dict[Hashable, tuple[Parameters, tuple[Any, ...]]] = {}

    def __call__(self, *individuals: Any, **parameters: Any) -> tuple[Any, ...]:
        """Return the individuals, changed in place; ``parameters`` are the core's keywords."""
        if len(individuals) != self.parents:
            raise OperatorError(
                f"{self.name} takes {self.parents} individual(s) and then keywords, "
                f"got {len(individuals)} positional argument(s)."
            )
        known = self._known.get((*parameters, *map(id, parameters.values())))
        settings = self.parameters(**parameters) if known is None else known[0]
        nodes = [self._operand(individual) for individual in individuals]
        layout = nodes[0].layout
        for node in nodes:
            if node.layout is not layout:
                where = f"{self.name} cannot combine two different networks"
                layout.require(node.layout, where)
        seed = random.getrandbits(64)
        for turn, individual in enumerate(individuals):
            parents = (*nodes[turn:], *nodes[:turn])
            individual.node = Node(layout, None, Recipe(self, parents, seed, settings))
        return individuals

    def child(self, parents: tuple[Node, ...], seed: int, parameters: Parameters) -> Node:
        """Return the node of a child; ``parameters`` as `Operator.parameters` returns them."""
        return Node(parents[0].layout, recipe=Recipe(self, parents, seed, parameters))

    def parameters(self, **given: Any) -> Parameters:
        """Return checked parameters in the core's order, defaults filled in.

        Of a `deapnets.operators.schedules.Schedule` it is what it is now.

        Raises
        ------
        OptionError
            When a name is unknown or missing, or a value fails its check.
        """
        key = (*given, *map(id, given.values()))  # the values are held: an id stays theirs
        known = self._known.get(key)
        if known is None:
            if any(isinstance(value, Schedule) for value in given.values()):
                return self.parameters(**{name: _now(value) for name, value in given.items()})
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[key] = (self._checked(given), tuple(given.values()))
        return known[0]

    def _require_known(self, name: str) -> None:
        if name not in self._signature.parameters:
            kind = f"parameter of {self.name}"
            raise OptionError(unknown(kind, name, self._signature.parameters))

    def _checked(self, given: dict[str, Any]) -> Parameters:
        for name in given:
            self._require_known(name)
        try:
            bound = self._signature.bind(**given)
        except TypeError as error:
            raise OptionError(f"{self.name}: {error}.") from error
        bound.apply_defaults()
        return tuple((name, self._value(name, v)) for name, v in bound.arguments.items())

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if not isinstance(value, str | int | float | bool | None):
            raise OptionError(
                f"{self.name}: {name} must be a number, a string or None, so that a recipe can "
                f"be stored; got {type(value).__name__}."
            )
        if name in self._checks:
            self._checks[name](f"{self.name}: {name}", value)
        return value

    def _operand(self, individual: Any) -> Node:
        """Return an individual's node, made where a child of it would nest too deep.

        The operands of a crossover are made sooner: they were selected, so several children share
        them, where what is mutated after it is one child's alone.
        """
        if not isinstance(individual, WeightGenome):
            raise OperatorError(
                f"{self.name} works on WeightGenome individuals, got "
                f"{type(individual).__name__}. See: deapnets.initWeights."
            )
        node = individual.node
        if node.depth >= (DEEPEST if self.parents == 1 else DEEPEST_MATE):
            node.settle(made(node))
            stored(node)
        return node

    def make(
        self,
        rows: Sequence[torch.Tensor],
        seeds: np.ndarray,
        parameters: Parameters,
        layout: Layout | None = None,
    ) -> torch.Tensor:
        """Return the children ``[n, P]`` of ``rows``, in the rows' dtype whatever the core gives.

        A child has the same bits whether it is stored or made on the way to its own children.

        Raises
        ------
        OperatorError
            When the core returns something else than a tensor of its parents' shape.
        """
        draw = Draw(seeds, rows[0].shape[1], rows[0].device, layout)
        children = self.core(rows, draw, **dict(parameters))
        if not isinstance(children, torch.Tensor) or children.shape != rows[0].shape:
            got = getattr(children, "shape", type(children).__name__)
            raise OperatorError(
                f"{self.name} must return a tensor {list(rows[0].shape)}, got {got}."
            )
        return children.to(rows[0].dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return find_operator, (self.reference,)


def _now(value: Any) -> Any:
    """Return what a schedule is now, and anything else as it is."""
    return value.value if isinstance(value, Schedule) else value


def find_operator(reference: str) -> Operator:
    """Return the operator ``module:name``, looked up among imported modules and deapnets' own.

    Raises
    ------
    OperatorError
        When the module is not imported, or holds no operator of that name.
    """
    module_name, _, name = reference.partition(":")
    if module_name.split(".")[0] == "deapnets":
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(module_name)
    found: Any = sys.modules.get(module_name)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, Operator):
        raise OperatorError(
            f'Operator "{reference}" cannot be found: import {module_name} first, and define '
            f"{name} at its top level with @deapnets.operator."
        )
    return found
