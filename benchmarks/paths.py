"""Milliseconds a network on each path: where the rule of `deapnets.networks.paths` comes from.

    python benchmarks/paths.py

Every path evaluates the same chunk of networks on the same batch, in turns; the medians go to
``benchmarks/results/paths.json``. GF/s are of the matrix products and convolutions alone.
"""

from pathlib import Path
from typing import Any

import torch
from jobs import deep, mlp
from timing import measure, record, write
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from deapnets.errors import LayoutError
from deapnets.genomes.layout import Layout
from deapnets.networks.chunk import Networks
from deapnets.networks.images import extent
from deapnets.networks.paths import PATHS, choose_path
from deapnets.networks.sized import SizedPath

RESULT = Path(__file__).parent / "results" / "paths.json"
CPU = torch.device("cpu")


def small_cnn() -> nn.Sequential:
    """Return a convolutional network of 11,274 weights for 28 x 28 images."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(784, 10),
    )


def one_layer(stride: int, pool: int) -> nn.Sequential:
    """Return sixteen filters and a linear layer for 14 x 14 images."""
    side = ((14 - 5) // stride + 1) // pool
    layers = [nn.Conv2d(1, 16, 5, stride=stride), nn.ReLU()]
    layers += [nn.MaxPool2d(pool)] if pool > 1 else []
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * side * side, 10))


def two_layers() -> nn.Sequential:
    """Return two convolutions and a linear layer for 14 x 14 images."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(144, 10),
    )


CASES = (
    ("mlp 30-25-10", mlp(30, 25, 10), (256, 30), 256),
    ("mlp 784-128-10", mlp(784, 128, 10), (1000, 784), 16),
    ("conv 14x14, stride 2, batch 128", one_layer(2, 1), (128, 1, 14, 14), 128),
    ("conv 14x14, stride 2, batch 1,000", one_layer(2, 1), (1000, 1, 14, 14), 32),
    ("conv 14x14, pool 2, batch 128", one_layer(1, 2), (128, 1, 14, 14), 64),
    ("conv 14x14, pool 2, batch 512", one_layer(1, 2), (512, 1, 14, 14), 32),
    ("two convs 14x14, batch 128", two_layers(), (128, 1, 14, 14), 128),
    ("two convs 14x14, batch 1,000", two_layers(), (1000, 1, 14, 14), 32),
    ("cnn 11,274, batch 16", small_cnn(), (16, 1, 28, 28), 64),
    ("cnn 11,274, batch 64", small_cnn(), (64, 1, 28, 28), 64),
    ("cnn 11,274, batch 1,000", small_cnn(), (1000, 1, 28, 28), 16),
    ("deep, batch 64", deep(), (64, 1, 28, 28), 8),
)


def patches_of(module: nn.Module, layout: Layout, shape: tuple[int, ...]) -> int:
    """Return how many numbers the largest layer's patches have; 0 without a convolution."""
    path = choose_path(module, layout, CPU)
    if not isinstance(path, SizedPath):
        return 0
    sizes = dict(zip(layout.names, map(torch.Size, layout.shapes), strict=True))
    most = extent(path.stacked.chain.steps, sizes.__getitem__, shape[1:])
    return 0 if most is None else shape[0] * most.patches


def run_case(name: str, module: nn.Module, shape: tuple[int, ...], count: int) -> dict[str, Any]:
    """Return the record of one module: a timing for each path that takes it."""
    layout = Layout.of(module)
    rows = 0.1 * torch.randn(count, layout.width)
    inputs = torch.randn(shape)
    functions = {}
    for wish in PATHS:
        try:
            networks = Networks(choose_path(module, layout, CPU, wish), layout, rows)
        except LayoutError:
            continue  # no chain
        functions[wish] = lambda networks=networks: networks(inputs)
    timings = measure(functions, repeats=9, budget=10.0)
    with FlopCounterMode(display=False) as counter:
        module(inputs)
    flops = counter.get_total_flops()
    milliseconds = {t.name: 1000 * t.median / count for t in timings}
    return record(
        f"paths {name}",
        timings,
        packages=["torch"],
        networks=count,
        chosen=choose_path(module, layout, CPU).name,
        patches=patches_of(module, layout, shape),
        milliseconds=milliseconds,
        gigaflops={k: flops / v / 1e6 for k, v in milliseconds.items()},
    )


def main() -> None:
    records = [run_case(*case) for case in CASES]
    print("| module | patches | " + " | ".join(PATHS) + " |")
    print("| --- | ---: |" + " ---: |" * len(PATHS))
    for measured in records:
        cells = [
            f"{measured['milliseconds'][p]:.3g} ms ({measured['gigaflops'][p]:.0f} GF/s)"
            if p in measured["milliseconds"]
            else "-"
            for p in PATHS
        ]
        name = measured["benchmark"].removeprefix("paths ")
        print(f"| {name} | {measured['patches']:,} | {' | '.join(cells)} |")
    write(RESULT, {"cases": records})


if __name__ == "__main__":
    main()
