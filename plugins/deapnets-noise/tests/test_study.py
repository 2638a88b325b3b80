"""The study: resumable, its statistics those of its numbers, its verdict in words."""

import json
import re

import pytest
from deapnets_noise import study
from deapnets_noise.picture import draw_study
from deapnets_noise.study import REFERENCE, Plan, cells, report, run_cells
from scipy import stats

from deapnets.cli import main
from deapnets.errors import OptionError, RunError
from deapnets.runs.directory import RunDirectory


@pytest.fixture(scope="module")
def done(tmp_path_factory, images):
    """Return directory and report of a study of ten seeds and two epochs."""
    directory = RunDirectory(tmp_path_factory.mktemp("study"))
    plan = Plan(seeds=10, epochs=2)
    names = [name for name, _ in run_cells(plan, images, directory)]
    assert sorted(names) == sorted(cell.name for cell in cells())
    return directory, report(plan, images, directory)


def test_statistics_are_those_of_scipy_on_the_written_numbers(done):
    _, found = done
    values = {name: cell["accuracies"] for name, cell in found["cells"].items()}
    names = [f"cost/{name}/centred" for name in ("gaussian", *study.ELEVEN)]
    expected = stats.friedmanchisquare(*(values[name] for name in names)).pvalue
    assert found["friedman"]["centred"] == pytest.approx(expected)
    for test in found["tests"]:
        assert test["b"] == REFERENCE.name
        if values[test["a"]] != values[test["b"]]:
            p = stats.wilcoxon(values[test["a"]], values[test["b"]]).pvalue
            assert test["p"] == pytest.approx(p)


def test_rows_hold_a_median_within_its_interval(done):
    for row in done[1]["rows"]:
        assert row["low"] <= row["median"] <= row["high"]
        assert row["seeds"] == 10


def test_verdict_speaks_of_distributions_cost_labels_ink_and_credit(done):
    text = " ".join(done[1]["verdict"])
    for word in (
        "Friedman",
        "one answer to every",
        "a cost of 1",
        "shuffled",
        "threshold on the sum",
        "spsa",
        "adam",
    ):
        assert word in text


def test_cells_that_are_done_are_not_run_again(done, images):
    directory, _ = done
    assert list(run_cells(Plan(10, 2), images, directory)) == []
    found = directory.read(study.FILE)
    del found["cells"]["adam"], found["rows"]
    directory.write(study.FILE, found)
    assert [name for name, _ in run_cells(Plan(10, 2), images, directory)] == ["adam"]
    report(Plan(10, 2), images, directory)


def test_cell_is_the_same_beside_others_and_alone(done, images, tmp_path):
    together = done[1]["cells"]["accept/gaussian/centred"]["accuracies"]
    bench = study.Bench(images, 10)
    alone = study.train_cell(study.Cell("accept"), bench, epochs=2)
    assert alone.tolist() == together


def test_directory_of_another_plan_is_refused(done, images):
    with pytest.raises(RunError, match=r"noise\.json is of seeds=10, not 11\. Give another --out"):
        list(run_cells(Plan(11, 2), images, done[0]))


def test_picture_is_a_png(done):
    assert draw_study(*done).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("sizes", [(0, 2), (2, 0)])
def test_study_of_nothing_is_refused(sizes):
    with pytest.raises(OptionError, match=r"is at least 1, got 0\.$"):
        Plan(*sizes)


def test_command_prints_medians_and_verdict_and_goes_on(tmp_path, images, monkeypatch):
    from click.testing import CliRunner

    monkeypatch.setattr("deapnets_noise.data.load_binary", lambda data: images)
    monkeypatch.chdir(tmp_path)
    words = ["study", "noise", "--seeds", "2", "--epochs", "1"]
    first = CliRunner().invoke(main, words)
    assert first.exit_code == 0, first.output
    assert re.search(r"^adam: \d+\.\d s$", first.output, re.M)
    assert re.search(r"^cost/gumbel/raw +\d+\.\d\d %  \(", first.output, re.M)
    again = CliRunner().invoke(main, [*words, "--json"])
    assert json.loads(again.output)["seeds"] == 2
