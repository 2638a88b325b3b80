"""The sweep goes on where it was stopped, and compares seed by seed."""

from __future__ import annotations

import pytest


@pytest.fixture
def sweep(benchmark_module):
    return benchmark_module("sweep")


@pytest.fixture
def ran(sweep, monkeypatch):
    """Return the list of runs: evaluations and seed of each; none of them is run."""
    ran = []

    def evolve(case, seed):
        ran.append((case["settings"], case["options"], case["evaluations"], seed))
        accuracy = 0.9 + seed / 100 + 0.02 * bool(case["settings"])
        return {"seed": seed, "metrics": {"validation_accuracy": accuracy}}

    monkeypatch.setattr(sweep, "evolve", evolve)
    return ran


def test_only_what_is_missing_is_run(sweep, ran):
    results = sweep.Results(sweep.RESULT)
    sweep.run_missing(results, ["defaults", "share=0.25"], 1000, 1)
    sweep.run_missing(sweep.Results(sweep.RESULT), ["defaults", "share=0.25"], 1000, 2)
    base = [f"{name}={value}" for name, value in sweep.BASE.items()]
    settings = [([], base, 1000), (["share=0.25"], base, 1000)]
    assert ran == [(*case, seed) for seed in (1, 2) for case in settings]
    assert len(sweep.Results(sweep.RESULT).runs) == 4


def test_another_batch_gets_as_many_images(sweep, ran):
    sweep.run_missing(sweep.Results(sweep.RESULT), ["batch_size=256"], 1000, 1)
    options = ["network=mlp-32", "pixels=unit", "batch_size=256"]
    assert ran == [([], options, 2000, 1)]


def test_several_runs_at_a_time_leave_what_one_at_a_time_leaves(sweep, ran, tmp_path):
    one, several = (sweep.Results(tmp_path / name) for name in ("one.json", "several.json"))
    names = ["defaults", "share=0.25", "cxpb=0"]
    sweep.run_missing(one, names, 1000, 3)
    sweep.run_missing(several, names, 1000, 3, jobs=4)
    assert one.runs == several.runs
    assert len(one.runs) == 9


def test_a_case_is_compared_with_the_defaults_of_the_same_seeds(sweep, ran):
    results = sweep.Results(sweep.RESULT)
    sweep.run_missing(results, ["defaults"], 1000, 3)
    sweep.run_missing(results, ["share=0.25"], 1000, 1)
    sweep.run_missing(results, ["share=0.25"], 2000, 1)
    table = [line.split(" | ") for line in sweep.markdown(results).splitlines()]
    assert [[cell.strip("| ") for cell in line[:5]] for line in table[2:]] == [
        ["1,000", "defaults", "3", "92.00", ""],
        ["1,000", "share=0.25", "1", "93.00", "+2.00"],
        ["2,000", "share=0.25", "1", "93.00", ""],
    ]


def test_every_case_is_one_that_the_command_line_takes(sweep):
    from deapnets.runs.configuring import make_settings

    for case in sweep.CASES.values():
        make_settings("ga", case["settings"])
