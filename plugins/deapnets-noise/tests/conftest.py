"""Small made-up images; the tests are left out where the plugin is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from deapnets_noise.data import Binary

# A checkout that was installed before this plugin was there: pip install -e plugins/deapnets-noise
collect_ignore_glob = [] if find_spec("deapnets_noise") else ["test_*.py"]


@pytest.fixture(scope="session")
def images() -> Binary:
    """Return 512 images of 784 pixels: a one is a bar in the middle, a zero has more ink."""
    from deapnets_noise.data import Binary

    from deapnets.evaluators.splits import Split

    generator = torch.Generator().manual_seed(5)

    def split(rows: int) -> Split:
        targets = (torch.arange(rows) % 2).float()[:, None]
        inputs = 0.1 * torch.rand(rows, 784, generator=generator)
        inputs[:, 300:420] += 0.5 * targets
        inputs[:, 500:740] += 0.5 * (1 - targets)
        return Split(inputs, targets)

    return Binary(split(512), split(200))
