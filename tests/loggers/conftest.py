"""Small runs of xor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deapnets.algorithms.ga import GeneticSettings
from deapnets.runs.budget import Budget
from deapnets.runs.configuring import Configuration, make_evaluator
from deapnets.runs.directory import RunDirectory
from deapnets.runs.running import Run


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Run]:
    """Return a function that makes a run in a directory of its own, not yet begun."""

    def start(**settings: Any) -> Run:
        path = RunDirectory.create(tmp_path / "run")
        population = GeneticSettings(population=20, spread=1.0, sigma=0.5)
        plugin, budget = make_evaluator("xor", []), Budget(generations=4)
        return Run(Configuration(plugin, "ga", population, budget, 1, **settings), path)

    return start
