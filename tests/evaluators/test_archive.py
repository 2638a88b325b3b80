"""The archive of scores: what is written is there again, for whom, and under which policy."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import pytest

from deapnets.errors import DataError, OptionError
from deapnets.evaluators.archive import Score, ScoreArchive


def test_scores_are_there_after_the_file_was_closed(tmp_path):
    path = tmp_path / "scores.sqlite"
    scores = [Score((0.5, 2.0), 3.5, 2**64 - 1), Score((0.25, 4.0), 1.0, 7)]
    archive = ScoreArchive(path)
    for score in scores:
        archive.note("key", 200.0, score, "|a|")
    archive.close()
    again = ScoreArchive(path)
    assert again.scores("key", 200.0) == scores
    assert again.scores("key", 12.0) == []
    assert list(again) == [("key", 200.0, score) for score in scores]
    assert len(again) == 1


@pytest.mark.parametrize(
    ("policy", "known"), [("reuse", [None, 1.0, 2.0]), ("2", [None, None, 2.0])]
)
def test_a_policy_says_how_many_scores_are_enough_for_their_mean(policy, known):
    archive = ScoreArchive(":memory:", policy)
    for value, expected in zip((1.0, 3.0, 5.0), known, strict=True):
        recalled = archive.recall("key", 1.0)
        assert recalled == (None if expected is None else (expected,))
        archive.note("key", 1.0, Score((value,), 0.0, 0), "")
    assert archive.hits == sum(value is not None for value in known)


def test_always_evaluates_always():
    archive = ScoreArchive(":memory:", "always")
    archive.note("key", 1.0, Score((1.0,), 0.0, 0), "")
    assert archive.recall("key", 1.0) is None
    assert archive.hits == 0


@pytest.mark.parametrize("policy", ["sometimes", "0", "-1", "", "1.5"])
def test_a_policy_that_is_none_is_refused(policy):
    with pytest.raises(OptionError, match=r'"always", "reuse", or a number of scores'):
        ScoreArchive(":memory:", policy)


def test_an_archive_of_another_task_is_refused(tmp_path):
    ScoreArchive(tmp_path / "scores", task="digits").close()
    with pytest.raises(DataError, match='holds scores of "digits", not of "cifar10"'):
        ScoreArchive(tmp_path / "scores", task="cifar10")


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "text").write_text("this is no database, and long enough to be sure of that " * 9)
    with pytest.raises(DataError, match="text cannot be used as an archive of scores: "):
        ScoreArchive(tmp_path / "text")
    other = sqlite3.connect(tmp_path / "other")
    other.execute("create table mine (a)")
    other.close()
    with pytest.raises(DataError, match="other is no archive of scores"):
        ScoreArchive(tmp_path / "other")
    with pytest.raises(DataError, match="cannot be used as an archive"):
        ScoreArchive(tmp_path / "no folder" / "scores")


def test_two_processes_write_into_one_file(tmp_path):
    path = tmp_path / "scores"
    archive = ScoreArchive(path)
    code = (
        "import sys; from deapnets.evaluators.archive import Score, ScoreArchive\n"
        "archive = ScoreArchive(sys.argv[1])\n"
        "for n in range(50): archive.note('theirs', 1.0, Score((0.5,), 0.0, n), '')"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(path)])
    for n in range(50):
        archive.note("ours", 1.0, Score((0.5,), 0.0, n), "")
    assert other.wait(60) == 0
    assert len(archive.scores("ours", 1.0)) == len(archive.scores("theirs", 1.0)) == 50
    assert archive._file.execute("pragma journal_mode").fetchone() == ("wal",)


def test_what_was_noted_survives_a_process_that_is_killed(tmp_path):
    path = tmp_path / "scores"
    code = (
        "import os, signal, sys; from deapnets.evaluators.archive import Score, ScoreArchive\n"
        "ScoreArchive(sys.argv[1]).note('key', 1.0, Score((0.5,), 0.0, 3), '')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    assert ScoreArchive(path).scores("key", 1.0) == [Score((0.5,), 0.0, 3)]


def test_an_archive_in_memory_has_a_state_and_a_file_has_none(tmp_path):
    archive, other = ScoreArchive(":memory:"), ScoreArchive(":memory:")
    archive.note("a", 1.0, Score((0.5,), 2.0, 1 << 63), "text")
    other.load_state_dict(json.loads(json.dumps(archive.state_dict())))
    assert list(other) == list(archive)
    assert other.recall("a", 1.0) == (0.5,)
    file = ScoreArchive(tmp_path / "scores.sqlite")
    file.note("a", 1.0, Score((0.5,), 2.0, 7), "text")
    assert file.state_dict() == {"scores": []}
    file.load_state_dict(archive.state_dict())
    assert len(list(file)) == 1
