import contextlib
import json
import math
import os
import re
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from deapnets.errors import RunError
from deapnets.files.locking import locked
from deapnets.runs.directory import FORMAT, RunDirectory


@pytest.fixture
def directory(tmp_path):
    return RunDirectory.create(tmp_path / "run")


@pytest.fixture
def nobody():
    """Let the test act as a user who may write nowhere: root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    try:
        os.seteuid(65534)
    except OSError:
        pytest.skip("root here cannot act as another user")
    yield
    os.seteuid(0)


def refused(message):
    return pytest.raises(RunError, match=f"^{re.escape(message)}")


def names(directory):
    return sorted(path.name for path in directory.path.iterdir())


# --- created ---


def test_a_directory_is_made_with_its_parents(tmp_path):
    directory = RunDirectory.create(tmp_path / "a" / "b")
    assert directory.path == tmp_path / "a" / "b"
    assert names(directory) == []


def test_an_empty_directory_is_taken(tmp_path):
    assert RunDirectory.create(str(tmp_path)).path == tmp_path


def test_the_home_directory_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert RunDirectory.create("~/run").path == tmp_path / "run"
    assert (tmp_path / "run").is_dir()


def test_a_directory_that_holds_something_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with refused(f"{tmp_path} is not empty. Choose another directory with --out."):
        RunDirectory.create(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_what_a_killed_process_left_before_it_wrote_anything_counts_for_nothing(tmp_path):
    (tmp_path / "lock").write_text('{"pid": 1}')
    (tmp_path / ".config.json.partial").write_text("{")
    assert RunDirectory.create(tmp_path).path == tmp_path


def test_a_directory_that_another_process_has_locked_is_refused(tmp_path):
    with (
        locked(tmp_path),
        refused(f"{tmp_path} is not empty. Choose another directory with --out."),
    ):
        RunDirectory.create(tmp_path)


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with refused(f"{path} cannot be a run directory: [Errno "):
            RunDirectory.create(path)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
def test_a_directory_that_may_not_be_written_is_refused(tmp_path, nobody):
    with contextlib.suppress(PermissionError):  # root's, for nobody, already is
        tmp_path.chmod(0o500)
    with refused(f"{tmp_path / 'run'} cannot be a run directory: [Errno 13] Permission denied"):
        RunDirectory.create(tmp_path / "run")


# --- opened ---


def test_what_was_created_and_configured_is_opened(directory):
    directory.write("config.json", {"format": FORMAT})
    assert RunDirectory.open(directory.path).path == directory.path


@pytest.mark.parametrize("name", ["run", "nowhere"])
def test_a_directory_without_configuration_holds_no_run(directory, name):
    path = directory.path.parent / name
    with refused(
        f"{path} holds no run: there is no config.json. deapnets run EVALUATOR --out DIR makes one."
    ):
        RunDirectory.open(path)


@pytest.mark.parametrize("found", [FORMAT + 1, 0, "1", None])
def test_another_format_is_refused_by_its_number(directory, found):
    directory.write("config.json", {"format": found})
    expected = (
        f"{directory.path} has format {found}; this deapnets reads up to {FORMAT}. "
        "Install the version that its environment.json names."
    )
    with refused(expected):
        RunDirectory.open(directory.path)


# --- JSON ---


def test_what_is_written_is_read_back_and_is_alone_in_its_file(directory):
    value = {"seed": 1, "options": {"pool": None, "sizes": [1, 2]}, "loss": 0.1}
    directory.write("config.json", value)
    assert directory.read("config.json") == value
    assert directory.has("config.json")
    assert not directory.has("result.json")
    assert names(directory) == ["config.json"]


def test_numbers_that_are_not_finite_are_written_as_null(directory):
    record = {"loss": math.nan, "more": {"best": [math.inf, -math.inf, 1.5]}, "pair": (math.nan,)}
    directory.write("best.json", record)
    directory.append(record)
    expected = {"loss": None, "more": {"best": [None, None, 1.5]}, "pair": [None]}
    assert directory.read("best.json") == expected
    assert list(directory.log()) == [expected]


def test_what_json_has_no_type_for_is_written_as_text(directory):
    directory.write("config.json", {"options": {"folder": Path("data/mnist")}})
    assert directory.read("config.json") == {"options": {"folder": "data/mnist"}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: [Errno 2] No such file"),
        ('{"seed": ', "cannot be read: Expecting value: line 1"),
        ("\xff", "cannot be read: "),
        ("[1]", "holds no JSON object."),
    ],
)
def test_a_file_that_holds_no_object_is_told_by_its_path(directory, content, message):
    path = directory.path / "result.json"
    if content is not None:
        path.write_text(content, encoding="latin-1")
    with refused(f"{path} {message}"):
        directory.read("result.json")


# --- whole or not at all ---


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt(), ValueError("bug")])
def test_a_write_that_breaks_off_leaves_the_old_file_and_nothing_beside_it(directory, error):
    def breaks_off(path):
        path.write_text('{"seed"')
        raise error

    directory.write("config.json", {"seed": 1})
    with pytest.raises(RunError if isinstance(error, OSError) else type(error)):
        directory.replace("config.json", breaks_off)
    assert directory.read("config.json") == {"seed": 1}
    assert names(directory) == ["config.json"]


def test_who_has_the_old_file_open_reads_all_of_it(directory):
    directory.write("config.json", {"seed": 1})
    with (directory.path / "config.json").open() as old:
        directory.write("config.json", {"seed": 2})
        assert json.load(old) == {"seed": 1}
    assert directory.read("config.json") == {"seed": 2}


def test_a_file_is_on_the_disk_before_it_takes_its_place(directory, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda file: done.append("flushed"))
    monkeypatch.setattr(Path, "replace", lambda *paths: done.append("replaced"))
    directory.write("config.json", {"seed": 1})
    assert done == ["flushed", "replaced", "flushed"]  # the file, then the folder


def test_a_file_that_cannot_be_written_is_told_by_its_path(directory):
    (directory.path / "best.json").mkdir()
    with refused(f"{directory.path / 'best.json'} cannot be written: [Errno "):
        directory.write("best.json", {})
    (directory.path / "log.jsonl").mkdir()
    with refused(f"{directory.path / 'log.jsonl'} cannot be written: [Errno "):
        directory.append({})


def test_weights_in_a_directory_that_went_are_an_error_of_ours(directory):
    directory.path.rmdir()
    with refused(f"{directory.path / 'best.safetensors'} cannot be written: [Errno 2]"):
        directory.write_weights("best.safetensors", {"w": torch.ones(2)})


# --- weights ---


def test_weights_are_read_back_bit_for_bit_whatever_their_strides(directory):
    tensors = {"a": torch.randn(3, 4).t(), "b": torch.tensor(2.0), "c": torch.randn(5)[::2]}
    directory.write_weights("best.safetensors", tensors)
    loaded = load_file(directory.path / "best.safetensors")
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())


def test_weights_are_as_readable_for_others_as_the_configuration(directory):
    directory.write("config.json", {})
    directory.write_weights("best.safetensors", {"w": torch.ones(2)})
    modes = [stat.S_IMODE(path.stat().st_mode) for path in directory.path.iterdir()]
    assert modes[0] == modes[1]


# --- the log ---


def test_the_log_is_an_object_a_line_in_order(directory):
    records = [{"generation": number, "best": 0.5} for number in range(3)]
    for record in records:
        directory.append(record)
    assert list(directory.log()) == records
    lines = (directory.path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == records


def test_without_a_log_there_are_no_records(directory):
    assert list(directory.log()) == []


def test_a_last_line_that_was_cut_off_is_left_out(directory):
    directory.append({"generation": 0})
    with (directory.path / "log.jsonl").open("a") as log:
        log.write('{"generation": 1, "be')
    assert list(directory.log()) == [{"generation": 0}]


def test_a_damaged_line_is_told_by_its_number(directory):
    directory.append({"generation": 0})
    with (directory.path / "log.jsonl").open("a") as log:
        log.write("{generation\n")
    with refused(f"{directory.path / 'log.jsonl'}, line 2, cannot be read: "):
        list(directory.log())
