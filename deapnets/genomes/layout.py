"""Which parameters of a module a genome covers, and where each one stands in its vector."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from math import prod

import torch
from torch import nn

from deapnets.errors import LayoutError


@dataclass(frozen=True)
class Layout:
    """Names and shapes of the parameters that a genome concatenates, in the module's own order."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, module: nn.Module) -> Layout:
        """Return the layout of every parameter of ``module`` that requires a gradient.

        The others are frozen: all individuals share them.

        Raises
        ------
        LayoutError
            When a parameter is no floating-point tensor, or no parameter is left to evolve.
        """
        named = list(module.named_parameters())
        for name, parameter in named:
            if not parameter.is_floating_point():
                raise LayoutError(
                    f'Parameter "{name}" of {type(module).__name__} is {parameter.dtype}; only '
                    "floating-point parameters can be evolved. Make it a buffer: register_buffer."
                )
        chosen = [(name, tuple(p.shape)) for name, p in named if p.requires_grad]
        if not chosen:
            raise LayoutError(
                f"{type(module).__name__} has no parameter to evolve: "
                f"{len(named)} parameters, none of which requires a gradient."
            )
        names, shapes = zip(*chosen, strict=True)
        return _interned(names, shapes)

    @functools.cached_property
    def sizes(self) -> tuple[int, ...]:
        """Elements of each parameter."""
        return tuple(prod(shape) for shape in self.shapes)

    @functools.cached_property
    def width(self) -> int:
        """Elements of the whole vector: P."""
        return sum(self.sizes)

    @functools.cached_property
    def identity(self) -> bytes:
        """What tells this layout from others in a digest: its names and shapes, in UTF-8."""
        return f"{self.names!r} {self.shapes!r} ".encode()

    def flatten(self, module: nn.Module) -> torch.Tensor:
        """Return a copy of the module's parameters as one float32 vector ``[P]`` on the CPU."""
        parameters = self._parameters_of(module)
        return torch.cat([p.detach().reshape(-1).to("cpu", torch.float32) for p in parameters])

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
        """Raise a `LayoutError` unless ``module`` has every parameter in the same shape."""
        self._parameters_of(module)

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
        return f"{self.width:,} weights ({', '.join(shown)})"

    def _parameters_of(self, module: nn.Module) -> list[nn.Parameter]:
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
def _interned(names: tuple[str, ...], shapes: tuple[tuple[int, ...], ...]) -> Layout:
    """Return one object for equal layouts, so that comparing them is mostly an identity test."""
    return Layout(names, shapes)
