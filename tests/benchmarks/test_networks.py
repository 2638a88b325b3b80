"""The runs by the clock: told apart, and taken by the command line."""

from __future__ import annotations

import pytest

from deapnets.runs.configuring import make_evaluator, make_settings


@pytest.fixture
def networks(benchmark_module):
    return benchmark_module("networks")


def test_every_run_has_a_name_of_its_own(networks):
    assert len({networks.key_of(run) for run in networks.RUNS}) == len(networks.RUNS)


def test_every_run_is_one_that_the_command_line_takes(networks):
    pytest.importorskip("deapnets_mnist")
    for run in networks.RUNS:
        make_settings("ga", run["settings"])
        make_evaluator("mnist", run["options"], "ga")


def test_a_row_says_what_was_run(networks):
    run = networks.case(60, "strided-16", 128, "population=200")
    result = {"evaluations": 1234, "metrics": {"validation_accuracy": 0.95}}
    results = networks.Results(networks.RESULT)
    results.add(networks.key_of(run), result)
    (row,) = networks.markdown(results).splitlines()[2:]
    assert row == "| 60 | strided-16, standard, 128 | population=200 | 1,234 | 95.00 |"
