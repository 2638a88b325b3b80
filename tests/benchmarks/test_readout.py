"""The table of evolved and random filters is that of its runs."""

from __future__ import annotations

import pytest


@pytest.fixture
def readout(benchmark_module):
    return benchmark_module("readout")


def run(gain, seed):
    start = 0.97 + 0.001 * seed
    figures = {"initial_test_accuracy": start, "test_accuracy": start + gain * (1 + 0.01 * seed)}
    return {"evaluations": 100, "neighbours_cores": 0.5, "metrics": figures}


def test_row_says_how_far_evolved_filters_are_above_random_ones(readout):
    results = readout.Results(readout.RESULT)
    for seed in range(1, 11):
        results.add(f"conv-16/{seed}", run(0.003, seed))
    (row,) = readout.markdown(results).splitlines()[2:]
    assert "| conv-16 | 10 | 97.55 ± 0.30 | 97.87 ± 0.31 | +0.32 | +1.00 |" in row
    assert "the evolved set is better than the random one by 0.3" in row


def test_only_missing_runs_are_run_and_at_most_so_many(readout, monkeypatch):
    seen = []

    def evolve(case, seed):
        seen.append(seed)
        return run(0.001, seed)

    monkeypatch.setattr(readout, "evolve", evolve)
    results = readout.Results(readout.RESULT)
    results.add("conv-16/1", run(0.001, 1))
    readout.run_missing(results, ["conv-16"], most=3)
    assert seen == [2, 3, 4]
