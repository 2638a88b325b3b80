"""One network after the other: the path of every module, and the fastest for convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, final

import torch
from torch import nn
from torch.func import functional_call

from deapnets.networks.base import Path
from deapnets.networks.crew import Crew
from deapnets.networks.drawing import Draws
from deapnets.networks.guarding import Guard, kept, unspoilt, versions
from deapnets.networks.precision import Precision, computing_in, in_float32, told
from deapnets.networks.reading import require_read
from deapnets.networks.trees import require_tensors, stack_trees, tensors_of, with_tensors


@final
class LoopPath(Path):
    """`torch.func.functional_call`, a network at a time, on as many threads as torch has.

    Parameters
    ----------
    crew
        Its workers are modules in evaluation mode, which lend their form.
    precision
        What products are computed in.

    Attributes
    ----------
    draws
        What the module draws at random in ``forward``.
    spoils
        Whether it changes its inputs in place, and is given copies; None before a network was seen.
    """

    name = "loop"

    def __init__(self, crew: Crew[nn.Module], precision: Precision = "float32") -> None:
        self.draws = Draws(crew.workers[0], crew.device)
        self.spoils: bool | None = None
        self._crew = crew
        self._precision = precision
        self._title = type(crew.workers[0]).__name__
        self._guards: dict[int, Guard] = {}
        self._seen = False  # whether all networks of a chunk were compared with what they were

    def forward(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[Any, ...], each: bool
    ) -> Any:
        """Return ``[n, batch, ...]``, or a tree of such tensors."""
        if self.spoils is None:
            self.look(parameters, inputs, each)

        def part(template: nn.Module, first: int, end: int) -> list[Any]:
            return self._part(template, parameters, inputs, each, range(first, end))

        def call() -> list[list[Any]]:
            side_by_side = not self.draws.any
            return self._crew.run(part, len(first_of(parameters)), side_by_side=side_by_side)

        with self.watching(parameters, inputs):
            parts = self.draws.quietly(call)
        return stack_trees([outputs for lot in parts for outputs in lot], self._title)

    def look(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[Any, ...], each: bool
    ) -> None:
        """Call the first network: to see what it changes, and what it draws at random."""
        with torch.inference_mode(False):  # elsewhere torch counts no changes of what is made
            lots = own_copy(inputs)
        before = versions(lots)
        with self.draws.looking(), told(self._precision, self._title):
            self.first(parameters, lots, each)
        spoils = versions(lots) != before
        own = {name: value[0] for name, value in parameters.items()}
        require_read(
            self._crew.workers[0],
            own,
            lambda: own_copy(_row(inputs, 0) if each else inputs),
            self._again,
        )
        self.spoils = spoils  # now it was looked at: what was refused is refused again

    def _again(self, call: Callable[[], Any]) -> Any:
        """Return what a call gives, with the random numbers that every network gets."""
        with self.draws.seeded():
            return call()

    def first(
        self,
        parameters: Mapping[str, torch.Tensor],
        inputs: tuple[Any, ...],
        each: bool,
        within: AbstractContextManager[Any] | None = None,
    ) -> None:
        """Call the first network alone, ``within`` a block on the thread that does it."""
        one = {name: value[:1] for name, value in parameters.items()}

        def part(template: nn.Module, *_: int) -> None:
            with within or nullcontext():
                self._part(template, one, inputs, each, range(1))

        self._crew.run(part, 1)

    @contextmanager
    def watching(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[Any, ...]
    ) -> Iterator[None]:
        """Raise an `EvaluationError` when a block changes inputs, or the first chunk's weights."""
        whole = not self._seen
        with kept(parameters, self._title, whole=whole), unspoilt(inputs, self._title):
            yield
        self._seen = True

    def _part(
        self,
        template: nn.Module,
        parameters: Mapping[str, torch.Tensor],
        inputs: tuple[Any, ...],
        each: bool,
        rows: range,
    ) -> list[Any]:
        """Return the outputs of the networks in ``rows``, one after the other."""
        guard = self._guards.get(id(template))
        if guard is None:
            first = not self._guards
            guard = self._guards[id(template)] = Guard(template, first=first)
        outputs = []
        precision = computing_in(self._precision, first_of(parameters).device)
        with guard.watching(parameters), self.draws.seeded(), precision:
            for row in rows:
                own = {name: value[row] for name, value in parameters.items()}
                seen = _row(inputs, row) if each else inputs
                self.draws.begin()
                output = functional_call(template, own, own_copy(seen) if self.spoils else seen)
                require_tensors(output, self._title)
                outputs.append(in_float32(output))
        return outputs


def first_of(parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the first parameter, ``[n, *shape]``."""
    return next(iter(parameters.values()))


def own_copy(inputs: Any) -> Any:
    """Return the inputs with tensors that nobody else has."""
    return with_tensors(inputs, (lot.clone() for lot in tensors_of(inputs)))


def _row(inputs: tuple[Any, ...], row: int) -> Any:
    return with_tensors(inputs, (lot[row] for lot in tensors_of(inputs)))
