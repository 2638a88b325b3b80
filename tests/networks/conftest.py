"""Networks with known weights, and what plain torch makes of them one after the other."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from deapnets.genomes.layout import Layout
from deapnets.networks.chunk import Networks
from deapnets.networks.paths import choose_path


@pytest.fixture
def networks_of() -> Callable[..., Networks]:
    """Return a function that makes ``count`` networks of a module, with weights from N(0, 0.3)."""

    def networks_of(module: nn.Module, count: int = 5, path: str = "") -> Networks:
        layout = Layout.of(module)
        generator = torch.Generator().manual_seed(7)
        rows = 0.3 * torch.randn(count, layout.width, generator=generator)
        return Networks(choose_path(module, layout, rows.device, path), layout, rows)

    return networks_of


@pytest.fixture
def plain_loop() -> Callable[..., torch.Tensor]:
    """Return a function that calls a copy of the module with each network's weights: the truth."""

    def plain_loop(
        module: nn.Module, networks: Networks, *inputs: torch.Tensor, each: bool = False
    ) -> torch.Tensor:
        layout = Layout.of(module)
        outputs = []
        for index, row in enumerate(networks.weights()):
            carrier = copy.deepcopy(module).eval()
            layout.load(carrier, row)
            with torch.no_grad():
                outputs.append(carrier(*(lot[index] if each else lot for lot in inputs)))
        return torch.stack(outputs)

    return plain_loop


@pytest.fixture
def _threads_restored() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
