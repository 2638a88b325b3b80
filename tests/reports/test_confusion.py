import base64
import io
import json
import re

import pytest
from matplotlib import image

from deapnets.reports.confusion import classes_in_words, look_for_mistakes, matrix, worst
from deapnets.reports.page import image as image_of
from deapnets.reports.pixels import png
from deapnets.reports.report import report_of
from deapnets.reports.story import read_story


def test_a_picture_comes_back_from_its_png():
    pixels = bytes(range(24))
    read = image.imread(io.BytesIO(png(pixels, 2, 4, 3)), format="png")
    assert read.shape == (2, 4, 3)
    assert (255 * read).round().astype("uint8").tobytes() == pixels
    grey = image.imread(io.BytesIO(png(pixels, 6, 4, 1)), format="png")
    assert (255 * grey).round().astype("uint8").tobytes() == pixels


def test_too_few_bytes_are_no_picture():
    with pytest.raises(ValueError, match="23 bytes are no picture of 2 x 4 x 3"):
        png(bytes(23), 2, 4, 3)


def test_a_finished_run_shows_its_mistakes(finished):
    story = read_story(finished)
    found = json.loads((finished / "mistakes.json").read_text())
    chart = matrix(story, 0)
    assert chart.data[0]["customdata"] == found["confusion"]
    assert [row[at] for at, row in enumerate(chart.data[0]["z"])] == [None, None]
    assert classes_in_words(story)


def test_the_best_and_the_worst_class_are_said(written):
    story = read_story(written("mistakes.json", confusion=[[8, 2], [6, 4]]))
    assert classes_in_words(story) == (
        "Class 0 is told best (80.0 %), class 1 worst (40.0 %). Always saying the most frequent "
        "class would be right 50.0 % of the time."
    )
    story.mistakes["confusion"] = [[10, 0], [0, 10]]
    assert classes_in_words(story) == "No row is told wrong."


@pytest.fixture
def drawn(written):
    """A run with one mistake that is a picture."""
    one = {"row": 7, "target": 3, "predicted": 5, "probability": 0.75, "shape": [4, 4, 1]}
    pixels = base64.b64encode(bytes(range(16))).decode()
    return written("mistakes.json", worst=[{**one, "pixels": pixels}])


def test_the_worst_mistakes_are_pictures(drawn):
    shown = worst(read_story(drawn))
    assert "3, taken for 5 (75\N{NO-BREAK SPACE}%)" in shown
    assert image_of(png(bytes(range(16)), 4, 4, 1), "row 7") in shown


@pytest.mark.parametrize(
    "fields",
    [
        {"confusion": None},
        {"confusion": [[1, 2]]},
        {"confusion": [["<b>", 1], [1, 2]]},
        {"confusion": [[0, 0], [0, 0]]},
        {"worst": [{"shape": [4, 4, 1], "pixels": "?"}]},
        {"worst": [{"shape": [10**9, 4, 1], "pixels": "AAAA"}]},
        {"worst": [{"shape": [4, 4, 1]}, 7, None]},
        {"worst": {}},
    ],
)
def test_a_damaged_file_of_mistakes_stops_no_report(written, fields):
    text = report_of([read_story(written("mistakes.json", **fields))])
    assert "<b>" not in re.sub(r"<script.*?</script>", "", text, flags=re.S)


def test_a_run_without_the_file_is_looked_at_on_the_validation_split(copied):
    (copied / "mistakes.json").unlink()
    story = read_story(copied)
    look_for_mistakes(story)
    assert (story.mistakes["split"], story.missing) == ("validation", [])
    right = sum(row[at] for at, row in enumerate(story.mistakes["confusion"]))
    accuracy = json.loads((copied / "best.json").read_text())["validation_accuracy"]
    assert right / story.mistakes["rows"] == pytest.approx(accuracy)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"evaluator": "gone"}, 'needs the evaluator "gone"'),
        ({"options": {"hidden": 7}}, "is not of the network that"),
        ({"distribution": "/tmp/task.py"}, "the evaluator is a file, and a report runs none"),
        ({"options": 3}, ""),
    ],
)
def test_what_cannot_be_found_again_is_said(written, fields, reason):
    copied = written("config.json", **fields)
    (copied / "mistakes.json").unlink()
    story = read_story(copied)
    look_for_mistakes(story)
    (said,) = story.missing
    assert said.startswith("There is no confusion matrix:")
    assert reason in said
    assert report_of([story])


def test_whatever_an_evaluator_raises_the_report_is_written(copied, monkeypatch):
    def broken(self):
        raise ValueError("no\nluck")

    monkeypatch.setattr("deapnets.evaluators.xor.Xor.load", broken)
    (copied / "mistakes.json").unlink()
    story = read_story(copied)
    look_for_mistakes(story)
    assert story.missing == ["There is no confusion matrix: no luck"]


def test_a_search_has_no_matrix_and_nothing_is_said(searched):
    story = read_story(searched)
    look_for_mistakes(story)
    assert (story.mistakes, story.missing) == ({}, [])
