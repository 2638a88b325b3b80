"""Curves of a run, read back from the event files; loggers that fail."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import sys

import pytest
from click.testing import CliRunner

from deapnets.cli import main
from deapnets.errors import OptionError, PluginError
from deapnets.loggers.base import scalars
from deapnets.loggers.tensorboard import TensorBoard
from deapnets.plugins import LOGGERS, get
from deapnets.runs.logging import Loggers
from deapnets.runs.running import Run
from deapnets.testing import LoggerContract

tensorboard = pytest.importorskip("tensorboard", reason="needs deapnets[tensorboard]")


class TestTensorBoard(LoggerContract):
    cases = [(TensorBoard, {})]


def curves(directory):
    """Return the points of each curve, as TensorBoard shows them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(directory / "tensorboard"), size_guidance={"scalars": 0})
    read.Reload()
    return {
        tag: [(point.step, point.value) for point in read.Scalars(tag)]
        for tag in read.Tags()["scalars"]
    }


def logged(directory):
    """Return the same of ``log.jsonl``."""
    found = {}
    for line in (directory / "log.jsonl").read_text().splitlines():
        record = json.loads(line)
        for name, value in scalars(record).items():
            if name != "generation":
                near = pytest.approx(value, rel=1e-6)
                found.setdefault(name, []).append((record["generation"], near))
    return found


def test_curves_are_the_numbers_of_the_log_and_the_result(start):
    run = start(log=("tensorboard",))
    for _ in run:
        pass
    found = curves(run.directory.path)
    result = json.loads((run.directory.path / "result.json").read_text())
    ends = {name: points for name, points in found.items() if name.startswith("result/")}
    assert {name: points for name, points in found.items() if name not in ends} == logged(
        run.directory.path
    )
    assert ends == {
        f"result/{name}": [(4, pytest.approx(value, rel=1e-6))]
        for name, value in result["metrics"].items()
    }


def test_a_resumed_run_goes_on_with_the_same_curves(start):
    """Killed after the generation behind its last snapshot, which is not in the curves twice."""
    run = start(log=("tensorboard",), checkpoint_every=1e6)
    with contextlib.closing(iter(run)) as steps:
        for _ in range(3):
            next(steps)
        run._between = False  # as a kill leaves it: no snapshot of where it stands
        before = curves(run.directory.path)
    for _ in Run(run.configuration, run.directory, resumes=True):
        pass
    found = curves(run.directory.path)
    assert {n: p for n, p in found.items() if not n.startswith("result/")} == logged(
        run.directory.path
    )
    assert [step for step, _ in found["best"]] == [0, 1, 2, 3, 4]
    assert found["best"][: len(before["best"])] == before["best"]


def test_the_command_logs_and_resumes(tmp_path):
    out = tmp_path / "run"
    options = ["--population", "20", "--seed", "1", "--out", str(out), "--json", "--device", "cpu"]
    words = ["run", "xor", "--generations", "3", "--log", "tensorboard", *options]
    assert CliRunner().invoke(main, words).exit_code == 0
    resumed = CliRunner().invoke(main, ["resume", str(out), "--generations", "5", "--json"])
    assert resumed.exit_code == 0, resumed.output
    assert [step for step, _ in curves(out)["best"]] == [0, 1, 2, 3, 4, 5]


def test_a_run_of_an_older_version_is_resumed_without_loggers(tmp_path):
    out = tmp_path / "run"
    options = ["--population", "20", "--seed", "1", "--out", str(out), "--json", "--device", "cpu"]
    assert CliRunner().invoke(main, ["run", "xor", "--generations", "2", *options]).exit_code == 0
    config = json.loads((out / "config.json").read_text())
    del config["log"]
    (out / "config.json").write_text(json.dumps(config))
    resumed = CliRunner().invoke(main, ["resume", str(out), "--generations", "3", "--json"])
    assert resumed.exit_code == 0, resumed.output


def test_without_the_package_the_extra_is_named_before_the_run_begins(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorboard" else found(name)
    )
    out = tmp_path / "run"
    result = CliRunner().invoke(main, ["run", "xor", "--log", "tensorboard", "--out", str(out)])
    assert result.exit_code == 2
    assert 'pip install "deapnets[tensorboard]"' in result.output
    assert not out.exists()


def test_importing_the_logger_loads_no_heavy_library():
    assert "tensorboard.compat" in sys.modules  # this process has used it
    import subprocess

    code = (
        "import sys, deapnets.loggers.tensorboard as t; t.TensorBoard();"
        "print(sorted({'torch', 'numpy', 'tensorboard'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_names_that_are_no_loggers_are_refused(install):
    with pytest.raises(PluginError, match=r'Logger "tensorbord" is not installed. Did you mean'):
        Loggers(["tensorbord"])
    install("deapnets-odd", "odd = odd_logger:Odd", group=LOGGERS, odd_logger="class Odd: ...")
    with pytest.raises(PluginError, match=r'Logger "odd" is Odd, which is no deapnets\.loggers'):
        Loggers(["odd"])


FAILING = '''
from deapnets.loggers.base import Logger
class Failing(Logger):
    """Fails."""
    def __init__(self): self.seen = []
    def begin(self, directory, configuration, history): ...
    def log(self, record):
        if record["generation"] == 2:
            raise OSError("no such server")
        assert record["generation"] < 2
    def end(self, result): raise AssertionError("it was left out")
'''


def test_a_logger_that_fails_is_left_out_and_the_run_goes_on(start, install):
    install("deapnets-bad", "bad = bad_logger:Failing", group=LOGGERS, bad_logger=FAILING)
    run = start(log=("bad", "tensorboard"))
    said = 'Logger "bad" failed and is left out from here: OSError: no such server. log.jsonl has'
    with pytest.warns(UserWarning, match=re.escape(said)) as caught:
        for _ in run:
            pass
    assert len(caught) == 1
    assert len(curves(run.directory.path)["best"]) == 5


def test_a_logger_takes_no_options():
    logger = get(LOGGERS, "tensorboard").load()
    with pytest.raises(OptionError, match="Unknown tensorboard option"):
        logger.make(folder="x")
