"""``deapnets compare``: what it prints, and what it refuses in one line."""

import json

WORDS = ("compare", "xor", "--algorithms", "ga", "--evaluations", 60, "-a", "ga.population=20")
WORDS = (*WORDS, "-a", "random.population=20", "--seeds", 2, "--out", "c")


def test_table_and_verdicts_are_printed(deapnets, tmp_path):
    result = deapnets(*WORDS)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("1/6  ga, seed 1: test_accuracy ")
    assert "algorithm  test_accuracy, %  deviation  evaluations  forwards" in result.stdout
    assert "ga and random: too few seeds to tell: 2, and it takes 10" in lines
    assert lines[-2:] == ["c/comparison.json", "c/comparison.png"]
    assert "1/6  ga, seed 1: test_accuracy" in deapnets(*WORDS).stdout.splitlines()[0]
    assert deapnets(*WORDS).stdout.splitlines()[0].endswith(", was there")


def test_json_is_all_that_is_printed(deapnets):
    report = json.loads(deapnets(*WORDS, "--json").stdout)
    assert [row["algorithm"] for row in report["rows"]] == ["ga", "random", "adam", "constant"]


def test_unknown_algorithm_is_one_line(refused):
    line = refused("compare", "xor", "--algorithms", "gaa", code=2)
    assert line.startswith('Error: Unknown algorithm "gaa". Did you mean "ga"? Valid: ')
