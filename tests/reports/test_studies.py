"""The file of a study: cells as they are done, of one plan alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from deapnets.errors import RunError
from deapnets.reports.statistics import compare_pairs
from deapnets.reports.studies import StudyFile, paired_tests
from deapnets.runs.directory import RunDirectory


@dataclass(frozen=True)
class Plan:
    seeds: int = 2
    epochs: int = 3


@pytest.fixture
def directory(tmp_path):
    return RunDirectory(tmp_path)


def study(directory, plan=None):
    return StudyFile(directory, "study.json", plan or Plan(), "deapnets")


def test_cells_stand_in_the_file_as_soon_as_they_are_done(directory):
    file = study(directory)
    with ThreadPoolExecutor(1) as pool:
        started = {pool.submit(lambda n=n: {"value": n}): f"cell {n}" for n in range(3)}
        for name, cell in file.collect(started):
            assert study(directory).read()["cells"][name] == cell
    found = study(directory).read()
    assert found["cells"] == {f"cell {n}": {"value": n} for n in range(3)}
    assert (found["seeds"], found["epochs"]) == (2, 3)
    assert "deapnets" in found["environment"]["versions"]


def test_a_study_that_goes_on_keeps_what_was_done(directory):
    for name in ("first", "second"):
        with ThreadPoolExecutor(1) as pool:
            assert dict(study(directory).collect({pool.submit(int): name})) == {name: 0}
    assert list(study(directory).read()["cells"]) == ["first", "second"]


def test_the_file_of_another_plan_is_refused(directory):
    study(directory).write(study(directory).read())
    with pytest.raises(RunError, match=r"study\.json is of seeds=2, not 5\. Give another --out\."):
        study(directory, Plan(seeds=5)).read()


def test_tests_are_those_of_the_statistics_and_name_themselves():
    values = {"a": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "b": [0.5, 1.0, 2.5, 3.0, 4.5, 5.0]}
    (found,) = paired_tests(values, [("a", "b")], unit="points")
    (test,) = compare_pairs(values, [("a", "b")], unit="points")
    assert found["p"] == test.p
    assert found["verdict"] == test.verdict
    assert found["test"] == "Wilcoxon signed-rank; Holm"
