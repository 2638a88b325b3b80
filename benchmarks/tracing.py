"""What a run's trace costs, beside the rest of the run, for networks of several sizes.

    python benchmarks/tracing.py [--repeats 3]

The share is the time in `deapnets.runs.trace.Trace` of that of the rest of the run: small networks,
whose generations take milliseconds, and large ones. Writes `benchmarks/results/tracing.json`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

import deapnets as dn
from deapnets.algorithms.ga import GeneticSettings
from deapnets.plugins import EVALUATORS, FoundPlugin, LoadedPlugin, UsablePlugin
from deapnets.runs.budget import Budget
from deapnets.runs.configuring import Configuration
from deapnets.runs.directory import RunDirectory
from deapnets.runs.environment import environment
from deapnets.runs.progeny import Progeny
from deapnets.runs.running import Run
from deapnets.runs.trace import Trace

RESULT = Path(__file__).parent / "results" / "tracing.json"

CASES = {
    "300 x 22": (300, (2, 4, 2), 4, 400),
    "500 x 101,770": (500, (784, 128, 10), 1000, 20),
    "10,000 x 1,035": (10_000, (24, 39, 2), 100, 30),
    "10,000 generations of 50 x 22": (50, (2, 4, 2), 4, 10_000),
}
"""Population, sizes of the layers, rows, generations."""

_TRACED = (
    (Trace, "note"),
    (Trace, "keep_line"),
    (Trace, "save_line"),
    (Trace, "state_dict"),
    (Progeny, "watch"),
)


class Noise(dn.SupervisedTask):
    """Rows of noise in two classes, or ten."""

    def __init__(self, sizes: tuple[int, int, int], rows: int) -> None:
        super().__init__()
        self.sizes, self.rows = sizes, rows

    def module(self) -> nn.Module:
        """Return the network."""
        first, hidden, last = self.sizes
        return nn.Sequential(nn.Linear(first, hidden), nn.ReLU(), nn.Linear(hidden, last))

    def load(self) -> dn.Splits:
        """Return the rows, with no split but the training one."""
        generator = torch.Generator().manual_seed(0)
        inputs = torch.randn(self.rows, self.sizes[0], generator=generator)
        targets = torch.randint(self.sizes[2], (self.rows,), generator=generator)
        return dn.Splits(dn.Split(inputs, targets))


def timed(function: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """Return the function, whose time is counted."""

    def call(*arguments: Any) -> Any:
        began = time.perf_counter()
        found = function(*arguments)
        seconds.append(time.perf_counter() - began)
        return found

    return call


def measure(name: str) -> dict[str, Any]:
    """Return the seconds of a run, and those of its trace; a run's files and their bytes."""
    population, sizes, rows, generations = CASES[name]
    evaluator = Noise(sizes, rows)
    found = FoundPlugin("noise", EVALUATORS, "benchmarks", "1.0", "tracing:Noise")
    configuration = Configuration(
        UsablePlugin(LoadedPlugin(found, Noise, 0.0), evaluator, {}),
        "ga",
        GeneticSettings(population=population),
        Budget(generations=generations),
        1,
        device="cpu",
    )
    spent: list[float] = []
    plain = [(owner, method, getattr(owner, method)) for owner, method in _TRACED]
    for owner, method, function in plain:
        setattr(owner, method, timed(function, spent))
    try:
        with tempfile.TemporaryDirectory() as folder:
            steps = list(Run(configuration, RunDirectory.create(folder)))
            sizes_of = {path.name: path.stat().st_size for path in Path(folder).glob("*.json*")}
    finally:
        for owner, method, function in plain:
            setattr(owner, method, function)
    total = steps[-1].seconds
    return {
        "case": name,
        "seconds": total,
        "traced": sum(spent),
        "share": sum(spent) / (total - sum(spent)),
        "bytes": {file: sizes_of.get(file, 0) for file in ("trace.jsonl", "lineage.json")},
    }


def main() -> None:
    """Measure every case, print and write them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    rows = [measure(name) for name in CASES for _ in range(repeats)]
    for name in CASES:
        shares = [100 * row["share"] for row in rows if row["case"] == name]
        size = next(row["bytes"]["trace.jsonl"] for row in rows if row["case"] == name)
        print(f"{name}: {statistics.median(shares):.1f} % of the run, trace {size:,} bytes")
    RESULT.write_text(json.dumps({"environment": environment(), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
