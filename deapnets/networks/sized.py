"""Convolutions of small images as products of patches, those of large ones by another path.

On a CPU a convolution of torch takes a tenth of a millisecond to begin. Where images are small that
is most of it, and all networks in one product are faster; patches of large images leave the cache
(``benchmarks/paths.py``). Which one it is follows from the shapes of the inputs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import torch

from deapnets.networks.base import Path
from deapnets.networks.images import Extent, extent
from deapnets.networks.lowrank import LowRankPath, Noise
from deapnets.networks.lowrank_stacked import StackedLowRank
from deapnets.networks.stacked import Chain, StackedPath

PATCHES = 1 << 19
"""Numbers of a network's patches in a layer: with more, another path is as fast or faster."""
_HELD = 1 << 20
"""Numbers that the widest layer has in networks that are computed together."""


def taken(
    chain: Chain, shapes: Callable[[str], torch.Size], inputs: tuple[Any, ...], each: bool
) -> Extent | None:
    """Return what a network takes for its inputs as patches; None where they do not fit."""
    if len(inputs) != 1 or not isinstance(inputs[0], torch.Tensor):
        return None
    (batch,) = inputs
    if batch.dim() != 4 + each or not batch.numel() or batch.dtype != torch.float32:
        return None
    image = extent(chain.steps, shapes, batch.shape[-3:])
    if image is None:
        return None
    rows = batch.shape[int(each)]
    return Extent(rows * image.patches, rows * image.outputs)


@final
class SizedPath(Path):
    """Products of patches while they are few; another path for larger inputs and what is wrong.

    Parameters
    ----------
    stacked
        Of a chain of images.
    large
        The other path.
    most
        Numbers of patches that are few; None for any.
    """

    name = "stacked"

    def __init__(self, stacked: StackedPath, large: Path, most: int | None = PATCHES) -> None:
        self.stacked, self._large, self.most = stacked, large, most

    def few(self, whole: Extent | None) -> bool:
        """Whether inputs fit, and their patches are few."""
        return whole is not None and (self.most is None or whole.patches <= self.most)

    def forward(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[Any, ...], each: bool
    ) -> Any:
        """Return ``[n, batch, ...]``."""

        def shape(name: str) -> torch.Size:
            weight = self.stacked.weight(name, parameters)
            return weight.shape[1:] if name in parameters else weight.shape

        whole = taken(self.stacked.chain, shape, inputs, each)
        if whole is None or not self.few(whole):
            return self._large.forward(parameters, inputs, each)
        together = max(2, _HELD // max(whole))
        count = len(next(iter(parameters.values())))
        outputs = []
        for start in range(0, count, together):
            some = slice(start, start + together)
            rows = {name: value[some] for name, value in parameters.items()}
            lots = (inputs[0][some],) if each else inputs
            outputs.append(self.stacked.forward(rows, lots, each))
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


@final
class SizedLowRank(LowRankPath):
    """The same for children of low rank.

    Parameters
    ----------
    path
        The path of networks whose weights are made.
    large
        Children on larger inputs.
    """

    def __init__(self, path: SizedPath, large: LowRankPath) -> None:
        self._path, self._small, self._large = path, StackedLowRank(path.stacked), large

    def forward(
        self,
        base: Mapping[str, torch.Tensor],
        noise: Noise,
        inputs: torch.Tensor,
        each: bool,
    ) -> torch.Tensor:
        """Return ``[n, batch, ...]``."""

        def shape(name: str) -> torch.Size:
            return self._path.stacked.weight(name, base).shape

        few = self._path.few(taken(self._path.stacked.chain, shape, (inputs,), each))
        return (self._small if few else self._large).forward(base, noise, inputs, each)
