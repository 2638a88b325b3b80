"""Archive against archive: whether later generators do better against all discriminators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, final

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


def described(
    found: Generalisation, makers: Sequence[int], judges: Sequence[int]
) -> dict[str, Any]:
    """Return the matrix for a report, as `deapnets.Evaluator.matrix` does.

    ``makers`` and ``judges``: the generations that they are of.
    """
    return {
        "title": "Generators against discriminators of the whole run",
        "note": (
            "How real the images of a generation's best generator (a row) look to a generation's "
            "discriminator (a column), from -1 to 1. Where the run makes progress, lower rows look "
            "more real to every column. A stripe along the diagonal is running in circles: each "
            "generator fools the discriminator of its own time alone."
        ),
        "row": "generator of generation",
        "column": "discriminator of generation",
        "rows": list(makers),
        "columns": list(judges),
        "values": [[round(value, 4) for value in row] for row in found.quality.tolist()],
    }


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
