"""Benchmarks as modules: they import each other by name, and nobody else shall see those."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SHARED = ("publishing", "quality", "resumable", "timing")


@pytest.fixture
def benchmark_module(monkeypatch, tmp_path):
    """Return a function that loads a benchmark, whose results go to the test's folder."""

    def load(name):
        monkeypatch.syspath_prepend(str(BENCHMARKS))
        for shared in SHARED:
            monkeypatch.delitem(sys.modules, shared, raising=False)
        spec = importlib.util.spec_from_file_location(f"deapnets_{name}", BENCHMARKS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(module, "RESULT", tmp_path / f"{name}.json")
        for shared in SHARED:
            sys.modules.pop(shared, None)
        return module

    return load
