import json
import subprocess
import sys

import pytest

from deapnets.files.locking import locked
from deapnets.runs.directory import FORMAT, RunDirectory

CONFIG = {
    "format": FORMAT,
    "evaluator": "xor",
    "options": {},
    "algorithm": "ga",
    "algorithm_options": {},
    "budget": {"generations": 8, "seconds": None, "evaluations": None, "target": None},
    "seed": 1,
    "parameters": 22,
}
RECORD = {"generation": 2, "evaluations": 58, "seconds": 0.5, "spent": 0.25, "faults": 0}


@pytest.fixture
def folder(tmp_path):
    """A folder with a run of each kind, some of them deeper."""
    for name, status in (("a", "finished"), ("deep/b", "failed"), ("c", None), ("d", None)):
        run = RunDirectory.create(tmp_path / "runs" / name)
        run.write("config.json", CONFIG)
        run.append(RECORD)
        if status is not None:
            run.write("result.json", {"status": status})
    best = {"generation": 2, "fitness": -0.25, "validation_accuracy": 0.75}
    RunDirectory(tmp_path / "runs" / "a").write("best.json", best)
    RunDirectory(tmp_path / "runs" / "c").write("best.json", {"fitness": -0.125})
    RunDirectory.create(tmp_path / "runs" / "e").write("config.json", {"format": FORMAT + 1})
    return tmp_path / "runs"


def test_each_run_is_listed_with_what_became_of_it(folder, deapnets):
    with locked(folder / "d"):
        result = deapnets("runs")
    assert result.exit_code == 0
    assert (
        result.stdout
        == f"""\
status       directory    evaluator  algorithm  spent  generation  best
finished     runs/a       xor        ga         25 %   2           0.75
interrupted  runs/c       xor        ga         25 %   2           -0.125
running      runs/d       xor        ga         25 %   2           -
failed       runs/deep/b  xor        ga         25 %   2           -
damaged      runs/e       -          -          -      -           -  \
runs/e has format {FORMAT + 1}; this deapnets reads up to {FORMAT}. \
Install the version that its environment.json names.

To go on with one: deapnets resume runs/c
"""
    )


def test_json_holds_the_same(folder, deapnets):
    result = deapnets("runs", folder, "--json")
    rows = json.loads(result.stdout)
    assert [row["status"] for row in rows] == [
        "finished",
        "interrupted",
        "interrupted",
        "failed",
        "damaged",
    ]
    assert rows[0] == {
        "status": "finished",
        "directory": str(folder / "a"),
        "evaluator": "xor",
        "algorithm": "ga",
        "spent": "25 %",
        "generation": 2,
        "best": 0.75,
        "problem": None,
    }


def test_a_configuration_that_lacks_something_is_damage(folder, deapnets):
    RunDirectory(folder / "a").write("config.json", {"format": FORMAT})
    assert json.loads(deapnets("runs", folder, "--json").stdout)[0]["status"] == "damaged"


def test_a_folder_without_runs_says_so(tmp_path, deapnets):
    (tmp_path / "empty").mkdir()
    result = deapnets("runs", "empty")
    assert (result.exit_code, result.stdout) == (0, "There are no runs in empty.\n")


def test_a_folder_that_is_not_there_is_told(refused):
    assert refused("runs", code=1) == (
        "Error: runs is no folder. deapnets run EVALUATOR leaves its runs in runs/, or where --out "
        "says."
    )


def test_listing_runs_imports_nothing_heavy(folder):
    code = (
        "import sys\n"
        "from deapnets.cli import main\n"
        f"main(['runs', {str(folder)!r}], standalone_mode=False)\n"
        "print(sorted({'torch', 'numpy', 'deap', 'rich', 'matplotlib'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert answer.stdout.splitlines()[-1] == "[]"
