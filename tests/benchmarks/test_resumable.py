"""Results that are there are not made again, and those that are made are there at once."""

from __future__ import annotations

import pytest


@pytest.fixture
def results_at(benchmark_module, tmp_path):
    """Return a function that opens the same file anew."""
    module = benchmark_module("quality")
    return lambda: module.Results(tmp_path / "results.json", ["torch"])


def test_a_run_that_is_there_is_not_done_again(results_at):
    calls = []

    def call():
        calls.append(1)
        return {"metrics": {"test_accuracy": 0.5}}

    assert results_at().run("ga-120/1", call)
    assert not results_at().run("ga-120/1", call)
    assert results_at().run("ga-120/2", call)
    assert len(calls) == 2


def test_a_run_is_written_with_what_made_it(results_at):
    results_at().run("ga-120/1", lambda: {"seconds": 3})
    whole = results_at().whole
    assert whole["runs"]["ga-120/1"]["seconds"] == 3
    assert whole["runs"]["ga-120/1"]["neighbours_cores"] >= 0
    assert whole["hardware"]["cores"] >= 1
    assert set(whole["versions"]) == {"python", "torch"}


def test_a_failed_run_is_not_there(results_at):
    with pytest.raises(ZeroDivisionError):
        results_at().run("ga-120/1", lambda: 1 // 0)
    assert results_at().runs == {}


def test_runs_of_a_case_are_not_those_of_one_whose_name_begins_alike(results_at):
    results = results_at()
    for key in ("ga-12/1", "ga-120/1", "ga-12/2"):
        results.add(key, {"key": key})
    assert [run["key"] for run in results.of("ga-12")] == ["ga-12/1", "ga-12/2"]
