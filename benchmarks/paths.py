"""Milliseconds a network on each path: where the rule of `deapnets.networks.paths` comes from.

    python benchmarks/paths.py

Every path evaluates the same chunk of networks on the same batch, in turns; the medians go to
``benchmarks/results/paths.json``. GF/s are of the matrix products and convolutions alone.
"""

from pathlib import Path
from typing import Any

import torch
from peers import deep, mlp
from timing import measure, record, write
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from deapnets.errors import LayoutError
from deapnets.genomes.layout import Layout
from deapnets.networks.chunk import Networks
from deapnets.networks.paths import PATHS, choose_path

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


CASES = (
    ("mlp 30-25-10", mlp(30, 25, 10), (256, 30), 256),
    ("mlp 784-128-10", mlp(784, 128, 10), (1000, 784), 16),
    ("cnn 11,274, batch 64", small_cnn(), (64, 1, 28, 28), 64),
    ("cnn 11,274, batch 1,000", small_cnn(), (1000, 1, 28, 28), 16),
    ("deep, batch 64", deep(), (64, 1, 28, 28), 8),
)


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
            continue  # no chain of linear layers
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
        milliseconds=milliseconds,
        gigaflops={k: flops / v / 1e6 for k, v in milliseconds.items()},
    )


def main() -> None:
    records = [run_case(*case) for case in CASES]
    print("| module | " + " | ".join(PATHS) + " | chosen |")
    print("| --- |" + " ---: |" * len(PATHS) + " --- |")
    for measured in records:
        cells = [
            f"{measured['milliseconds'][p]:.3g} ms ({measured['gigaflops'][p]:.0f} GF/s)"
            if p in measured["milliseconds"]
            else "-"
            for p in PATHS
        ]
        name = measured["benchmark"].removeprefix("paths ")
        print(f"| {name} | {' | '.join(cells)} | {measured['chosen']} |")
    write(RESULT, {"cases": records})


if __name__ == "__main__":
    main()
