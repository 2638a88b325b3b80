"""What a module may not do in ``forward``: change what its networks share, or what they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, NamedTuple, final

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from deapnets.errors import EvaluationError
from deapnets.networks.trees import tensors_of


def require_still(module: nn.Module) -> None:
    """Raise an `EvaluationError` when a normalisation would update its running statistics."""
    for name, layer in module.named_modules():
        running = isinstance(layer, _NormBase) and layer.running_mean is not None
        if running and layer.training:
            kind = type(layer).__name__
            raise EvaluationError(
                f'{kind} "{name}" of {type(module).__name__} is in training mode: it would update '
                "running statistics that all networks share. net.eval() makes it use those it has; "
                f"{kind}(..., track_running_stats=False), GroupNorm and LayerNorm need none."
            )


class _Held(NamedTuple):
    """A tensor that a module holds, and where it holds it."""

    name: str
    place: dict[str, torch.Tensor | None]
    key: str
    tensor: torch.Tensor
    version: int | None

    def is_still(self) -> bool:
        """Whether it is there, and was not changed in place as far as torch counts that."""
        return self.place.get(self.key) is self.tensor and _version(self.tensor) == self.version


@final
class Guard:
    """Watches over the calls of one module, network by network.

    The first call is compared bit for bit with what was before; later ones by the counters that
    torch keeps of changes in place.

    Parameters
    ----------
    template
        The module.
    first
        Whether its first call is still to come.
    """

    def __init__(self, template: nn.Module, *, first: bool) -> None:
        self._title = type(template).__name__
        self._held = list(_held(template))
        self._first = first

    @contextmanager
    def watching(self, parameters: Mapping[str, torch.Tensor]) -> Iterator[None]:
        """Run calls of networks with these evolved ``parameters`` ``[n, *shape]``.

        Raises
        ------
        EvaluationError
            When one of them changed a parameter or a buffer.
        """
        self._put_back([])  # torch leaves evolved parameters behind in layers that stand twice
        shared = [held.tensor.clone() for held in self._held if self._first]
        with kept(parameters, self._title, whole=self._first):
            yield
        self._require_unchanged(shared, parameters.keys())
        self._first = False

    def _require_unchanged(self, shared: list[torch.Tensor], evolved: Set[str]) -> None:
        changed = [h for h in self._held if h.name not in evolved and not h.is_still()]
        if shared:
            pairs = zip(self._held, shared, strict=True)
            changed += [held for held, value in pairs if not _alike(held.tensor, value)]
        if changed:
            self._put_back(shared)
            raise EvaluationError(
                f'{self._title} changes "{changed[0].name}" in forward, which all networks share: '
                "fitness would depend on who was evaluated before. Compute with a changed copy, or "
                "return the new state as an output."
            )

    def _put_back(self, shared: list[torch.Tensor]) -> None:
        """Leave the module as it was, as far as that is known: after the first call, wholly."""
        for held, value in zip_longest(self._held, shared):
            held.place[held.key] = held.tensor
            if value is not None:
                held.tensor.detach().copy_(value)


@contextmanager
def unspoilt(inputs: Any, title: str) -> Iterator[None]:
    """Raise an `EvaluationError` when a block has changed inputs in place, if torch counts that."""
    before = versions(inputs)
    yield
    if versions(inputs) != before:
        raise EvaluationError(
            f"{title} changes its inputs in place in some calls: all networks share them, and they "
            "are spoilt now. Compute with a changed copy: x = x / 2, not x /= 2."
        )


@contextmanager
def kept(parameters: Mapping[str, torch.Tensor], title: str, *, whole: bool) -> Iterator[None]:
    """Raise an `EvaluationError` when a block has changed ``parameters`` ``[n, *shape]``.

    By the counter that torch keeps of changes in place, and bit for bit if ``whole``.
    """
    before = {name: value.clone() for name, value in parameters.items() if whole}
    rows = next(iter(parameters.values()))
    version = _version(rows)
    yield
    changed = [name for name, value in before.items() if not _alike(parameters[name], value)]
    if changed or _version(rows) != version:
        first = [*changed, *parameters][0]
        raise EvaluationError(
            f'{title} changes its weights in forward ("{first}"): what is scored would '
            "not be what is kept. Compute with a changed copy (Embedding: without max_norm)."
        )


def _held(template: nn.Module) -> Iterator[_Held]:
    for prefix, module in template.named_modules():
        for place in (module._buffers, module._parameters):
            for key, tensor in place.items():
                if tensor is not None:
                    name = f"{prefix}.{key}" if prefix else key
                    yield _Held(name, place, key, tensor, _version(tensor))


def versions(inputs: Any) -> list[int | None]:
    """Return how often each tensor of a tree was changed in place, as far as torch counts that."""
    return list(map(_version, tensors_of(inputs)))


def _version(tensor: torch.Tensor) -> int | None:
    """Return how often a tensor was changed in place; None where torch does not count."""
    return None if tensor.is_inference() else tensor._version


def _alike(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Whether two tensors have the same numbers, nan like nan."""
    if first.layout != torch.strided:
        first, second = first.to_dense(), second.to_dense()
    return torch.equal(first, second) or torch.allclose(first, second, 0.0, 0.0, equal_nan=True)
