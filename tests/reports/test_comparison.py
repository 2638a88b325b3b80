"""A comparison: equal budgets, the baselines beside it, nothing run twice, numbers that add up."""

import json
import os
import re
import statistics

import numpy as np
import pytest

from deapnets.errors import OptionError, RunError
from deapnets.reports.comparison import Comparison, Plan
from deapnets.reports.curves import draw_comparison, median_and_band
from deapnets.runs.directory import RunDirectory
from deapnets.runs.running import Run

SMALL = ("ga.population=20", "random.population=20")


def comparison(path, **plan):
    values = {"evaluator": "xor", "algorithms": ["ga"], "seeds": 2, "evaluations": 100}
    return Comparison(Plan(**{**values, "settings": SMALL, **plan}), RunDirectory(path))


def finished(path, **plan):
    compared = comparison(path, **plan)
    steps = list(compared.run())
    return steps, compared.report()


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Return directory, steps and report of a comparison of two seeds."""
    path = tmp_path_factory.mktemp("comparison")
    return path, *finished(path)


def test_baselines_run_beside_what_was_asked_for(done):
    _, steps, report = done
    assert [(s.algorithm, s.seed) for s in steps] == [
        (name, seed) for seed in (1, 2) for name in ("ga", "random", "adam")
    ]
    names = [row["algorithm"] for row in report["rows"]]
    assert names == ["ga", "random", "adam", "constant"]


def test_budgets_are_equal_in_evaluations_and_in_forwards(done):
    _, _, report = done
    spent = {row["algorithm"]: row for row in report["rows"]}
    for name in ("ga", "random", "adam"):
        assert 100 <= spent[name]["evaluations"] <= 120
        assert spent[name]["image_forwards"] == pytest.approx(
            4 * spent[name]["evaluations"], rel=0.01
        )


def test_rows_hold_the_figures_of_the_runs_they_name(done):
    path, _, report = done
    for row in report["rows"][:-1]:
        runs = [RunDirectory(path / "runs" / f"{row['algorithm']}-{seed}") for seed in row["seeds"]]
        figures = [run.read("result.json")["metrics"][row["metric"]] for run in runs]
        assert row["values"] == figures
        assert row["mean"] == pytest.approx(statistics.mean(figures))
        assert row["deviation"] == pytest.approx(statistics.stdev(figures))


def test_file_has_the_documented_fields(done):
    path, _, report = done
    assert json.loads((path / "comparison.json").read_text()) == report
    row, test = report["rows"][0], report["tests"][0]
    assert {"algorithm", "seeds", "metric", "values", "mean", "deviation"} <= row.keys()
    assert {"a", "b", "test", "p", "effect", "verdict"} <= test.keys()


def test_only_what_was_asked_for_is_tested(done):
    tests = [(test["a"], test["b"]) for test in done[2]["tests"]]
    assert tests == [("ga", "random"), ("ga", "adam"), ("ga", "constant")]
    assert all("too few seeds" in test["verdict"] for test in done[2]["tests"])


def test_finished_runs_are_not_run_again_and_more_seeds_need_their_own(tmp_path):
    first, report = finished(tmp_path, seeds=1)
    log = tmp_path / "runs" / "ga-1" / "log.jsonl"
    stamp = log.stat().st_mtime_ns
    second, _ = finished(tmp_path, seeds=2)
    assert [step.again for step in first] == [True] * 3
    assert [step.again for step in second] == [False] * 3 + [True] * 3
    assert log.stat().st_mtime_ns == stamp
    assert (
        report["rows"][0]["values"]
        == [step.result["metrics"]["test_accuracy"] for step in second if step.algorithm == "ga"][
            :1
        ]
    )


def test_run_that_was_stopped_goes_on_and_ends_as_if_nothing_had_happened(tmp_path):
    (whole, *_), _ = finished(tmp_path / "whole", seeds=1)
    compared = comparison(tmp_path / "part", seeds=1)
    configuration = compared._configuration("ga", 1)
    run = Run(configuration, RunDirectory.create(tmp_path / "part" / "runs" / "ga-1"))
    generations = iter(run)
    next(generations)
    next(generations)
    generations.close()
    assert run.directory.read("result.json")["status"] == "interrupted"
    (again, *_), _ = finished(tmp_path / "part", seeds=1)
    assert again.again
    for name in ("status", "generations", "evaluations", "best_fitness", "metrics"):
        assert again.result[name] == whole.result[name]


def test_run_that_left_no_snapshot_is_run_anew(tmp_path):
    folder = tmp_path / "runs" / "ga-1"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (first, *_), _ = finished(tmp_path, seeds=1)
    assert first.again
    assert first.result["status"] == "finished"


def test_directory_of_other_settings_is_refused(tmp_path):
    finished(tmp_path, seeds=1)
    for other in (
        {"evaluations": 120},
        {"settings": [*SMALL, "ga.sigma=0.9"]},
        {"options": ["hidden=3"]},
    ):
        with pytest.raises(RunError, match=r"ga-1 is a run of other settings: .*another --out\.$"):
            list(comparison(tmp_path, seeds=1, **other).run())


def test_metric_may_be_chosen_and_less_of_a_loss_is_better(tmp_path):
    _, report = finished(tmp_path, seeds=10, metric="test_loss", evaluations=400)
    assert report["metric"] == "test_loss"
    means = {row["algorithm"]: row["mean"] for row in report["rows"]}
    worst = next(test for test in report["tests"] if test["b"] == "constant")
    assert (means["ga"] < means["constant"]) == (worst["effect"] < 0)
    with pytest.raises(OptionError, match=r'^Unknown metric "test_los"\. Did you mean "test_loss"'):
        comparison(tmp_path, seeds=10, metric="test_los", evaluations=400).report()


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"seeds": 0}, "A comparison takes at least one seed, got 0."),
        (
            {"algorithms": ["ga", "ga"]},
            "Name each algorithm once, with commas between",
        ),
        ({"algorithms": []}, "Name each algorithm once"),
        (
            {"settings": ["population=20"]},
            'Unknown algorithm "population". Valid: adam, ga,',
        ),
        ({"settings": ["gaa.population=20"]}, 'Unknown algorithm "gaa". Did you mean "ga"?'),
        ({"algorithms": ["gaa"], "settings": []}, 'Unknown algorithm "gaa". Did you mean "ga"?'),
        ({"evaluations": 20}, "A budget of 20 evaluations is not above the population of 20"),
    ],
)
def test_plan_that_cannot_be_run_is_told_before_anything_runs(tmp_path, plan, message):
    with pytest.raises(OptionError, match=f"^{re.escape(message)}"):
        list(comparison(tmp_path / "new", **plan).run())
    assert not (tmp_path / "new").exists()


def test_median_and_band_follow_curves_that_hold_their_last_value():
    curves = [
        (np.array([0.0, 10.0, 20.0]), np.array([0.0, 1.0, 2.0])),
        (np.array([0.0, 5.0, 25.0]), np.array([4.0, 5.0, 6.0])),
        (np.array([0.0, 20.0]), np.array([8.0, 9.0])),
    ]
    grid, middle, low, high = median_and_band(curves)
    assert (grid[0], grid[-1]) == (0.0, 20.0)
    assert (middle[0], middle[-1]) == (4.0, 5.0)
    assert (low[0], high[0]) == (2.0, 6.0)


def test_picture_is_a_png(done):
    path, _, report = done
    picture = draw_comparison(RunDirectory(path), report)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_searches_of_architectures_are_compared_and_wait_for_no_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("waits for the disk"))
    names = ["aging", "nonaging", "pairs", "local", "random", "reinforce"]
    plan = {"evaluator": "bitstring", "algorithms": names, "settings": (), "seeds": 3}
    compared = comparison(tmp_path, options=["bits=20"], **plan)
    assert len(list(compared.run())) == 18
    monkeypatch.undo()
    report = compared.report()
    assert [row["algorithm"] for row in report["rows"]] == names
    assert {row["evaluations"] for row in report["rows"]} == {100}
    means = {row["algorithm"]: row["mean"] for row in report["rows"]}
    assert means["local"] > means["random"]
    assert report["metric"] == "test_accuracy"


@pytest.fixture
def contested(install):
    """Install an evaluator that has a rival."""
    source = (
        "from deapnets.evaluators.xor import Xor\n"
        "class Contested(Xor):\n"
        "    rivals = ('snes',)\n"
        "    presets = {'snes': {'hidden': 6}, 'ga': {'hidden': 9}}\n"
    )
    install("contested", "contested = contested_module:Contested", contested_module=source)


WITH_RIVAL = (*SMALL, "snes.population=20")


def hidden_of(path, name):
    return RunDirectory(path / "runs" / f"{name}-1").read("config.json")["options"]["hidden"]


def test_a_rival_runs_unasked_with_its_own_options_and_nobody_else_has_presets(contested, tmp_path):
    _, report = finished(tmp_path, evaluator="contested", seeds=1, settings=WITH_RIVAL)
    names = [row["algorithm"] for row in report["rows"]]
    assert names[:2] == ["ga", "snes"]
    assert hidden_of(tmp_path, "snes") == 6
    assert hidden_of(tmp_path, "ga") == hidden_of(tmp_path, "random") == 4


def test_what_the_plan_says_wins_over_a_rivals_presets(contested, tmp_path):
    options = {"evaluator": "contested", "settings": WITH_RIVAL, "options": ["hidden=3"]}
    finished(tmp_path, seeds=1, **options)
    assert hidden_of(tmp_path, "snes") == 3


def test_runs_may_have_equal_seconds_instead(tmp_path):
    _, report = finished(tmp_path, seeds=1, seconds=0.05)
    assert report["seconds"] == 0.05
    config = RunDirectory(tmp_path / "runs" / "ga-1").read("config.json")
    assert config["budget"]["seconds"] == 0.05
    assert config["budget"]["evaluations"] is None
    draw_comparison(RunDirectory(tmp_path), report)
