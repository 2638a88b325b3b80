"""Sums whose bits do not depend on their order: of whole numbers, in double precision.

A child may have to look at a whole parameter of its parents: for its deviation, for the unit that
is most like another. Sums of rounded numbers differ with the order in which they are taken, which
a chunk, a thread or a device decides. Sums of whole numbers below 2**53 do not.
"""

from __future__ import annotations

import torch

_EXACT = 53  # bits up to which a double is a whole number
_FINEST = 24  # bits of a float32's fraction


def whole(values: torch.Tensor, terms: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows as whole numbers, and the power of two they are multiples of.

    Parameters
    ----------
    values
        Float32 ``[n, ...]``.
    terms
        How many products of two of the numbers are added up: their sum stays exact.

    Returns
    -------
    tuple of torch.Tensor
        Float64 ``[n, ...]``, rounded to nearest and even, and float64 ``[n]``: a value is about
        number times unit. A row's largest value is given all the bits that the sum leaves.
    """
    bits = min(_FINEST, (_EXACT - (terms - 1).bit_length()) // 2)
    largest = values.flatten(1).abs().amax(1)
    _, exponent = torch.frexp(largest)  # largest < 2**exponent
    shift = bits - exponent.to(torch.int64)
    scale = power_of_two(shift).view(-1, *[1] * (values.dim() - 1))
    return values.double().mul_(scale).round_(), power_of_two(-shift)


def power_of_two(exponents: torch.Tensor) -> torch.Tensor:
    """Return ``2.0 ** exponents``, float64, from its bits: no function of any library rounds it."""
    return ((exponents + 1023) << 52).view(torch.float64)


def deviations(values: torch.Tensor) -> torch.Tensor:
    """Return the standard deviation of each row of float32 ``[n, k]``: float64 ``[n]``.

    Of no numbers it is 0.
    """
    count = values.shape[1]
    if count == 0:
        return values.new_zeros(len(values), dtype=torch.float64)
    numbers, unit = whole(values, count)
    mean = numbers.sum(1) / count
    mean_square = (numbers[:, None, :] @ numbers[:, :, None])[:, 0, 0] / count
    return (mean_square - mean * mean).clamp_(min=0.0).sqrt_() * unit
