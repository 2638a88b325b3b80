"""``deapnets resume``, after signals and kills: what comes out is what would have come out."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from deapnets.cli import interrupts
from deapnets.runs.directory import FORMAT, RunDirectory

WORDS = ("--generations", 60, "--population", 30, "--seed", 3, "--checkpoint-every", 0.05)

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def begin(tmp_path):
    """Return a function that begins a command in a process of its own."""
    processes = []

    def begin(*words):
        code = "from deapnets.cli import main; main()"
        command = [sys.executable, "-c", code, *map(str, words)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, **streams)
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def wait_for(directory, generation):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        log = list(directory.log()) if directory.path.is_dir() else []
        if log and log[-1]["generation"] >= generation:
            return
        time.sleep(0.01)
    raise AssertionError(f"generation {generation} never came")


def found_in(path):
    """All that a run's directory says, but for the time it took."""
    directory = RunDirectory.open(path)
    log = [{k: v for k, v in record.items() if k != "seconds"} for record in directory.log()]
    result = directory.read("result.json")
    plain = {k: v for k, v in result.items() if k not in ("seconds", "resumed")}
    tensors = load_file(path / "best.safetensors")
    return log, plain, directory.read("best.json"), {k: v.tolist() for k, v in tensors.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What the run that nobody interrupts finds."""
    from click.testing import CliRunner

    from deapnets.cli import main

    path = tmp_path_factory.mktemp("whole") / "run"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    result = CliRunner().invoke(main, ["run", "xor", *map(str, WORDS), "--out", str(path)])
    torch.set_num_threads(threads)
    assert result.exit_code == 0, result.output
    return found_in(path)


@posix
def test_a_run_that_is_killed_again_and_again_ends_as_if_nothing_had_happened(
    begin, whole, tmp_path
):
    process = begin("run", "xor", *WORDS, "--out", "run")
    directory = RunDirectory(tmp_path / "run")
    draw = random.Random(5)
    for generation in (0, 9, 23, 40):
        wait_for(directory, generation)
        time.sleep(draw.uniform(0.0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        process = begin("resume", "run")
    _, errors = process.communicate()
    # On a busy machine the last kill may come when only the picture is not there yet.
    assert process.returncode == 0 or "has finished" in errors
    assert found_in(tmp_path / "run") == whole


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_after_its_generation_with_a_snapshot(
    begin, whole, tmp_path, number, code
):
    words = [*WORDS[:-1], 1000]  # no snapshot but the first and the one of the signal
    process = begin("run", "xor", *words, "--out", "run")
    directory = RunDirectory(tmp_path / "run")
    wait_for(directory, 5)
    os.kill(process.pid, number)
    _, errors = process.communicate()
    said = "\nInterrupted. What was found is in run; deapnets resume run goes on.\n"
    assert (process.returncode, errors) == (code, said)
    assert directory.read("result.json")["status"] == "interrupted"
    reached = list(directory.log())[-1]["generation"]
    assert 5 <= reached < 60
    process = begin("resume", "run", "--json")
    output, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert json.loads(output)["resumed"] == 1
    assert found_in(tmp_path / "run") == whole


def steps_of(*seconds):
    for pause in seconds:
        time.sleep(pause)
        yield pause


def walk(seconds, number, times=1):
    """Go through steps that take so many seconds each, and get a signal soon after the start."""
    pauses = [0.2 + 0.3 * turn for turn in range(times)]
    timers = [threading.Timer(pause, os.kill, (os.getpid(), number)) for pause in pauses]
    walked = []
    for timer in timers:
        timer.start()
    with interrupts.listening() as heard:
        walked.extend(heard.between(steps_of(*seconds)))
    return walked


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_generation_that_takes_too_long_is_not_waited_for(number, monkeypatch):
    monkeypatch.setattr(interrupts, "PATIENCE", 0.05)
    with pytest.raises(interrupts.Interrupted) as caught:
        walk([60.0], number)
    assert caught.value.code == 128 + number


@posix
def test_a_second_signal_stops_at_once(monkeypatch):
    monkeypatch.setattr(interrupts, "PATIENCE", 60.0)
    with pytest.raises(interrupts.Interrupted):
        walk([60.0], signal.SIGTERM, times=2)


@posix
def test_behind_a_run_signals_do_what_they_did_before():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(interrupts.Interrupted):
        walk([0.5], signal.SIGTERM)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_directory_that_is_no_run_is_told(tmp_path, refused):
    assert refused("resume", tmp_path, code=1) == (
        f"Error: {tmp_path} holds no run: there is no config.json. "
        "deapnets run EVALUATOR --out DIR makes one."
    )


def test_a_run_of_a_newer_deapnets_is_told_by_its_format(tmp_path, refused):
    RunDirectory.create(tmp_path / "run").write("config.json", {"format": FORMAT + 1})
    line = refused("resume", "run", code=1)
    assert line == (
        f"Error: run has format {FORMAT + 1}; this deapnets reads up to {FORMAT}. "
        "Install the version that its environment.json names."
    )


def finished(deapnets, *words):
    result = deapnets("run", "xor", "--generations", 3, "--population", 6, "--out", "run", *words)
    assert result.exit_code == 0, result.output


def test_a_finished_run_wants_a_larger_budget(deapnets, refused):
    finished(deapnets)
    assert refused("resume", "run", code=2) == (
        "Error: The run in run has finished. A larger budget goes on with it: --generations, "
        "--seconds or --evaluations."
    )
    assert deapnets("resume", "run", "--generations", 5).exit_code == 0
    log = list(RunDirectory("run").log())
    assert [record["generation"] for record in log] == [0, 1, 2, 3, 4, 5]


def test_a_picture_that_a_kill_prevented_is_drawn_when_the_finished_run_is_resumed(
    deapnets, refused
):
    finished(deapnets)
    picture = Path("run", "curve.png")
    before = picture.read_bytes()
    picture.unlink()
    refused("resume", "run", code=2)
    assert picture.read_bytes() == before


def test_a_smaller_budget_is_refused(deapnets, refused):
    finished(deapnets)
    assert refused("resume", "run", "--generations", 2, code=2) == (
        "Error: The run has a budget of 3 generations; it can be made larger, not smaller: got 2."
    )


def test_a_directory_that_holds_a_run_is_not_begun_in_again(deapnets, refused):
    finished(deapnets)
    assert refused("run", "xor", "--generations", 3, "--out", "run", code=1) == (
        "Error: run holds a run already. deapnets resume run goes on with it; --out chooses "
        "another directory."
    )


def test_options_that_contradict_the_run_are_refused(deapnets):
    finished(deapnets)
    result = deapnets("resume", "run", "--seed", 4)
    assert result.exit_code == 2
    assert "No such option" in result.stderr


def test_other_versions_are_said_and_the_run_goes_on(deapnets):
    finished(deapnets)
    directory = RunDirectory("run")
    environment = directory.read("environment.json")
    environment["versions"]["deap"] = "1.0"
    directory.write("environment.json", environment)
    result = deapnets("resume", "run", "--generations", 4)
    assert result.exit_code == 0
    pattern = r"Other versions than the run began with: deap 1\.0, now [\d.]+\.\n"
    assert re.fullmatch(pattern, result.stderr)


@posix
def test_a_run_that_another_process_has_is_told_with_its_owner(begin, refused, tmp_path):
    process = begin("run", "xor", "--seconds", 60, "--out", "run")
    wait_for(RunDirectory(tmp_path / "run"), 2)
    line = refused("resume", "run", code=1)
    assert re.match(rf"Error: run is in use by process {process.pid} on \S+, since ", line)
