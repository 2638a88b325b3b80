"""The benchmarks of strategies run at a tiny size: their figures mean nothing there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(script: str, *words: str) -> None:
    command = [sys.executable, str(BENCHMARKS / script), "--tiny", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_strategies_are_measured_with_and_without_weights(tmp_path):
    out = tmp_path / "strategies.json"
    run("strategies.py", "--only", "evaluation", "--repeats", "1", "--out", str(out))
    (record,) = json.loads(out.read_text())["evaluation"]
    assert [timing["name"] for timing in record["timings"]] == ["full", "rank 1"]
    assert all(timing["median_s"] > 0 for timing in record["timings"])


def test_the_gpu_benchmark_runs_on_a_cpu(tmp_path):
    pytest.importorskip("deapnets_mnist")
    out = tmp_path / "gpu.json"
    run("gpu.py", "--device", "cpu", "--seconds", "0.5", "--out", str(out))
    found = json.loads(out.read_text())
    assert [row["way"] for row in found["paths"][:2]] == ["recipes", "rank 1"]
    assert [row["population"] for row in found["large"]] == [10, 20]
    assert found["accuracy"][0]["generations"] > 0


def test_programs_are_measured_beside_deap(tmp_path):
    out = tmp_path / "programs.json"
    run("programs.py", "--out", str(out))
    (seed,) = json.loads(out.read_text())["runs"].values()
    assert all(seed[way]["seconds"] > 0 for way in ("numpy", "deapnets"))
