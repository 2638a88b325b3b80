"""What saving costs: 500 networks of 101,770 weights, by default and after every generation.

    python benchmarks/saving.py [--generations 30]

The share is the time in which a state was saved, of the rest of the run, in one run each. Writes
`benchmarks/results/saving.json` with every raw figure.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

import deapnets as dn
from deapnets.algorithms.ga import GeneticSettings, individual_class
from deapnets.plugins import EVALUATORS, FoundPlugin, LoadedPlugin, UsablePlugin
from deapnets.runs.budget import Budget
from deapnets.runs.configuring import Configuration
from deapnets.runs.directory import RunDirectory
from deapnets.runs.environment import environment
from deapnets.runs.running import Run
from deapnets.runs.snapshots import Snapshots

RESULT = Path(__file__).parent / "results" / "saving.json"
DEFAULT = 10.0


class Noise(dn.SupervisedTask):
    """A thousand rows of noise in ten classes, by 784-128-10."""

    def module(self) -> nn.Module:
        """Return the network."""
        return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))

    def load(self) -> dn.Splits:
        """Return the rows, with no split but the training one."""
        generator = torch.Generator().manual_seed(0)
        inputs = torch.randn(1000, 784, generator=generator)
        return dn.Splits(dn.Split(inputs, torch.randint(10, (1000,), generator=generator)))


def measure(every: float, generations: int) -> dict[str, Any]:
    """Return seconds of a run and of each of its saves, and of reading the last state back."""
    saves: list[float] = []
    write = Snapshots.write

    def timed(self: Snapshots, state: Any) -> None:
        began = time.perf_counter()
        write(self, state)
        saves.append(time.perf_counter() - began)

    evaluator = Noise()
    found = FoundPlugin("noise", EVALUATORS, "benchmarks", "1.0", "saving:Noise")
    configuration = Configuration(
        UsablePlugin(LoadedPlugin(found, Noise, 0.0), evaluator, {}),
        "ga",
        GeneticSettings(population=500),
        Budget(generations=generations),
        1,
        device="cpu",
        checkpoint_every=every,
    )
    Snapshots.write = timed  # type: ignore[method-assign]  # put back below
    try:
        with tempfile.TemporaryDirectory() as folder:
            steps = list(Run(configuration, RunDirectory.create(folder)))
            began = time.perf_counter()
            Snapshots(Path(folder) / "checkpoints").read([individual_class(evaluator)])
            reading = time.perf_counter() - began
    finally:
        Snapshots.write = write  # type: ignore[method-assign]
    total = steps[-1].seconds
    return {
        "checkpoint_every": every,
        "generations": generations,
        "seconds": total,
        "saves": saves,
        "median_save": statistics.median(saves),
        "share": sum(saves) / (total - sum(saves)),
        "read_seconds": reading,
    }


def main() -> None:
    """Measure both, print and write them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--generations", type=int, default=30)
    generations = parser.parse_args().generations
    rows = [measure(every, generations) for every in (DEFAULT, 0.0)]
    for row in rows:
        print(
            f"every {row['checkpoint_every']:4.0f} s: {100 * row['share']:.1f} % of "
            f"{row['seconds']:.1f} s, {len(row['saves'])} saves, median "
            f"{1000 * row['median_save']:.0f} ms, read back in {row['read_seconds']:.1f} s"
        )
    RESULT.write_text(json.dumps({"environment": environment(), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
