import json
import shutil
import statistics

import pytest

from deapnets.errors import ArchitectureError
from deapnets.evaluators.bitstring import BitString
from deapnets.reports.retraining import Retraining


@pytest.fixture
def search(deapnets, tmp_path):
    """A search of noisy bit strings, in the working folder."""
    words = ("bitstring", "-o", "bits=20", "-o", "noise=0.2", "--algorithm", "random")
    result = deapnets("run", *words, "--evaluations", 120, "--seed", 1, "--out", "search")
    assert result.exit_code == 0, result.output
    return tmp_path / "search"


def test_the_best_of_a_noisy_search_are_worse_than_they_looked(deapnets, search):
    result = deapnets("retrain", "search", "--top", 6, "--seeds", 20, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == json.loads((search / "retrain.json").read_text())
    rows = report["candidates"]
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["searched"] for row in rows] == sorted((r["searched"] for r in rows), reverse=True)
    for row in rows:
        ones = row["architecture"].count("1") / 20
        assert row["mean"] == pytest.approx(ones, abs=4 * 0.2 / 20**0.5)
        assert row["gap"] == pytest.approx(row["searched"] - statistics.fmean(row["scores"]))
        assert row["deviation"] == pytest.approx(statistics.stdev(row["scores"]))
    assert report["mean_gap"] > 0.15  # the best of 120 looks are lucky by two deviations
    best = max(rows, key=lambda row: row["mean"])
    assert report["winner"] == {"rank": best["rank"], "architecture": best["architecture"]}
    assert report["metrics"]["test_accuracy"] == best["architecture"].count("1") / 20


def test_a_person_reads_a_table_and_a_verdict(deapnets, search):
    printed = deapnets("retrain", "search", "--top", 2, "--seeds", 3).stdout.splitlines()
    assert printed[0].split() == ["rank", "search", "again", "deviation", "gap", "architecture"]
    assert [line.split()[0] for line in printed[1:3]] == ["1", "2"]
    assert printed[4].startswith("The search saw its best 2 ")
    assert printed[-1] == "search/retrain.json"


def test_one_network_is_told_as_one(deapnets, search):
    printed = deapnets("retrain", "search", "--top", 1, "--seeds", 3).stdout.splitlines()
    assert printed[3].startswith("The search saw its best network ")
    assert "favourite" not in printed[3]


def test_a_report_shows_what_came_out(deapnets, search):
    deapnets("retrain", "search", "--top", 2, "--seeds", 3)
    assert deapnets("report", "search").exit_code == 0
    text = (search / "report.html").read_text()
    best = json.loads((search / "retrain.json").read_text())["candidates"][0]
    assert "trained again, on other seeds" in text
    assert f'<td class="n">{best["mean"]:.4f}</td>' in text


def test_the_same_search_is_retrained_the_same(deapnets, search):
    first = deapnets("retrain", "search", "--top", 2, "--seeds", 3, "--json").stdout
    assert deapnets("retrain", "search", "--top", 2, "--seeds", 3, "--json").stdout == first


def test_candidates_share_their_seeds_and_none_is_of_the_search(search, monkeypatch):
    seen = []
    outcome = BitString.outcome

    def noted(self, individual, fidelity, seed):
        seen.append((str(individual), seed))
        return outcome(self, individual, fidelity, seed)

    monkeypatch.setattr(BitString, "outcome", noted)
    list(Retraining(str(search), 2, 4).run())
    first, second = ([seed for text, seed in seen if text == one] for one in {t for t, _ in seen})
    assert first == second
    assert len(set(first)) == 4


def test_options_of_the_evaluator_may_be_others(deapnets, search):
    result = deapnets("retrain", "search", "--top", 3, "-o", "noise=0", "--json")
    for row in json.loads(result.stdout)["candidates"]:
        assert set(row["scores"]) == {row["architecture"].count("1") / 20}


def test_a_network_that_was_scored_twice_has_the_mean(search):
    lines = (search / "trace.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    again = [121, None, 0.0, 9.0, 0, None, last["networks"][0][6], None]
    last["networks"].append(again)
    (search / "trace.jsonl").write_text("\n".join([*lines[:-1], json.dumps(last)]) + "\n")
    first = Retraining(str(search), 1, 1).candidates[0]
    assert (first.architecture, first.looks) == (again[6], 2)
    assert first.searched == pytest.approx((9.0 + last["networks"][0][3]) / 2)


def test_what_cannot_be_trained_says_why(search, monkeypatch):
    def broken(self, individual, fidelity, rng):
        raise ArchitectureError("there is no path")

    monkeypatch.setattr(BitString, "evaluate_one", broken)
    candidate = next(iter(Retraining(str(search), 1, 2).run()))
    assert (candidate.scores, candidate.reasons) == ([0.0, 0.0], ["there is no path"] * 2)


@pytest.mark.parametrize(("option", "name"), [("--top", "--top"), ("--seeds", "--seeds")])
def test_numbers_below_one_are_refused(refused, search, option, name):
    assert refused("retrain", "search", option, 0, code=2).endswith(f"{name} is at least 1, got 0.")


def test_a_run_of_weights_is_refused(deapnets, refused):
    deapnets("run", "xor", "--generations", 1, "--population", 9, "--out", "weights")
    assert "evolved weights" in refused("retrain", "weights", code=1)


def test_a_run_that_wrote_no_architectures_down_is_refused(refused, search):
    (search / "trace.jsonl").unlink()
    assert "lists no architecture" in refused("retrain", "search", code=1)


def test_a_folder_without_a_run_is_refused(refused, search):
    shutil.rmtree(search)
    assert "holds no run" in refused("retrain", "search", code=1)


def test_an_unknown_option_is_refused(refused, search):
    assert 'Unknown option "noize"' in refused("retrain", "search", "-o", "noize=1", code=2)
