"""Which layers' units stand in an order that something else relies on.

The hidden units of a layer can change places when everything that reads or scales them follows, as
evolved weights of the next layer and of a normalisation do. What individuals share does not follow:
running statistics, frozen layers. Nor do layers that tell units apart by their places (groups), a
layer that stands in several places, or one whose rows are no units (a transposed convolution).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy
from torch.nn.utils.parametrize import ParametrizationList

_PLACED = (  # their weights' rows and columns are not their outputs and inputs
    nn.Bilinear,
    nn.Embedding,
    nn.EmbeddingBag,
    nn.MultiheadAttention,
    nn.RNNBase,
    nn.RNNCellBase,
    ParametrizationList,
    nn.LocalResponseNorm,  # these look at channels side by side
    nn.ChannelShuffle,
    nn.PixelShuffle,
    nn.PixelUnshuffle,
)
_FIRST = 64  # elements that tell most tensors from one that has the same number everywhere


def ordered_rows(module: nn.Module, chosen: list[tuple[str, nn.Parameter]]) -> tuple[str, ...]:
    """Return which of the evolved matrices have rows that must keep their order.

    Layers are taken to feed each other in the order in which the module registers them. What is
    shared and has the same number everywhere, such as statistics that are still 0 and 1, binds
    nobody's order.
    """
    if sum(parameter.dim() >= 2 and parameter.numel() > 0 for _, parameter in chosen) < 2:
        return ()
    search = _Search(module, chosen)
    search.visit(module)
    return tuple(name for name, _ in chosen if name in search.ordered)


class _Search:
    """A walk along the layers; a module that stands in several places is met in each."""

    def __init__(self, module: nn.Module, chosen: list[tuple[str, nn.Parameter]]) -> None:
        self.ordered: set[str] = set()
        self._last: tuple[str, int] | None = None  # the last matrix and its rows
        met = Counter(id(parameter) for parameter in _parameters(module))
        self._several = {key for key, count in met.items() if count > 1}
        self._evolved = {id(parameter): name for name, parameter in chosen}

    def visit(self, part: nn.Module) -> list[tuple[str, int]]:
        """Look at a part of the module; return the matrices in it, each with its rows."""
        placed = _is_placed(part)
        if placed and self._last is not None:
            self.ordered.add(self._last[0])
        matrices, others = [], []
        for tensor in _own(part):
            name = self._evolved.get(id(tensor))
            shared = name is None or id(tensor) in self._several
            if shared:
                self._bind(tensor, evolved=name is not None)
            if name is not None and tensor.dim() >= 2 and tensor.numel():
                self._last = (name, tensor.shape[0])
                matrices.append(self._last)
                if placed or shared:
                    self.ordered.add(name)
            else:
                others.append((tensor, name is not None))
        below = [one for child in _children(part) for one in self.visit(child)]
        if below:  # nobody knows where among its parts a module uses what is its own
            for tensor, evolved in others:
                self._bind_any(below, tensor, evolved=evolved)
        return matrices + below

    def _bind(self, tensor: torch.Tensor, *, evolved: bool) -> None:
        """Keep the order of the last matrix's rows where a tensor has an element for each."""
        if self._last is None or self._last[0] in self.ordered:
            return
        name, rows = self._last
        fits = any(size and size % rows == 0 for size in tensor.shape)
        if fits and _tells(tensor, evolved):
            self.ordered.add(name)

    def _bind_any(
        self, matrices: list[tuple[str, int]], tensor: torch.Tensor, *, evolved: bool
    ) -> None:
        bound = {name for name, rows in matrices if rows in tensor.shape}
        if not bound <= self.ordered and _tells(tensor, evolved):
            self.ordered |= bound


def _tells(tensor: torch.Tensor, evolved: bool) -> bool:
    """Return whether a tensor has different numbers in different places, or may come to."""
    if tensor.numel() < 2:
        return False
    if evolved or tensor.is_meta or tensor.layout != torch.strided:
        return True
    flat = tensor.reshape(-1)
    return _differs(flat[:_FIRST]) or (len(flat) > _FIRST and _differs(flat))


def _differs(flat: torch.Tensor) -> bool:
    return not torch.equal(flat[1:], flat[:-1])


def _own(part: nn.Module) -> list[torch.Tensor]:
    own = (*part._parameters.values(), *part._buffers.values())
    return [tensor for tensor in own if tensor is not None and not is_lazy(tensor)]


def _children(part: nn.Module) -> list[nn.Module]:
    return [child for child in part._modules.values() if child is not None]


def _parameters(module: nn.Module) -> Iterator[nn.Parameter]:
    """Yield parameters as often as they are met."""
    for parameter in module._parameters.values():
        if parameter is not None:
            yield parameter
    for child in _children(module):
        yield from _parameters(child)


def _is_placed(part: nn.Module) -> bool:
    """Return whether a module's outputs depend on the places of its inputs or rows."""
    if isinstance(part, _ConvNd):
        return part.transposed or part.groups > 1
    if isinstance(part, nn.GroupNorm):
        return 1 < part.num_groups < part.num_channels
    if isinstance(part, nn.LayerNorm | nn.RMSNorm):
        return len(part.normalized_shape) > 1
    return isinstance(part, _PLACED)
