"""``deapnets run --algorithm es`` and its like, from the words of the command to the files."""

from __future__ import annotations

import json

import pytest
from safetensors.torch import load_file

RUN = ("run", "xor", "--seed", "1", "--generations", "30")


def log(path):
    return [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", ["es", "pgpe", "snes", "sepcma"])
def test_a_strategy_runs_and_saves_its_best_network(name, deapnets, tmp_path):
    result = deapnets(*RUN, "--algorithm", name, "--out", "run", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    record = json.loads(result.stdout)
    assert record["best_source"] in ("champion", "centre", "average")
    assert record["evaluations"] == 31 * 100
    assert "sigma" in log(tmp_path / "run")[-1]
    assert len(load_file(tmp_path / "run" / "best.safetensors")) == 4


@pytest.mark.parametrize("name", ["es", "pgpe", "snes", "sepcma"])
def test_one_seed_gives_one_run(name, deapnets, tmp_path):
    for out in ("first", "second"):
        assert deapnets(*RUN, "--algorithm", name, "--out", out).exit_code == 0
    first, second = (log(tmp_path / out) for out in ("first", "second"))
    timeless = [{k: v for k, v in line.items() if k != "seconds"} for line in first]
    assert timeless == [{k: v for k, v in line.items() if k != "seconds"} for line in second]
    best = [(tmp_path / out / "best.safetensors").read_bytes() for out in ("first", "second")]
    assert best[0] == best[1]


def test_a_run_that_diverges_says_what_to_lower_and_saves_its_best_centre(refused, tmp_path):
    words = ("-a", "optimiser=sgd", "-a", "shaping=raw", "-a", "step=30", "-a", "step_end=1e8")
    error = refused(*RUN, "--algorithm", "es", *words, "--out", "run", "--json", code=1)
    assert "OpenES diverged in generation" in error
    assert "Give a smaller step or sigma" in error
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert record["status"] == "failed"
    assert record["generations"] > 0
    assert len(load_file(tmp_path / "run" / "best.safetensors")) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--population", "7"), "population is an even number of at least 2, got 7."),
        (("-a", "rank=3"), 'rank 3 is above what parameter "0.weight" of 4 x 2 has'),
        (("-a", "optimiser=adem"), 'Option "optimiser" expects adam | sgd, got "adem"'),
    ],
)
def test_what_a_strategy_cannot_use_is_one_line(words, message, refused, tmp_path):
    line = refused(*RUN, "--algorithm", "es", *words, "--out", "run", "--json", code=2)
    assert message in line
    assert not (tmp_path / "run" / "result.json").exists()


def test_full_noise_is_an_option(deapnets):
    assert deapnets(*RUN, "--algorithm", "es", "-a", "rank=none", "--out", "run").exit_code == 0
