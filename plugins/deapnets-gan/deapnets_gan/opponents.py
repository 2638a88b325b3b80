"""Discriminators: networks that tell real images from made ones, and what they say of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, final, get_args

import torch
from torch import nn

from deapnets.errors import OptionError, unknown
from deapnets_gan.chains import Layer, applied, features_first, hidden_values
from deapnets_gan.judge import Worth
from deapnets_gan.options import Aggregate

SLOPE = 0.2
"""Of the leaky rectifiers."""
_SURE = 5.0  # logits beyond which an opponent's certainty counts for no more
_HIDDEN = (64, 32)


def build_discriminator(pixels: int) -> nn.Sequential:
    """Return a discriminator: ``[batch, pixels]`` to one logit, above 0 for real images.

    Its weights are always the same; torch's generator stays where it is.
    """
    layers: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for size in _HIDDEN:
            layers += [nn.Linear(pixels, size), nn.LeakyReLU(SLOPE)]
            pixels = size
        return nn.Sequential(*layers, nn.Linear(pixels, 1))


def require_steps(steps: int, opponents: int) -> None:
    """Raise an `OptionError` where a judge would neither learn nor be asked."""
    if steps < 1 or opponents < 1:
        raise OptionError(
            f"steps and opponents are at least 1, got steps={steps}, opponents={opponents}."
        )


@final
class Opponent(NamedTuple):
    """A discriminator, and what it makes of the generation's real images."""

    layers: Sequence[Layer]
    real: torch.Tensor  # mean of the last hidden layer, float64 [d]
    spread: float  # sum of that layer's variances over real images

    @classmethod
    def of(cls, layers: Sequence[Layer], real: torch.Tensor) -> Opponent:
        """Return an opponent for real images ``[n, pixels]``."""
        values = _last_hidden(layers, real[None].transpose(1, 2))[0].double()
        return cls(layers, values.mean(1), max(float(values.var(1).sum()), 1e-9))

    def worth(self, values: torch.Tensor) -> Worth:
        """Return what images ``[n, pixels, batch]`` are worth: ``[n]`` each.

        ``quality`` is the mean logit, cut off at 5: how real each image looks. ``diversity`` is
        minus the squared distance between the means of the last hidden layer over made and over
        real images, in units of its spread: whether all of them together look like real ones
        (feature matching: Salimans et al. 2016, arXiv:1606.03498, section 3.1). It is corrected for
        the size of the batch.
        """
        hidden = _last_hidden(self.layers, values)
        logits = applied(self.layers[-1], hidden)[:, 0].clamp(-_SURE, _SURE)
        mean, batch = hidden.mean(2), hidden.shape[2]
        within = (hidden - mean[..., None]).square_().sum(2).double().sum(1)
        apart = (mean.double() - self.real).square().sum(1) - within / (batch * (batch - 1))
        return Worth(logits.mean(1).double() / _SURE, -apart / self.spread)


def _last_hidden(layers: Sequence[Layer], values: torch.Tensor) -> torch.Tensor:
    return hidden_values(layers[:-1], values, SLOPE)[-1]


def verdict(opponents: Sequence[Opponent], images: torch.Tensor, aggregate: Aggregate) -> Worth:
    """Return what images ``[n, batch, pixels]`` are worth to all opponents: their mean, or least.

    Raises
    ------
    OptionError
        When there is no such aggregate.
    """
    if aggregate not in get_args(Aggregate):
        raise OptionError(unknown("aggregate", str(aggregate), get_args(Aggregate)))
    count = len(images)
    values = features_first(images)
    found = [opponent.worth(values) for opponent in opponents]
    quality = torch.stack([worth.quality for worth in found])
    diversity = torch.stack([worth.diversity for worth in found])
    if aggregate == "worst":
        return Worth(quality.min(0).values[:count], diversity.min(0).values[:count])
    return Worth(quality.mean(0)[:count], diversity.mean(0)[:count])
