"""Which parameters of a module a genome covers, and where each one stands in its vector."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from math import prod

import torch
from torch import nn

from deapnets.errors import LayoutError, OptionError
from deapnets.genomes.order import ordered_rows
from deapnets.genomes.parts import Patterns, evolved_parameters, require_exchangeable
from deapnets.genomes.usable import require_module

DTYPES = (torch.float32, torch.bfloat16)
"""What weights can be stored in."""


@dataclass(frozen=True)
class Layout:
    """Names and shapes of the parameters that a genome concatenates, in the module's own order.

    ``dtype`` is what the weights are stored in: `torch.float32`, or `torch.bfloat16` for half the
    memory. Operators compute in float32 all the same. ``ordered`` names the matrices whose rows
    must keep their order for what is not evolved, see `deapnets.genomes.order`: two layouts are
    equal whatever stands there.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtype: torch.dtype = torch.float32
    ordered: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(
        cls,
        module: nn.Module,
        parameters: Patterns = None,
        dtype: torch.dtype = torch.float32,
    ) -> Layout:
        """Return the layout of the parameters of ``module`` that are evolved.

        Those are the ones that require a gradient and that ``parameters`` selects: a pattern such
        as ``"head.*"``, or several. The others are frozen: all individuals share them.

        Raises
        ------
        LayoutError
            When the module's evolved parameters cannot be exchanged, a pattern selects nothing, or
            no parameter is left to evolve.
        OptionError
            When weights cannot be stored in ``dtype``, or ``parameters`` are no patterns.
        """
        if dtype not in DTYPES:
            raise OptionError(
                f"Weights are stored in torch.float32 or torch.bfloat16, got {dtype!r}."
            )
        chosen = evolved_parameters(module, parameters)
        names, shapes = zip(*((name, tuple(p.shape)) for name, p in chosen), strict=True)
        return _interned(names, shapes, dtype, ordered_rows(module, chosen))

    @functools.cached_property
    def sizes(self) -> tuple[int, ...]:
        """Elements of each parameter."""
        return tuple(prod(shape) for shape in self.shapes)

    @functools.cached_property
    def width(self) -> int:
        """Elements of the whole vector: P."""
        return sum(self.sizes)

    @functools.cached_property
    def nbytes(self) -> int:
        """Bytes of the whole vector as it is stored."""
        return self.width * self.dtype.itemsize

    @functools.cached_property
    def identity(self) -> bytes:
        """What tells this layout from others in a digest: its names and shapes, in UTF-8.

        A dtype other than float32 is named behind them.
        """
        stored = "" if self.dtype == torch.float32 else f"{self.dtype} "
        return f"{self.names!r} {self.shapes!r} {stored}".encode()

    def flatten(self, module: nn.Module) -> torch.Tensor:
        """Return a copy of the module's parameters as one vector ``[P]`` of `dtype` on the CPU."""
        parameters = self._parameters_of(module)
        return torch.cat([p.detach().reshape(-1).to("cpu", self.dtype) for p in parameters])

    def split(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return views of ``rows`` ``[..., P]`` under the parameters' names: ``[..., *shape]``."""
        parts = torch.split(rows, list(self.sizes), dim=-1)
        return {
            name: part.view((*rows.shape[:-1], *shape))
            for name, shape, part in zip(self.names, self.shapes, parts, strict=True)
        }

    def load(self, module: nn.Module, weights: torch.Tensor) -> None:
        """Write the vector ``weights`` ``[P]`` into the module's parameters, in place."""
        values = self.split(weights)
        with torch.no_grad():
            for name, parameter in zip(self.names, self._parameters_of(module), strict=True):
                parameter.copy_(values[name])

    def require_in(self, module: nn.Module) -> None:
        """Raise a `LayoutError` unless ``module`` has every parameter in the same shape.

        Nor may anything keep them from being exchanged, as `of` says.
        """
        own = list(zip(self.names, self._parameters_of(module), strict=True))
        require_exchangeable(module, list(module.named_parameters()), own)

    def require(self, other: Layout, where: str) -> None:
        """Raise a `LayoutError` that names both layouts unless ``other`` equals this one."""
        if other is not self and other != self:
            raise LayoutError(f"{where}: {self.describe()} and {other.describe()}.")

    def describe(self) -> str:
        """Return one phrase that tells this layout from another: size, and each parameter."""
        parts = [
            f"{name}{list(shape)}" for name, shape in zip(self.names, self.shapes, strict=True)
        ]
        shown = parts if len(parts) <= 6 else [*parts[:5], f"{len(parts) - 5} more"]
        stored = "" if self.dtype == torch.float32 else f" in {self.dtype}"
        return f"{self.width:,} weights{stored} ({', '.join(shown)})"

    def _parameters_of(self, module: nn.Module) -> list[nn.Parameter]:
        require_module(module)
        own = dict(module.named_parameters())
        for name, shape in zip(self.names, self.shapes, strict=True):
            if name not in own or tuple(own[name].shape) != shape:
                got = list(own[name].shape) if name in own else "no such parameter"
                raise LayoutError(
                    f"The genome does not belong to this {type(module).__name__}: it has "
                    f"{name}{list(shape)}, the module has {got}. Genome: {self.describe()}."
                )
        return [own[name] for name in self.names]


@functools.lru_cache(maxsize=256)
def _interned(
    names: tuple[str, ...],
    shapes: tuple[tuple[int, ...], ...],
    dtype: torch.dtype,
    ordered: tuple[str, ...],
) -> Layout:
    """Return one object for alike layouts, so that comparing them is mostly an identity test."""
    return Layout(names, shapes, dtype, ordered)
