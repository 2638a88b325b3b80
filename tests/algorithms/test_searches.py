"""Searches from the command line: settings, runs, what a run's directory holds."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re

import pytest
from click.testing import CliRunner

from deapnets.algorithms.searches import (
    AgingSettings,
    LocalSettings,
    NonAgingSettings,
    PairsSettings,
    RandomSettings,
    ReinforceSettings,
)
from deapnets.cli import main
from deapnets.errors import OptionError
from deapnets.runs.budget import Budget
from deapnets.runs.configuring import Configuration, make_evaluator, make_settings
from deapnets.runs.directory import RunDirectory
from deapnets.runs.running import Run

NAMES = ["aging", "nonaging", "pairs", "random", "local", "reinforce"]


def run(*arguments: str) -> dict:
    """Return the result of ``deapnets run``."""
    result = CliRunner().invoke(main, ["run", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_spends_its_evaluations_exactly_and_says_what_it_found(name, tmp_path):
    out = tmp_path / "run"
    arguments = ("bitstring", "--algorithm", name, "--evaluations", "93", "--seed", "3")
    result = run(*arguments, "-o", "bits=12", "--out", str(out))
    assert result["evaluations"] == 93
    assert result["status"] == "finished"
    best = json.loads((out / "best.json").read_text())
    assert len(best["architecture"]) == 12
    assert result["metrics"]["test_accuracy"] == best["architecture"].count("1") / 12
    assert not (out / "best.safetensors").exists()
    last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    rescored = 14 if name == "local" else 0
    assert (last["evaluations"], last["proposals"]) == (93, 93 - rescored)
    assert last["distinct"] <= last["proposals"]
    again = run(*arguments, "-o", "bits=12", "--out", str(tmp_path / "again"))
    assert (tmp_path / "again" / "best.json").read_text() == (out / "best.json").read_text()
    assert again["metrics"] == result["metrics"]


@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_run_ends_as_if_nothing_had_happened(name, tmp_path, start):
    files = ("best.json", "log.jsonl")
    whole, half = start(name), start(name)
    for _ in whole:
        pass
    with contextlib.closing(iter(half)) as steps:
        for _ in range(7):
            next(steps)
    resumed = Run(half.configuration, half.directory, resumes=True)
    for _ in resumed:
        pass
    for file in files:
        first, second = (
            re.sub('"seconds": [0-9.e-]*', "", (run.directory.path / file).read_text())
            for run in (whole, half)
        )
        assert first == second
    metrics = [run.directory.read("result.json")["metrics"] for run in (whole, half)]
    assert metrics[0] == metrics[1]


@pytest.fixture
def start(tmp_path):
    """Return a function that makes a run of a search on bit strings, not yet begun."""
    made = []

    def start(name: str) -> Run:
        plugin = make_evaluator("bitstring", ["bits=20"])
        configuration = Configuration(
            plugin,
            name,
            make_settings(name, ["window=3", "rescore=0.2"], plugin.instance),
            Budget(evaluations=130),
            seed=5,
        )
        made.append(tmp_path / f"run{len(made)}")
        return Run(configuration, RunDirectory.create(made[-1]))

    return start


def test_the_last_choice_is_saved_although_an_earlier_one_had_more_luck(tmp_path):
    out = tmp_path / "run"
    arguments = ("--evaluations", "100", "--seed", "3", "-a", "rescore=0.5", "--out", str(out))
    run("bitstring", "--algorithm", "random", "-o", "noise=2.0", *arguments)
    best = json.loads((out / "best.json").read_text())
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert best["fitness"] < max(line["best"] for line in log)
    assert best["generation"] == log[-1]["generation"]


def test_an_archive_answers_a_second_run(tmp_path):
    archive = ("-a", f"archive={tmp_path / 'scores'}", "-a", "policy=reuse")
    arguments = ("bitstring", "--algorithm", "aging", "--evaluations", "80", "--seed", "1")
    for number, hits in ((1, range(81)), (2, [80])):
        out = tmp_path / f"run{number}"
        run(*arguments, "-o", "bits=6", *archive, "--out", str(out))
        last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
        assert last["archive_hits"] in hits
    assert (tmp_path / "scores").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("xor", "--algorithm", "aging"),
            '"aging" searches architectures, and "xor" is not about those. Try: deapnets run xor '
            "--algorithm ga",
        ),
        (
            ("bitstring",),
            '"ga" evolves weights, and "bitstring" is not about those. Try: deapnets run bitstring '
            "--algorithm aging",
        ),
        (
            ("bitstring", "--algorithm", "aging", "--evaluations", "50"),
            "A budget of 50 evaluations is not above the population of 50: this never evolves.",
        ),
        (("bitstring", "--algorithm", "agign"), 'Unknown algorithm "agign". Did you mean "aging"?'),
        (
            ("bitstring", "--algorithm", "local", "-a", "policy=never", "-a", "archive=a"),
            'The policy of an archive is "always", "reuse"',
        ),
    ],
)
def test_what_does_not_fit_together_is_one_line_and_leaves_no_run(
    arguments, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["run", *arguments])
    assert (result.exit_code, message in result.output) == (2, True), result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (AgingSettings, {"population": 0}, "population is at least 1, got 0"),
        (NonAgingSettings, {"tournsize": 0}, "tournsize is at least 1, got 0"),
        (RandomSettings, {"rescore": 1.0}, r"rescore is a part of the budget in \[0, 1\), got 1.0"),
        (LocalSettings, {"leaders": 0}, "leaders is at least 1, got 0"),
        (PairsSettings, {"window": 0}, "window is at least 1, got 0"),
        (ReinforceSettings, {"eta": 0.5}, "eta is above 1, or 0 for one fidelity; got 0.5"),
    ],
)
def test_settings_that_cannot_be_are_refused(kind, options, message):
    with pytest.raises(OptionError, match=message):
        kind(**options)


def test_settings_of_searches_stand_in_the_configuration(tmp_path):
    out = tmp_path / "run"
    arguments = ("--evaluations", "60", "--seed", "1", "--out", str(out))
    run("bitstring", "--algorithm", "aging", *arguments)
    config = json.loads((out / "config.json").read_text())
    assert set(config["algorithm_options"]) == {f.name for f in dataclasses.fields(AgingSettings)}
    assert config["algorithm_options"]["population"] == 50
    assert config["space"] == {"name": "bitstring", "bits": 100}


def test_a_search_is_resumed_from_the_command_line(tmp_path):
    out = str(tmp_path / "run")
    options = ("bitstring", "--algorithm", "aging", "--seed", "1", "--out", out)
    run(*options, "--evaluations", "150")
    result = CliRunner().invoke(main, ["resume", out, "--evaluations", "300", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["evaluations"] == 300
