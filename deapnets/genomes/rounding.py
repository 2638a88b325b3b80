"""Float32 children to bfloat16, by chance: the mean of many roundings is the number itself.

Half the memory leaves 8 bits of precision. A mutation is often smaller than the distance to the
next such number: rounded to the nearest, it would be lost, always. Rounded up with the chance that
the distance to the lower number gives, it is there in the mean (Gupta et al. 2015, "Deep learning
with limited numerical precision", arXiv:1502.02551).
"""

from __future__ import annotations

import torch

from deapnets.distributions.base import LEVELS
from deapnets.randomness import Draw
from deapnets.randomness.hashing import Words

ROUNDING = 1 << 32
"""The stream that rounding takes: operators count theirs from 0 and do not get so far."""


def rounded(rows: torch.Tensor, seeds: Words) -> torch.Tensor:
    """Return ``rows`` ``[n, P]``, float32, as bfloat16 ``[n, P]``.

    A bfloat16 is the upper 16 bits of a float32. Element ``j`` is rounded away from zero when value
    ``j`` of stream `ROUNDING` of its child's seed and the lower 16 bits add up to 2**16 or more; a
    number that is a bfloat16 already stays, and so does what is not finite.
    """
    bits = rows.view(torch.int32)
    if not bool((bits & (LEVELS - 1)).any()):  # a crossover makes no new numbers
        return rows.to(torch.bfloat16)
    draw = Draw(seeds, rows.shape[1], rows.device, stream=ROUNDING)
    up = (bits + draw.values()).bitwise_and_(-LEVELS).view(torch.float32)
    return torch.where(rows.isfinite(), up, rows).to(torch.bfloat16)
