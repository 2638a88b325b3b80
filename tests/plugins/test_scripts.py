"""Evaluators of one file: ``deapnets run ./my_task.py:MyTask``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from deapnets.cli import main
from deapnets.errors import PluginError
from deapnets.plugins import EVALUATORS, get

TASK = '''
import deapnets as dn
import beside_it

class MyTask(dn.SupervisedTask):
    """A line."""

    def __init__(self, *, hidden: int = 2):
        super().__init__(loss="mse")
        self.hidden = hidden

    def module(self):
        import torch
        return torch.nn.Linear(1, self.hidden)

    def load(self):
        import torch
        x = torch.linspace(-1, 1, 20)[:, None]
        rows = dn.Split(x, beside_it.SLOPE * x.repeat(1, self.hidden))
        return dn.Splits(rows, rows)
'''


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "beside_it.py").write_text("SLOPE = 2.0\n")
    path = tmp_path / "my task.py"
    path.write_text(TASK)
    return path


def run(*arguments: str) -> dict:
    result = CliRunner().invoke(main, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_class_of_a_file_is_run_shown_and_resumed(script, tmp_path):
    out = str(tmp_path / "run")
    options = ["-o", "hidden=3", "--population", "20", "--seed", "1", "--device", "cpu"]
    run("run", f"{script}:MyTask", *options, "--generations", "4", "--out", out)
    assert run("show", out)["evaluator"] == "MyTask"
    resumed = run("resume", out, "--generations", "9")
    assert (resumed["generations"], resumed["resumed"]) == (9, 1)
    assert resumed["metrics"]["parameters"] == 6


def test_worker_processes_find_the_file_and_what_lies_beside_it(script, tmp_path):
    options = ["--population", "20", "--generations", "2", "--seed", "1", "--device", "cpu"]
    alone = run("run", f"{script}:MyTask", *options, "--out", f"{tmp_path}/alone")
    workers = ["--engine", "processes", "--workers", "1", "--out", f"{tmp_path}/workers"]
    assert run("run", f"{script}:MyTask", *options, *workers)["metrics"] == alone["metrics"]


def test_a_file_that_changed_since_is_told_and_may_be_taken_as_it_is(script, tmp_path):
    out = str(tmp_path / "run")
    options = ["--population", "10", "--generations", "1", "--seed", "1"]
    run("run", f"{script}:MyTask", *options, "--out", out)
    script.write_text(TASK + "\n# changed\n")
    result = CliRunner().invoke(main, ["resume", out, "--generations", "2"])
    assert result.exit_code == 1
    assert "is not what it was when the run in" in result.output
    assert run("resume", out, "--generations", "2", "--any-version")["generations"] == 2


def test_options_of_a_class_of_a_file_are_explained(script):
    shown = run("plugins", "show", f"{script}:MyTask")
    assert [option["name"] for option in shown["options"]] == ["hidden"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{}:MyTsk", 'has no MyTsk. Did you mean "MyTask"? It defines: MyTask.'),
        ("{}", ":CLASS. It defines: MyTask."),
        ("/nowhere/task.py:MyTask", "There is no file"),
    ],
)
def test_what_is_not_there_is_one_line(script, name, message):
    with pytest.raises(PluginError, match=r".") as caught:
        get(EVALUATORS, name.format(script)).load()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_fails_is_told_with_its_name(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("1 / 0")
    with pytest.raises(PluginError, match=r"broken\.py:Task\) cannot be loaded: ZeroDivision"):
        get(EVALUATORS, f"{path}:Task").load()
