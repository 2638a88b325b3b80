"""The copy of a module that lends its form to the networks of a population."""

from __future__ import annotations

import torch
from torch import nn

from deapnets.genomes.reach import copied


def template_of(module: nn.Module, device: torch.device) -> nn.Module:
    """Return a copy in evaluation mode that computes in float32 and has no gradients.

    A module whose parameters are in float32 keeps its buffers as they are: times and counts may
    need more digits.

    Raises
    ------
    LayoutError
        When the module cannot be copied.
    """
    template = copied(module).eval().requires_grad_(False)
    if any(parameter.dtype != torch.float32 for parameter in template.parameters()):
        template = template.float()
    return template.to(device)
