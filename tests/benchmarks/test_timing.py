import importlib.util
import json
import sys
from collections import namedtuple
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "benchmarks" / "timing.py"


@pytest.fixture(scope="module")
def timing():
    spec = importlib.util.spec_from_file_location("deapnets_benchmarks_timing", SOURCE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def clock(timing, monkeypatch):
    """A clock that stands still unless a function under test moves it."""

    class Clock:
        now = 0.0

        def work(self, seconds):
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock.now)
    return clock


def test_warmup_is_run_and_never_counted(timing, clock):
    durations = iter([100.0, 50.0, 1.0, 2.0, 3.0])
    [measured] = timing.measure({"job": lambda: clock.work(next(durations))}, repeats=3, warmup=2)
    assert measured.seconds == (1.0, 2.0, 3.0)


def test_functions_are_timed_in_turns(timing):
    calls = []
    timing.measure({name: lambda n=name: calls.append(n) for name in "ab"}, repeats=2, warmup=1)
    assert calls == ["a", "b", "a", "b", "a", "b"]


def test_function_over_its_budget_gets_one_turn_and_the_others_get_all(timing, clock):
    slow, fast = timing.measure(
        {"slow": lambda: clock.work(10.0), "fast": lambda: clock.work(1.0)}, repeats=4, budget=5.0
    )
    assert slow.seconds == (10.0,)
    assert fast.seconds == (1.0,) * 4


def test_neighbours_are_counted_in_cores(timing, clock, monkeypatch):
    others = iter([1000.0, 1003.0])
    monkeypatch.setattr(timing, "_others_seconds", lambda: next(others))
    with timing.Neighbours() as neighbours:
        clock.work(2.0)
    assert neighbours.cores == 1.5


def test_neighbours_of_low_priority_are_neighbours_and_its_own_work_is_not(timing, monkeypatch):
    import psutil

    read = iter([(10.0, 1.0, 5.0, 0.0, 2.0), (14.0, 2.0, 8.0, 0.0, 3.0)])
    Times = namedtuple("Times", "user system nice idle steal")
    monkeypatch.setattr(psutil, "cpu_times", lambda: Times(*next(read)))
    own = iter([(1.0, 0.0, 0.0, 0.0, 0.0), (2.0, 1.0, 1.0, 0.0, 0.0)])
    monkeypatch.setattr(timing.os, "times", lambda: next(own))
    first, last = timing._others_seconds(), timing._others_seconds()
    assert last - first == (4 + 1 + 3 + 1) - 3


def test_median_and_quartiles_are_those_of_the_counted_seconds(timing):
    measured = timing.Timing("job", (5.0, 1.0, 4.0, 2.0, 3.0))
    assert measured.median == 3.0
    assert measured.quartiles == (2.0, 4.0)


def test_extrapolation_is_linear_says_so_and_keeps_raw_seconds(timing):
    whole = timing.Timing("job", (1.0, 2.0, 3.0)).extrapolated(20, 500)
    assert whole.median == 50.0
    assert whole.quartiles == (37.5, 62.5)
    assert whole.seconds == (1.0, 2.0, 3.0)
    assert whole.note == "measured on 20 of 500 individuals, extrapolated linearly"


def test_extrapolation_to_the_same_number_changes_nothing(timing):
    measured = timing.Timing("job", (1.0,))
    assert measured.extrapolated(500, 500) == measured


def test_table_divides_by_the_reference(timing):
    rows = timing.table(
        [timing.Timing("floor", (2.0,)), timing.Timing("ours", (3.0,))], reference="floor"
    ).splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert cells[0] == ["", "median s", "quartiles s", "n", "x floor", "note"]
    assert [row[4] for row in cells[2:]] == ["1.00", "1.50"]
    assert len({len(row) for row in rows}) == 1


def test_table_with_unknown_reference_names_the_rows(timing):
    with pytest.raises(KeyError, match=r'No timing is named "theirs"\. There are: ours\.'):
        timing.table([timing.Timing("ours", (3.0,))], reference="theirs")


def test_record_survives_json_with_its_provenance(timing, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "hardware", lambda: {"processor": "abacus"})
    measurement = timing.record(
        "generation",
        [timing.Timing("ours", (3.0, 1.0, 2.0))],
        packages=["pytest", "dne"],
        size="mlp-128",
    )
    timing.write(tmp_path / "record.json", measurement)
    read = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert read == measurement
    assert read["size"] == "mlp-128"
    assert read["hardware"] == {"processor": "abacus"}
    assert read["versions"]["pytest"] == pytest.__version__
    assert read["versions"]["dne"] is None
    assert read["timings"][0]["median_s"] == 2.0
    assert read["timings"][0]["raw_s"] == [3.0, 1.0, 2.0]
