"""The evaluator nasbench201: what a table says, what of it a search sees, damaged tables."""

from __future__ import annotations

import contextlib
import itertools
import json
import pickle
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import deapnets as dn
from deapnets.cli import main
from deapnets.errors import DataError
from deapnets.testing import ArchitectureContract

nasbench201 = pytest.importorskip(
    "deapnets_cifar.nasbench201", reason="deapnets-cifar is not installed"
)
FULL, SHORT, NasBench201 = nasbench201.FULL, nasbench201.SHORT, nasbench201.NasBench201

CELL = dn.NASBENCH201.parse("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|")


class TestTable(ArchitectureContract):
    cases = [(NasBench201, {})]

    @pytest.fixture
    def case(self, request, rows, write):
        return request.param[0], {"table": write(rows)}


def row_of(rows, genome=CELL):
    return next(row for row in rows if row["architecture"] == str(genome))


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz"])
def test_an_evaluation_draws_each_of_the_runs_that_are_there(rows, write, name):
    row = {**row_of(rows), "validation_accuracy_200ep_run1": "90.0"}
    row |= {"validation_accuracy_200ep_run2": "", "validation_accuracy_200ep_run3": "91.5"}
    evaluator = NasBench201(table=write([row], name))
    drawn = Counter(evaluator.outcome(CELL, FULL, seed).values for seed in range(400))
    assert set(drawn) == {(0.9,), (0.915,)}
    assert min(drawn.values()) > 150


def test_seconds_are_those_of_the_epochs(rows, write):
    evaluator = NasBench201(table=write([row_of(rows)]))
    seconds = float(row_of(rows)["train_seconds_per_epoch"])
    assert evaluator.outcome(CELL, FULL, 1).seconds == 200 * seconds
    assert evaluator.outcome(CELL, SHORT, 1).seconds == 12 * seconds


def test_the_low_fidelity_is_the_column_of_twelve_epochs(rows, write):
    evaluator = NasBench201(table=write([row_of(rows)]))
    short = float(row_of(rows)["validation_accuracy_12ep"]) / 100
    assert evaluator.outcome(CELL, SHORT, 1).values == (short,)
    assert evaluator(CELL, fidelity=SHORT) == (short,)


def test_test_accuracy_and_regret_are_measured_alone(rows, write):
    evaluator = NasBench201(table=write(rows))
    best = dn.CellGenome(dn.NASBENCH201, (3,) * 6)
    measured = evaluator.measure(best)
    assert measured["test_accuracy"] == pytest.approx(0.918)
    assert (measured["regret"], measured["is_best"]) == (0.0, 1.0)
    other = evaluator.measure(CELL)
    assert other["regret"] == pytest.approx(0.918 - other["test_accuracy"])
    assert other["is_best"] == 0.0
    assert "test" not in str(evaluator.outcome(CELL, FULL, 1).records)


def test_a_cell_that_is_not_in_the_table_cannot_be_trained(rows, write):
    evaluator = NasBench201(table=write([row_of(rows)]))
    outcome = evaluator.outcome(dn.CellGenome(dn.NASBENCH201, (0,) * 6), FULL, 1)
    assert outcome.values == (0.0,)
    assert outcome.records["infeasible"].endswith("is not in the table.")


def test_the_evaluator_travels_without_its_table(rows, write):
    evaluator = NasBench201(table=write([row_of(rows)]))
    assert evaluator(CELL)
    sent = pickle.dumps(evaluator)
    assert len(sent) < 1000
    assert pickle.loads(sent).outcome(CELL, FULL, 3) == evaluator.outcome(CELL, FULL, 3)


@pytest.mark.parametrize(
    "column", ["architecture", "validation_accuracy_12ep", "train_seconds_per_epoch"]
)
def test_a_table_without_a_column_is_refused(rows, write, column):
    row = {name: value for name, value in row_of(rows).items() if name != column}
    with pytest.raises(DataError, match=f"table.csv lacks the columns: {column}. It has: "):
        NasBench201(table=write([row], "table.csv")).open()


def test_a_table_without_any_run_is_refused(rows, write):
    row = {name: value for name, value in row_of(rows).items() if "run" not in name}
    with pytest.raises(DataError, match="lacks the columns: validation_accuracy_200ep_run1"):
        NasBench201(table=write([row])).open()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_accuracy_200ep": "good"}, "line 2, cannot be read: could not convert"),
        ({"test_accuracy_200ep": "101"}, "an accuracy is in percent, got 101.0"),
        ({"validation_accuracy_12ep": "nan"}, "an accuracy is in percent, got nan"),
        ({"train_seconds_per_epoch": "-1"}, "training takes -1.0 seconds"),
        (
            {f"validation_accuracy_200ep_run{n}": "" for n in (1, 2, 3)},
            "there is no validation accuracy",
        ),
    ],
)
def test_a_row_that_cannot_be_is_named(rows, write, change, message):
    with pytest.raises(DataError, match=message):
        NasBench201(table=write([{**row_of(rows), **change}])).open()


def test_a_damaged_file_is_named(rows, write):
    path = write(rows[:50])
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=re.escape(f"{path} is damaged: ")):
        NasBench201(table=path).open()
    path.write_bytes(b"\x00\x01 no gzip at all")
    with pytest.raises(DataError, match="is damaged: "):
        NasBench201(table=path).open()


def test_an_empty_table_is_refused(write, rows, tmp_path):
    path = tmp_path / "empty.csv"
    path.write_text(",".join(rows[0]) + "\n")
    with pytest.raises(DataError, match="holds no architecture"):
        NasBench201(table=path).open()


def test_a_missing_table_says_what_to_do(monkeypatch, tmp_path):
    with pytest.raises(DataError, match="Give table=PATH, or set DEAPNETS_DATA"):
        NasBench201(table=tmp_path / "none.csv").open()
    monkeypatch.delenv("DEAPNETS_DATA", raising=False)
    with pytest.raises(DataError, match="give table=PATH, or set DEAPNETS_DATA"):
        NasBench201().open()


def test_a_missing_table_is_one_line_of_the_command_and_leaves_no_run(tmp_path):
    arguments = ["run", "nasbench201", "--algorithm", "aging", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(main, [*arguments, "-o", "table=none.csv"])
    assert result.exit_code == 1
    assert "none.csv cannot be read: No such file or directory." in result.output
    assert not (tmp_path / "run").exists()


def test_aging_finds_good_cells_from_the_command_line(rows, write, tmp_path):
    table = write(rows)
    arguments = [
        "run",
        "nasbench201",
        "--algorithm",
        "aging",
        "-o",
        f"table={table}",
        "--seed",
        "1",
    ]
    result = CliRunner().invoke(
        main, [*arguments, "--evaluations", "200", "--out", str(tmp_path / "run"), "--json"]
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["metrics"]["test_accuracy"] > 0.85
    assert found["evaluations"] == 200


def test_halving_beats_aging_at_equal_simulated_seconds(real_table):
    found = {}
    for eta in (None, 4.0):
        evaluator = NasBench201(table=real_table)
        accuracies = []
        for seed in range(12):
            random.seed(seed)
            search = aging(evaluator, eta)
            accuracies.append(evaluator.measure(search.run())["test_accuracy"])
        found[eta] = sum(accuracies) / len(accuracies)
    assert found[4.0] > found[None]


def aging(evaluator, eta):
    """Return aging evolution that may spend 200,000 simulated seconds."""
    from deapnets.algorithms.searches import search_toolbox

    toolbox = search_toolbox(evaluator)
    halving = None if eta is None else dn.Halving(evaluator.fidelities, eta)
    return dn.eaAging(toolbox.population(n=50), toolbox, 10, seconds=200_000.0, halving=halving)


def test_the_published_table_is_read(real_table):
    evaluator = NasBench201(table=real_table)
    assert len(evaluator.rows) == 15625
    best = max(evaluator.rows.values(), key=lambda row: row.test)
    assert best.test == pytest.approx(0.9437334)
    assert sum(evaluator.measure(dn.NASBENCH201.parse(t))["is_best"] for t in evaluator.rows) == 2


@pytest.fixture
def compared(rows, write, tmp_path):
    """Return the report of a comparison at equal simulated seconds, and its directory."""
    out = tmp_path / "compared"
    words = ["compare", "nasbench201", "-o", f"table={write(rows)}", "--seeds", "3"]
    words += ["--algorithms", "aging,halving=aging", "-a", "halving.eta=4"]
    words += ["-a", "aging.population=10", "-a", "halving.population=10"]
    words += ["--evaluation-seconds", "20000", "--out", str(out)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return json.loads((out / "comparison.json").read_text()), out, result.output


def test_one_command_compares_halving_at_equal_simulated_seconds(compared):
    report, out, printed = compared
    assert [row["algorithm"] for row in report["rows"]] == [
        "aging",
        "halving",
        "random",
        "random, exact",
    ]
    for row in report["rows"][:-1]:
        assert 20_000 <= row["evaluation_seconds"] < 20_000 + 200 * 8  # the last one is finished
    assert report["rows"][1]["evaluations"] > report["rows"][0]["evaluations"]
    assert (out / "runs" / "halving-2" / "result.json").is_file()
    assert "regret, points, after" in printed
    assert "finds a best, %" in printed
    assert (out / "comparison.png").stat().st_size > 20_000


def test_the_yardstick_of_a_comparison_is_the_census_and_is_not_tested(compared, rows, write):
    report, _, _ = compared
    census = NasBench201(table=write(rows)).census()
    draws = int(20_000 / (200 * np.mean([float(row["train_seconds_per_epoch"]) for row in rows])))
    assert report["rows"][-1]["mean"] == census.best_of(draws)["test_accuracy"]
    assert all("random, exact" not in (test["a"], test["b"]) for test in report["tests"])


def test_courses_are_the_figures_of_those_who_led_at_each_moment(compared):
    report, out, _ = compared
    evaluator = NasBench201(table=Path(report["options"][0].partition("=")[2]))
    for one in report["courses"]:
        moments, regrets = one["evaluation_seconds"], []
        for seed in (1, 2, 3):
            run = out / "runs" / f"{one['algorithm']}-{seed}"
            log, trace = (
                [json.loads(line) for line in (run / name).read_text().splitlines()]
                for name in ("log.jsonl", "trace.jsonl")
            )
            before = [n for n, line in enumerate(log) if line["evaluation_seconds"] <= moments[2]]
            leader = trace[max(before, default=0)]["leader"]
            regrets.append(evaluator.measure(dn.NASBENCH201.parse(leader))["regret"])
            best = json.loads((run / "best.json").read_text())["architecture"]
            assert trace[-1]["leader"] == best
        assert one["regret"][2] == pytest.approx(sum(regrets) / 3)
        assert len(moments) == 5


def test_random_draws_of_the_published_table_are_what_random_search_finds(real_table):
    evaluator = NasBench201(table=real_table)
    rng = random.Random(1)
    rows = list(evaluator.rows.values())
    found = []
    for _ in range(2000):
        cells = [rng.choice(rows) for _ in range(100)]
        found.append(max(cells, key=lambda row: rng.choice(row.runs)).test)
    expected = evaluator.census().best_of(100)["test_accuracy"]
    error = np.std(found) / len(found) ** 0.5
    assert expected == pytest.approx(np.mean(found), abs=4 * error)
    assert 0.935 < expected < 0.939


@pytest.mark.parametrize("window", [1, 7])
def test_a_run_of_simulated_seconds_that_was_stopped_ends_as_if_it_had_not(
    rows, write, tmp_path, window
):
    from deapnets.runs.budget import Budget
    from deapnets.runs.configuring import Configuration, make_evaluator, make_settings
    from deapnets.runs.directory import RunDirectory
    from deapnets.runs.running import Run

    table, directories = write(rows), []
    for number in range(2):
        plugin = make_evaluator("nasbench201", [f"table={table}"])
        pairs = ["population=10", f"window={window}", "eta=3"]
        settings = make_settings("aging", pairs, plugin.instance)
        budget = Budget(evaluation_seconds=15_000)
        configuration = Configuration(plugin, "aging", settings, budget, seed=5)
        run = Run(configuration, RunDirectory.create(tmp_path / f"run{number}"))
        with contextlib.closing(iter(run)) as steps:
            for _ in itertools.islice(steps, None if number else 2):
                pass
        directories.append(run.directory)
    for _ in Run(configuration, directories[0], resumes=True):
        pass
    first, second = (directory.read("result.json") for directory in directories)
    assert (second["status"], second["resumed"]) == ("finished", 0)
    assert first["resumed"] == 1
    assert 15_000 <= second["evaluation_seconds"] <= 15_000 + window * 200 * 8
    for name in ("evaluations", "evaluation_seconds", "metrics", "best_fitness"):
        assert first[name] == second[name]


def test_seconds_that_nobody_counts_are_no_budget(tmp_path):
    refused = {
        ("xor",): '"ga" does not count what evaluations cost',
        (
            "bitstring",
            "--algorithm",
            "aging",
        ): "evaluations cost no seconds: a budget of them",
    }
    for number, (words, message) in enumerate(refused.items()):
        out = str(tmp_path / f"run{number}")
        arguments = ["run", *words, "--evaluation-seconds", "5", "--out", out]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code in (1, 2)
        assert message in result.output


def test_proxies_rank_the_published_cells_as_training_does(real_table):
    from deapnets.algorithms.screening import proxy_of, rank_correlation

    evaluator = NasBench201(table=real_table)
    drawn = random.Random(1).sample(sorted(evaluator.rows), 30)
    cells = [cell for cell in map(dn.NASBENCH201.parse, drawn) if "out(0)" not in cell.canonical]
    tested = [evaluator.row(cell).test for cell in cells]
    for name in ("parameters", "flops", "synflow", "naswot"):
        proxy = proxy_of(evaluator, name)
        assert rank_correlation([proxy(cell) for cell in cells], tested) > 0.4


def test_a_screened_run_logs_how_far_its_proxy_agrees(rows, write, tmp_path):
    out = tmp_path / "run"
    words = ["run", "nasbench201", "--algorithm", "aging", "-o", f"table={write(rows)}"]
    words += ["-a", "population=20", "-a", "screen=3", "-a", "proxy=parameters"]
    result = CliRunner().invoke(main, [*words, "--evaluations", "40", "--out", str(out)])
    assert result.exit_code == 0, result.output
    last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert last["screened"] == 1.0
    assert last["proxy_agreement"] > 0.5
