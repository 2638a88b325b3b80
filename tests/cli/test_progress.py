import io
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from deapnets.cli.progress import follow, line, summarise
from deapnets.runs.directory import RunDirectory
from deapnets.runs.running import Progress

SOLVED = Progress(150, 60_000, 4.0, 0.25, -0.21753, {"validation_accuracy": 0.947})


class Followed:
    """A run that goes through given steps; it notes how it ended."""

    def __init__(self, *steps):
        self.steps, self.ended = steps, "never began"
        self.directory = SimpleNamespace(path=Path("runs/first"))
        found = SimpleNamespace(loaded=SimpleNamespace(found=SimpleNamespace(name="xor")))
        settings = SimpleNamespace(population=300)
        self.configuration = SimpleNamespace(
            plugin=found, algorithm="ga", settings=settings, seed=1
        )

    def __iter__(self):
        try:
            yield from self.steps
            self.ended = "finished"
        except GeneratorExit:
            self.ended = "interrupted"
            raise


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that makes standard output a terminal of some columns."""

    def terminal(columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("NO_COLOR", raising=False)
        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        return screen

    return terminal


def step(generation, seconds):
    return Progress(generation, 100 * generation, seconds, 0.5, -0.5, {})


# --- one line ---


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (SOLVED, "gen 150, best -0.2175, validation 94.7 %, 15,000 evals/s, 12 s left"),
        (
            Progress(0, 300, 0.5, 0.0, -1.0, {"validation_accuracy": 1.0}),
            "gen 0, best -1, validation 100.0 %, 600 evals/s",
        ),
        (Progress(9, 90, 3.0, 1.0, 12345.678, {}), "gen 9, best 1.235e+04, 30 evals/s"),
        (
            Progress(1, 90, 3.0, 0.5, 0.5, {"validation_loss": 1.0}),
            "gen 1, best 0.5, 30 evals/s, 3 s left",
        ),
    ],
)
def test_a_line_says_generation_best_validation_speed_and_time_left(progress, text):
    assert line(progress) == text


def test_a_line_of_no_time_at_all_is_possible():
    assert line(Progress(0, 0, 0.0, 0.0, 0.0, {})) == "gen 0, best 0, 0 evals/s"


# --- without a terminal ---


def test_plain_lines_come_every_five_seconds_and_at_the_end(capsys):
    times = [0.1, 1.0, 5.0, 5.2, 6.0, 10.3, 11.0]
    follow(Followed(*[step(number, seconds) for number, seconds in enumerate(times)]))
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading == "xor by ga, population 300, seed 1 -> runs/first"
    assert [text.partition(",")[0] for text in lines] == ["gen 0", "gen 3", "gen 5", "gen 6"]


def test_the_last_generation_is_not_said_twice(capsys):
    follow(Followed(step(0, 0.1)))
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_plain_lines_have_no_control_characters(capsys):
    follow(Followed(SOLVED))
    assert "\x1b" not in capsys.readouterr().out


def test_quietly_nothing_is_said_and_the_run_goes_to_its_end(capsys):
    run = Followed(SOLVED, SOLVED)
    follow(run, quiet=True)
    assert capsys.readouterr() == ("", "")
    assert run.ended == "finished"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BrokenPipeError()])
def test_what_goes_wrong_while_printing_ends_the_run_at_once(monkeypatch, error):
    def breaks(text):
        if text.startswith("gen"):
            raise error

    monkeypatch.setattr(click, "echo", breaks)
    run = Followed(SOLVED, SOLVED)
    with pytest.raises(type(error)):
        follow(run)
    assert run.ended == "interrupted"


# --- on a terminal ---


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_terminal_shows_a_bar_and_all_figures_within_its_width(terminal, columns):
    screen = terminal(columns)
    follow(Followed(SOLVED))
    rows = re.split(r"[\r\n]+", re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", screen.getvalue()))
    assert max(map(len, rows)) <= columns
    assert re.search(r"^[━╸╺]{30} 25 %, 12 s left *$", "\n".join(rows), re.M)
    figures = "gen 150, best -0.2175, validation 94.7 %, 15,000 evals/s"
    assert figures in [row.rstrip() for row in rows]


def test_figures_too_long_for_a_narrow_terminal_are_cut_not_wrapped(terminal):
    screen = terminal(40)
    follow(Followed(SOLVED))
    assert "gen 150, best -0.2175, validation 94.7 …" in screen.getvalue()


def test_a_bar_is_taken_away_at_the_end(terminal):
    screen = terminal(80)
    follow(Followed(SOLVED))
    *_, last_line_up = re.split("15,000 evals/s", screen.getvalue())
    assert last_line_up.count("\x1b[2K") >= 2
    assert "━" not in last_line_up


# --- the summary ---


def test_a_summary_says_figures_files_and_what_to_do_next(tmp_path, capsys):
    directory = RunDirectory.create(tmp_path / "run")
    budget = {"generations": None, "seconds": 30.0, "evaluations": None, "target": None}
    config = {"evaluator": "xor", "distribution": "deapnets", "budget": budget}
    directory.write("config.json", config)
    (tmp_path / "run" / "best.safetensors").touch()
    metrics = {"test_accuracy": 0.98765, "test_loss": 0.0123456, "parameters": 3274634}
    result = {"generations": 15, "evaluations": 6400, "seconds": 1.23}
    directory.write("result.json", {**result, "metrics": {**metrics, "validation_loss": None}})
    summarise(directory, tmp_path / "run" / "curve.png")
    assert (
        capsys.readouterr().out
        == f"""\
15 generations, 6,400 evaluations, 1.2 s
  test_accuracy          98.77 %
  test_loss              0.01235
  parameters             3,274,634
  validation_loss        -
  network                {tmp_path}/run/best.safetensors
  learning curve         {tmp_path}/run/curve.png
Next:
  deapnets report {tmp_path}/run --open
      how it went, on one page
  deapnets resume {tmp_path}/run --seconds 60
      go on, twice as far
  deapnets plugins show xor
      what else it takes, as -o NAME=VALUE
"""
    )


def test_a_search_says_where_its_structure_is_and_a_file_where_its_class_is(tmp_path, capsys):
    directory = RunDirectory.create(tmp_path / "run")
    budget = {"generations": None, "seconds": None, "evaluations": 2_000_000, "target": None}
    config = {"evaluator": "Mine", "distribution": "/here/mine.py", "budget": budget}
    directory.write("config.json", config)
    directory.write(
        "result.json", {"generations": 1, "evaluations": 2, "seconds": 1.0, "metrics": {}}
    )
    summarise(directory, tmp_path / "run" / "curve.png")
    said = capsys.readouterr().out
    assert f"  network                {tmp_path}/run/best.json\n" in said
    assert "--evaluations 4000000\n" in said
    assert "  deapnets plugins show /here/mine.py:Mine\n" in said
