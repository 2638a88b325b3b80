"""Seconds of ``deapnets plugins list`` with ten more plugins installed, one of them broken.

    python benchmarks/listing.py [--times 20]

Whole processes, from start to end; a Python that imports nothing stands beside them as the floor.
Writes `benchmarks/results/listing.json` with every raw figure.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

from deapnets.runs.environment import environment

RESULT = Path(__file__).parent / "results" / "listing.json"
LIST = "import sys; from deapnets.cli import main; main(['plugins', 'list'])"


def install(folder: Path, count: int) -> None:
    """Put distributions with an evaluator each into a folder; the last one cannot be imported."""
    for number in range(count):
        info = folder / f"plugin_{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: plugin-{number}\nVersion: 1.0\n"
        )
        entry = f"task-{number} = plugin_{number}:Task"
        (info / "entry_points.txt").write_text(f"[deapnets.evaluators]\n{entry}\n")
        broken = "import nowhere_to_be_found" if number == count - 1 else "class Task: ..."
        (folder / f"plugin_{number}.py").write_text(broken)


def seconds(code: str, folder: Path, times: int) -> list[float]:
    """Return the seconds of each of some processes that run a line of Python."""
    found = []
    variables = {**os.environ, "PYTHONPATH": str(folder)}
    for _ in range(times):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
        )
        found.append(time.perf_counter() - began)
        assert code != LIST or "task-9" in done.stdout
    return found


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as name:
        install(Path(name), 10)
        raw = {
            "list": seconds(LIST, Path(name), times),
            "floor": seconds("pass", Path(name), times),
        }
    result = {
        "command": " ".join(["python", "benchmarks/listing.py", *sys.argv[1:]]),
        "distributions_installed": len(list(metadata.distributions())) + 10,
        "seconds": {
            what: {
                "median": statistics.median(values),
                "mean": statistics.fmean(values),
                "deviation": statistics.stdev(values),
                "worst": max(values),
            }
            for what, values in raw.items()
        },
        "raw": raw,
        "environment": environment(),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for what, figures in result["seconds"].items():
        print(what, *(f"{name} {value:.3f}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
