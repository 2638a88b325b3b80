"""Directories that are incomplete, damaged or still in use."""

import json
import shutil

import pytest

from deapnets.errors import RunError
from deapnets.files.locking import locked
from deapnets.reports.report import report_of
from deapnets.reports.story import read_story
from deapnets.reports.words import verdict


def test_nothing_is_missing_of_a_finished_run(finished):
    story = read_story(finished)
    assert (story.status, story.missing, len(story.log)) == ("finished", [], 41)


@pytest.mark.parametrize("line", ['{"generation": 1, "be\n', "[]\n", "\udcff\n", '{"best": 1}\n'])
def test_a_damaged_line_is_left_out_and_named(copied, line):
    log = copied / "log.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    lines[4] = line
    log.write_bytes("".join(lines).encode(errors="surrogateescape"))
    story = read_story(copied)
    assert len(story.log) == 40
    assert story.missing == [f"{log}: line 5 cannot be read and is left out."]
    assert "line 5 cannot be read" in report_of([story])


def test_a_last_line_that_was_cut_off_is_no_damage(copied):
    log = copied / "log.jsonl"
    log.write_text(log.read_text()[:-20])
    story = read_story(copied)
    assert (len(story.log), story.missing) == (40, [])


def test_a_run_that_was_killed_is_told_as_far_as_it_came(copied):
    (copied / "result.json").unlink()
    story = read_story(copied)
    assert verdict(story)[0].startswith("Interrupted after 40 generations")
    assert verdict(story)[0].endswith(f"deapnets resume {copied} goes on.")
    assert story.missing == [
        f"{copied / 'result.json'} is not there: the run did not end by itself."
    ]
    assert report_of([story])


def test_a_run_under_way_is_told_as_such(copied):
    (copied / "result.json").unlink()
    with locked(copied):
        story = read_story(copied)
    assert verdict(story)[0].startswith("Still running (process ")
    assert story.missing == []


def test_a_run_of_an_older_version_gives_a_report_without_what_it_has_not(copied):
    (copied / "trace.jsonl").unlink()
    (copied / "lineage.json").unlink()
    story = read_story(copied)
    (missing,) = story.missing
    assert "made by an older deapnets" in missing
    assert "Children better than their parents" not in report_of([story])


def test_a_run_that_has_just_begun_gives_a_report(copied):
    for path in copied.iterdir():
        if path.name != "config.json":
            path.unlink() if path.is_file() else shutil.rmtree(path)
    story = read_story(copied)
    assert verdict(story) == ["Interrupted, and no generation was scored yet."]
    assert len(story.missing) == 3
    assert report_of([story])


@pytest.mark.parametrize("file", ["environment", "best", "lineage", "result"])
@pytest.mark.parametrize("content", ["[1]", '{"a"'])
def test_a_damaged_file_is_named_and_the_rest_is_told(copied, file, content):
    (copied / f"{file}.json").write_text(content)
    story = read_story(copied)
    assert str(copied / f"{file}.json") in " ".join(story.missing)
    assert report_of([story])


@pytest.mark.parametrize("value", [None, "text", [{}], {"x": None}, 1e400, True])
def test_values_of_the_wrong_kind_stop_no_report(copied, value):
    """Every field of every file, one after the other, with a value it cannot have."""
    text = json.dumps(value)
    for file in ("config", "environment", "best", "lineage", "result"):
        path = copied / f"{file}.json"
        record = json.loads(path.read_text())
        wrong = {name: json.loads(text) for name in record if name != "format"}
        path.write_text(json.dumps({**record, **wrong}))
    for file in ("log", "trace"):
        path = copied / f"{file}.jsonl"
        record = json.loads(path.read_text().splitlines()[-1])
        wrong = {name: json.loads(text) for name in record if name != "generation"}
        path.write_text(json.dumps({**record, **wrong}) + "\n" + path.read_text())
    assert report_of([read_story(copied)])


def test_a_run_of_a_newer_format_is_refused(written):
    with pytest.raises(RunError, match="has format 99"):
        read_story(written("config.json", format=99))


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="holds no run"):
        read_story(tmp_path)
