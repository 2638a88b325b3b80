"""Parameters and floating-point operations of a network, without making its weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def parameters(make: Callable[[], nn.Module]) -> int:
    """Return how many weights the module that ``make`` returns has; none is made."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in make().parameters())


def flops(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> int:
    """Return the floating-point operations of one input of a shape; none is carried out.

    Two for each multiplication and addition of convolutions and matrix products, as torch counts.
    """
    counter: Any = FlopCounterMode(display=False)
    with torch.device("meta"):
        module = make().eval()
        with torch.no_grad(), counter:
            module(torch.empty(1, *shape))
    return int(counter.get_total_flops())
