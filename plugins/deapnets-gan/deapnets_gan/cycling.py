"""Archive against archive: whether later generators do better against all discriminators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, final

import torch

from deapnets.genomes.weights import WeightGenome
from deapnets_gan.chains import Layer
from deapnets_gan.judge import Studio
from deapnets_gan.opponents import Opponent

_IMAGES = 256  # of each generator, and as many real ones


@final
class Generalisation(NamedTuple):
    """How generators of the whole run fare against discriminators of the whole run.

    Attributes
    ----------
    quality
        ``[generators, discriminators]``, the oldest first: how real a generator's images look.
    """

    quality: torch.Tensor

    @property
    def later_is_better(self) -> float:
        """Part of the pairs of generators in which the later one looks more real to all together.

        1 for steady progress, about a half for running in circles: a generator then fools the
        discriminators of its own time alone.
        """
        mean = self.quality.mean(1)
        first, second = torch.triu_indices(len(mean), len(mean), offset=1)
        if not len(first):
            return float("nan")
        return float((mean[second] > mean[first]).double().mean())


def generalisation(
    makers: Sequence[WeightGenome], panel: Sequence[Sequence[Layer]], studio: Studio
) -> Generalisation:
    """Return how every generator fares against every discriminator, given by its layers."""
    generator = torch.Generator().manual_seed(0)
    real = studio.real(_IMAGES, generator)
    opponents = [Opponent.of(layers, real) for layers in panel]
    rows = []
    for maker in makers:
        images = studio.made([maker], _IMAGES, torch.Generator().manual_seed(1))
        values = images.T[None].expand(2, -1, -1)
        rows.append([float(opponent.worth(values).quality[0]) for opponent in opponents])
    return Generalisation(torch.tensor(rows, dtype=torch.float64).reshape(len(rows), len(panel)))
