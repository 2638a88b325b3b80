"""Small runs: xor with twenty individuals, or an evaluator of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deapnets.algorithms.ga import GeneticSettings
from deapnets.evaluators.xor import Xor
from deapnets.plugins import EVALUATORS, FoundPlugin, LoadedPlugin, UsablePlugin
from deapnets.runs.budget import Budget
from deapnets.runs.configuring import Configuration
from deapnets.runs.directory import RunDirectory
from deapnets.runs.running import Run


@pytest.fixture
def configure() -> Callable[..., Configuration]:
    """Return a function that makes a configuration; its keywords replace what stands there."""

    def configure(evaluator: Any = None, **replaced: Any) -> Configuration:
        evaluator = Xor() if evaluator is None else evaluator
        found = FoundPlugin("task", EVALUATORS, "tests", "1.0", "tests:Task")
        plugin = UsablePlugin(LoadedPlugin(found, type(evaluator), 0.0), evaluator, {"size": 3})
        values = {
            "plugin": plugin,
            "algorithm": "ga",
            "settings": GeneticSettings(population=20, spread=1.0, sigma=0.5, sigma_end=0.1),
            "budget": Budget(generations=4),
            "seed": 1,
        }
        return Configuration(**{**values, **replaced})

    return configure


@pytest.fixture
def start(configure: Callable[..., Configuration], tmp_path: Path) -> Callable[..., Run]:
    """Return a function that makes a run in a directory of its own, not yet begun."""

    def start(evaluator: Any = None, **replaced: Any) -> Run:
        path = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        return Run(configure(evaluator, **replaced), RunDirectory.create(path))

    return start
