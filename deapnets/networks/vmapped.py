"""Any module that `torch.func.vmap` takes: one call for a part of the chunk."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from typing import Any, final

import torch
from torch import nn
from torch.func import functional_call, vmap

from deapnets.errors import EvaluationError
from deapnets.networks.base import Path
from deapnets.networks.crew import Crew
from deapnets.networks.looped import LoopPath, first_of, own_copy
from deapnets.networks.precision import Precision, computing_in, in_float32
from deapnets.networks.spares import VECTOR, Sizes
from deapnets.networks.trees import (
    join_trees,
    require_tensors,
    skeleton_of,
    tensors_of,
    with_tensors,
)

_SPARED = 1 << 20
"""Weights of the spare networks of a part: where they are more, the loop is as fast."""


@final
class VmapPath(Path):
    """`torch.func.vmap` over `functional_call`; what vmap refuses goes to the loop, said once.

    At first one network goes through the loop: a fault of the module itself shows there, and
    whether it changes what it must not, or its inputs, or draws random numbers. A large network
    that would need many spare ones beside it (`spares`) goes there, too.

    Parameters
    ----------
    crew
        Its workers are modules in evaluation mode, which lend their form.
    precision
        What products are computed in.
    """

    name = "vmap"

    def __init__(self, crew: Crew[nn.Module], precision: Precision = "float32") -> None:
        template = crew.workers[0]
        self._crew = crew
        self._title = type(template).__name__
        self._precision = precision
        self._loop = LoopPath(crew, precision)
        self._draws = self._loop.draws
        # What torch's own layers hold goes into products. Of the rest a lone network's copies are
        # as those of many are, in memory of their own: a module may do with it what it likes.
        self._free = {
            f"{prefix}.{name}" if prefix else name
            for prefix, owner in template.named_modules()
            for name, _ in owner.named_parameters(recurse=False)
            if not type(owner).__module__.startswith("torch.nn.modules.")
        }
        self._spares: dict[tuple[torch.Size, ...], int] = {}  # by the shapes of the inputs
        # What is not evolved goes in as if every network had its own: torch would make one product
        # of all networks with it, and a row's bits would depend on its place there.
        held = {**dict(template.named_parameters()), **dict(template.named_buffers())}
        self._shared = {name: value for name, value in held.items() if value.is_floating_point()}

    def forward(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[Any, ...], each: bool
    ) -> Any:
        """Return ``[n, batch, ...]``, or a tree of such tensors."""
        if self._loop.spoils is None:
            self._loop.look(parameters, inputs, each)
        if self.name == "loop":
            return self._loop.forward(parameters, inputs, each)
        spare = self._spare(parameters, inputs, each)
        width = sum(value[0].numel() for value in parameters.values())
        if spare > 1 and spare * width > _SPARED:
            return self._loop.forward(parameters, inputs, each)
        try:
            with self._loop.watching(parameters, inputs):
                return self._draws.quietly(lambda: self._vmapped(parameters, inputs, each, spare))
        except (torch.OutOfMemoryError, EvaluationError):
            raise
        except RuntimeError as error:
            self.name = "loop"
            reason = str(error).strip().splitlines()[0]
            warnings.warn(
                f"{self._title} cannot be vmapped and is evaluated one network after the other: "
                f"{reason}",
                stacklevel=2,
            )
            return self._loop.forward(parameters, inputs, each)

    def _spare(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[Any, ...], each: bool
    ) -> int:
        """Return how many spare networks inputs need; a GPU's bits are not promised."""
        if self._crew.device.type != "cpu":
            return 1
        shapes = tuple(lot.shape[int(each) :] for lot in tensors_of(inputs))
        if shapes not in self._spares:
            batch = max(1, shapes[0][0]) if shapes and shapes[0] else 1
            sizes = Sizes()
            try:
                one = functools.partial(self._loop.first, parameters, inputs, each, within=sizes)
                self._draws.quietly(one)
                self._spares[shapes] = sizes.spares(batch)
            except (RuntimeError, TypeError, AttributeError):  # a module that cannot be looked into
                self._spares[shapes] = VECTOR
        return self._spares[shapes]

    def _vmapped(
        self,
        parameters: Mapping[str, torch.Tensor],
        inputs: tuple[Any, ...],
        each: bool,
        spare: int,
    ) -> Any:
        flat = tensors_of(inputs)

        def part(template: nn.Module, first: int, end: int) -> Any:
            own = {name: _lot(value, first, end, spare) for name, value in parameters.items()}
            own |= {name: value.contiguous() for name, value in own.items() if name in self._free}
            lots = [_lot(lot, first, end, spare).contiguous() if each else lot for lot in flat]
            called = with_tensors(inputs, iter(lots))
            return self._part(template, own, called, each, end - first)

        count = len(first_of(parameters))
        return join_trees(self._crew.run(part, count, side_by_side=not self._draws.any))

    def _part(
        self,
        template: nn.Module,
        own: dict[str, torch.Tensor],
        inputs: tuple[Any, ...],
        each: bool,
        count: int,
    ) -> Any:
        """Return the outputs of the first ``count`` of the networks."""
        rows = first_of(own)
        shared = self._shared.items()
        own |= {name: v.expand(len(rows), *v.shape) for name, v in shared if name not in own}
        flat = tensors_of(own_copy(inputs) if self._loop.spoils else inputs)
        forms: list[Any] = []

        def one(parameters: dict[str, torch.Tensor], *flat: torch.Tensor) -> Any:
            outputs = functional_call(template, parameters, with_tensors(inputs, iter(flat)))
            require_tensors(outputs, self._title)
            forms.append(skeleton_of(outputs))
            return tuple(tensors_of(outputs))

        dims = (0, *([0 if each else None] * len(flat)))
        with self._draws.seeded(), computing_in(self._precision, rows.device):
            outputs = vmap(one, in_dims=dims, randomness="same")(own, *flat)
        return in_float32(with_tensors(forms[0], (output[:count] for output in outputs)))


def _lot(values: torch.Tensor, first: int, end: int, spare: int) -> torch.Tensor:
    """Return rows ``first`` to ``end`` of ``values`` ``[n, ...]``, and ``spare`` others behind.

    The spare ones have the place at the end, where functions may round differently. With them even
    a lone network's products are batched, as those in company are.
    """
    if end + spare <= len(values):
        return values[first : end + spare]
    if end - first == 1:
        return values[first:end].expand(1 + spare, *values.shape[1:])
    last = values[end - 1 : end].expand(spare, *values.shape[1:])
    return torch.cat([values[first:end], last])
