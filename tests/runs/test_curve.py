import math
import re

import pytest
from PIL import Image

from deapnets.errors import RunError
from deapnets.runs.curve import draw_curve
from deapnets.runs.directory import RunDirectory


@pytest.fixture
def logged(tmp_path):
    """Return a function that makes a run directory of these validation accuracies."""

    def logged(*accuracies, **metrics):
        directory = RunDirectory.create(tmp_path / "run")
        directory.write(
            "config.json", {"evaluator": "xor", "algorithm": "ga", "parameters": 22, "seed": 1}
        )
        for number, accuracy in enumerate(accuracies):
            record = {"generation": number, "evaluations": 10, "seconds": 0.5 * number}
            held = {} if accuracy is None else {"validation_accuracy": accuracy}
            directory.append({**record, "best": -0.5, "mean": -1.0 - number, **held})
        if metrics:
            directory.write("result.json", {"metrics": metrics})
        return directory

    return logged


@pytest.mark.parametrize(
    ("accuracies", "metrics"),
    [
        ((0.5,), {}),
        ((0.5, None, 0.75), {"test_accuracy": 0.7}),
        ((1.0, 1.0), {"parameters": 22}),
        ((None, None), {}),
        ((math.nan, 0.5, math.nan), {"test_accuracy": math.nan}),
        ((math.nan,), {}),
    ],
)
def test_the_picture_is_a_png_of_1440_by_600_pixels_whatever_was_measured(
    logged, accuracies, metrics
):
    directory = logged(*accuracies, **metrics)
    path = draw_curve(directory)
    assert path == directory.path / "curve.png"
    with Image.open(path) as picture:
        assert (picture.format, picture.size) == ("PNG", (1440, 600))
        assert len(picture.getcolors(1 << 20)) > 10


def test_the_accuracy_gets_axes_of_its_own_only_where_it_was_measured(logged, monkeypatch):
    from matplotlib.figure import Figure

    asked = []
    subplots = Figure.subplots

    def noted(self, rows, columns, **more):
        asked.append(columns)
        return subplots(self, rows, columns, **more)

    monkeypatch.setattr(Figure, "subplots", noted)
    directory = logged(None, None)
    draw_curve(directory)
    directory.append(
        {"evaluations": 1, "seconds": 2, "best": 0, "mean": 0, "validation_accuracy": 1}
    )
    draw_curve(directory)
    assert asked == [1, 2]


def test_a_picture_is_written_under_the_name_that_was_asked_for_and_nothing_beside_it(logged):
    directory = logged(0.5)
    before = {path.name for path in directory.path.iterdir()}
    draw_curve(directory, "first.png")
    assert {path.name for path in directory.path.iterdir()} == before | {"first.png"}


def test_a_run_without_a_generation_has_no_curve(logged):
    directory = logged()
    expected = f"{directory.path} has no generation in its log yet."
    with pytest.raises(RunError, match=f"^{re.escape(expected)}$"):
        draw_curve(directory)


def test_a_picture_that_cannot_be_written_is_an_error_of_ours(logged):
    directory = logged(0.5)
    (directory.path / "curve.png").mkdir()
    with pytest.raises(RunError, match=r"curve\.png cannot be written: \[Errno "):
        draw_curve(directory)
