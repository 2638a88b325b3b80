"""Files written whole: flushed to the disk, unless somebody would rather not wait for it."""

from __future__ import annotations

import os

import pytest

from deapnets.files.whole import unflushed, write_whole
from deapnets.runs.directory import RunDirectory


@pytest.fixture
def flushed(monkeypatch):
    """Return the list of what is flushed to the disk."""
    calls = []
    monkeypatch.setattr(os, "fsync", calls.append)
    return calls


def write(path):
    write_whole(path, lambda beside: beside.write_text("whole"))


def test_a_file_and_its_folder_are_flushed(tmp_path, flushed):
    write(tmp_path / "file")
    assert len(flushed) == (2 if os.name == "posix" else 1)


def test_nothing_is_flushed_inside_the_block_and_everything_behind_it(tmp_path, flushed):
    directory = RunDirectory(tmp_path)
    with unflushed():
        write(tmp_path / "file")
        directory.append({"generation": 0})
        directory.sync_log()
    assert flushed == []
    assert (tmp_path / "file").read_text() == "whole"
    directory.sync_log()
    assert len(flushed) == 1


def test_an_error_inside_the_block_ends_it(tmp_path, flushed):
    with pytest.raises(ZeroDivisionError), unflushed():
        raise ZeroDivisionError
    write(tmp_path / "file")
    assert flushed
