"""A strategy's run that was stopped and resumed ends as the one that was not."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import deapnets as dn
from deapnets.algorithms.strategy import (
    OpenSettings,
    PgpeSettings,
    SepCmaSettings,
    SnesSettings,
)
from deapnets.runs.budget import Budget
from deapnets.runs.directory import RunDirectory
from deapnets.runs.running import Run


class Batches(dn.SupervisedTask):
    """A mini-batch a generation, of a network with random initial weights."""

    def __init__(self):
        super().__init__(batch_size=16)

    def module(self):
        return nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 2))

    def load(self):
        inputs = torch.randn(96, 2, generator=torch.Generator().manual_seed(0))
        rows = dn.Split(inputs, (inputs.sum(1) > 0).long())
        return dn.Splits(rows, rows, rows)


KINDS = {
    "es": lambda: OpenSettings(population=12),
    "es with full noise": lambda: OpenSettings(population=12, rank=None),
    "pgpe": lambda: PgpeSettings(population=12),
    "snes": lambda: SnesSettings(population=12),
    "sepcma": lambda: SepCmaSettings(population=12),
}


def found_in(path):
    directory = RunDirectory.open(path)
    log = [{k: v for k, v in record.items() if k != "seconds"} for record in directory.log()]
    best = load_file(directory.path / "best.safetensors")
    return log, directory.read("best.json"), {name: t.tolist() for name, t in best.items()}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("generations", [1, 6])
def test_resumed_run_equals_uninterrupted_run(start, configure, name, generations):
    options = {
        "algorithm": name.split()[0],
        "settings": KINDS[name](),
        "budget": Budget(generations=9),
        "validate_every": 4,
    }
    whole = start(Batches(), **options)
    list(whole)
    run = start(Batches(), **options)
    steps = iter(run)
    for _ in range(generations):
        next(steps)
    steps.close()
    directory = RunDirectory.open(run.directory.path)
    list(Run(configure(Batches(), **options), directory, resumes=True))
    assert found_in(run.directory.path) == found_in(whole.directory.path)
