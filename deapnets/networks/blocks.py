"""Element-wise functions whose bits do not depend on where an element stands.

torch computes functions such as the logistic one several elements at a time, and the rest at the
end of a tensor, or of a thread's part of it, in another way that rounds differently. Here a tensor
has room behind it up to whole vectors, and is computed in blocks that are too small to be divided
between threads.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch

_VECTOR = 64
"""A multiple of the elements that torch computes at a time, whatever the processor."""
_BLOCK = 1 << 14
"""Elements that torch leaves to one thread."""


def roomy(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Return an empty contiguous tensor of a shape, with room behind it up to whole vectors."""
    size = prod(shape)
    return like.new_empty(-(-size // _VECTOR) * _VECTOR)[:size].view(shape)


def applied(function: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor) -> torch.Tensor:
    """Return ``values``, which `roomy` made, with a function applied to each element in place."""
    whole = -(-values.numel() // _VECTOR) * _VECTOR
    for block in values.as_strided((whole,), (1,)).split(_BLOCK):
        block.copy_(function(block))
    return values
