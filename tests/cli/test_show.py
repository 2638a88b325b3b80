import json
import os
import re
import subprocess
import sys

import pytest

from deapnets.files.locking import locked
from deapnets.runs.directory import FORMAT, RunDirectory

CONFIG = {
    "format": FORMAT,
    "evaluator": "xor",
    "options": {"hidden": 4, "pool": None},
    "algorithm": "ga",
    "algorithm_options": {"population": 20},
    "budget": {"generations": 8, "seconds": None, "evaluations": None, "target": None},
    "seed": 1,
    "parameters": 22,
}
RECORD = {"generation": 2, "evaluations": 58, "seconds": 0.5, "spent": 0.25, "faults": 3}
BEST = {"generation": 2, "fitness": -0.25, "digest": "7b6e"}
METRICS = {"validation_accuracy": 0.75, "test_accuracy": 2 / 3}


@pytest.fixture
def directory(tmp_path):
    """A run without a generation."""
    directory = RunDirectory.create(tmp_path / "run")
    directory.write("config.json", CONFIG)
    return directory


@pytest.fixture
def shown(deapnets, directory):
    """Return a function that shows the run, as the facts of its JSON."""

    def shown():
        result = deapnets("show", directory.path, "--json")
        assert result.exit_code == 0
        return json.loads(result.stdout)

    return shown


def test_a_finished_run_is_shown_with_all_it_found(directory, shown):
    directory.append(RECORD)
    directory.write("best.json", BEST)
    directory.write("result.json", {"status": "finished", "metrics": METRICS})
    assert shown() == {
        "directory": str(directory.path),
        "status": "finished",
        "owner": {},
        "evaluator": "xor",
        "algorithm": "ga",
        "seed": 1,
        "weights": 22,
        "budget": {"generations": 8},
        "spent": "25 %",
        "generation": 2,
        "evaluations": 58,
        "seconds": 0.5,
        "resumed": 0,
        "faults": 3,
        "best": BEST,
        "metrics": METRICS,
        "options": {"hidden": 4, "pool": None},
        "algorithm_options": {"population": 20},
        "next": f"deapnets resume {directory.path} --generations MORE",
    }


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_a_run_that_ended_early_is_shown_as_such(directory, shown, status):
    directory.append(RECORD)
    directory.write("result.json", {"status": status, "metrics": {}})
    facts = shown()
    assert (facts["status"], facts["next"]) == (status, f"deapnets resume {directory.path}")


def test_a_run_that_was_killed_is_interrupted(directory, shown):
    directory.append(RECORD)
    facts = shown()
    assert (facts["status"], facts["generation"], facts["metrics"]) == ("interrupted", 2, {})
    (directory.path / "lock").write_text('{"pid": 1, "host": "gone", "since": "long"}')
    assert shown()["status"] == "interrupted"  # nobody holds the lock


def test_a_run_that_goes_on_is_shown_with_its_process(directory, shown):
    with locked(directory.path):
        facts = shown()
    assert (facts["status"], facts["owner"]["pid"]) == ("running", os.getpid())
    assert facts["next"] == f"deapnets show {directory.path}"


def test_a_run_without_a_generation_is_shown_too(directory, shown, deapnets):
    facts = shown()
    assert (facts["generation"], facts["spent"], facts["best"]) == (None, "0 %", {})
    lines = deapnets("show", directory.path).stdout.splitlines()
    assert "generation               -" in lines


def test_people_get_a_fact_a_line_in_columns(directory, deapnets):
    budget = {**CONFIG["budget"], "target": {"metric": "validation_accuracy", "value": 0.9}}
    directory.write("config.json", {**CONFIG, "budget": budget})
    directory.append(RECORD)
    directory.write("result.json", {"status": "finished", "metrics": METRICS})
    result = deapnets("show", directory.path)
    assert result.exit_code == 0
    expected = f"""\
directory                {directory.path}
status                   finished
owner
evaluator                xor
algorithm                ga
seed                     1
weights                  22
budget
  generations            8
  target                 metric validation_accuracy, value 0.9
spent                    25 %
generation               2
evaluations              58
seconds                  0.5
resumed                  0
faults                   3
best
metrics
  validation_accuracy    0.75
  test_accuracy          0.666667
options
  hidden                 4
  pool                   -
algorithm_options
  population             20
next                     deapnets resume {directory.path} --generations MORE
"""
    assert result.stdout == expected


def test_what_is_no_run_is_told_with_what_makes_one(tmp_path, refused):
    expected = (
        f"Error: {tmp_path} holds no run: there is no config.json. "
        "deapnets run EVALUATOR --out DIR makes one."
    )
    assert refused("show", tmp_path, code=1) == expected


def test_a_run_of_a_newer_deapnets_is_told_by_its_format(directory, refused):
    directory.write("config.json", {"format": FORMAT + 1})
    expected = (
        f"Error: {directory.path} has format {FORMAT + 1}; this deapnets reads up to {FORMAT}. "
        "Install the version that its environment.json names."
    )
    assert refused("show", directory.path, code=1) == expected


@pytest.mark.parametrize("name", ["config.json", "best.json", "result.json"])
def test_a_damaged_file_is_told_by_its_path(directory, refused, name):
    (directory.path / name).write_text('{"format": 1')
    line = refused("show", directory.path, code=1)
    assert re.match(f"Error: {re.escape(str(directory.path / name))} cannot be read: ", line)


def test_a_command_without_its_directory_is_a_usage_error(deapnets):
    result = deapnets("show")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "Error: Missing argument 'DIRECTORY'."


def test_showing_a_run_imports_nothing_heavy(directory):
    code = (
        "import sys\n"
        "from deapnets.cli import main\n"
        f"main(['show', {str(directory.path)!r}], standalone_mode=False)\n"
        "print(sorted({'torch', 'numpy', 'deap', 'rich', 'matplotlib'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert answer.stdout.splitlines()[-1] == "[]"
