"""Contracts find what breaks them: each broken thing fails the tests that are about it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

BROKEN = """
import random, threading
import torch
from torch import nn
import deapnets as dn
from deapnets.testing import (
    ArchitectureContract, AlgorithmContract, EngineContract, EvaluatorContract, GenomeContract,
    OperatorContract, SpaceContract, StrategyContract,
)

class Sound(dn.Evaluator):
    def __init__(self):
        self.net = nn.Linear(3, 2)
    def genome(self):
        return self.net
    def evaluate(self, networks):
        return networks(torch.ones(4, 3)).mean((1, 2))

class Forgetful(Sound):
    def genome(self):
        return nn.Linear(3, 2)

class Comparing(Sound):
    def evaluate(self, networks):
        values = super().evaluate(networks)
        return values - values.mean()

class Undecided(Sound):
    def evaluate(self, networks):
        return super().evaluate(networks) + random.random()

class Endless(Sound):
    def evaluate(self, networks):
        return super().evaluate(networks) / 0

class Stateless(Sound):
    fresh = True
    rows = None
    def prepare(self, population, generation, rng):
        self.rows = (self.rows or 0) + 1
    def evaluate(self, networks):
        return super().evaluate(networks) * self.rows
    def state_dict(self):
        return {}

class Locked(Sound):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

class TestSound(EvaluatorContract):
    cases = [(Sound, {})]
class TestForgetful(EvaluatorContract):
    cases = [(Forgetful, {})]
class TestComparing(EvaluatorContract):
    cases = [(Comparing, {})]
class TestUndecided(EvaluatorContract):
    cases = [(Undecided, {})]
class TestEndless(EvaluatorContract):
    cases = [(Endless, {})]
class TestStateless(EvaluatorContract):
    cases = [(Stateless, {})]
class TestLocked(EvaluatorContract):
    cases = [(Locked, {})]

@dn.operator(parents=1)
def mutInPlace(rows, draw):
    return rows[0].add_(1.0)

@dn.operator(parents=1)
def mutByCompany(rows, draw):
    return rows[0] - rows[0].mean(0) + draw.noise()

@dn.operator(parents=1)
def mutByTorch(rows, draw):
    return rows[0] + torch.randn_like(rows[0])

class TestOperators(OperatorContract):
    cases = [(mutInPlace, {}), (mutByCompany, {}), (mutByTorch, {})]

class Deaf(dn.OpenES):
    def _follow(self, told, sampler):
        return self.weights.clone()

class TestDeaf(StrategyContract):
    cases = [(Deaf, {"sigma": 0.1, "step": 0.1, "lambda_": 10})]

class TestNothing(EvaluatorContract):
    pass
"""


class Outcomes:
    """Notes what became of each test of a run inside the run."""

    def __init__(self) -> None:
        self.failed: dict[str, set[str]] = {}
        self.said: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            _, kind, name = report.nodeid.split("::")
            of = name.partition("[")[2].partition("-")[0].rstrip("]")
            self.failed.setdefault(of or kind, set()).add(name.partition("[")[0])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.said.append(str(report.longrepr))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    path: Path = tmp_path_factory.mktemp("contracts") / "test_broken.py"
    path.write_text(textwrap.dedent(BROKEN))
    found = Outcomes()
    (path.parent / "pytest.ini").write_text("[pytest]\naddopts = -q -p no:cacheprovider\n")
    options = ["--import-mode=importlib", "--continue-on-collection-errors"]
    pytest.main([*options, f"--rootdir={path.parent}", str(path)], [found])
    return found


@pytest.mark.parametrize(
    ("broken", "tests"),
    [
        ("Sound", set()),
        ("Forgetful", {"test_its_module_is_always_the_same_object"}),
        ("Comparing", {"test_a_chunk_has_the_fitness_of_its_networks_one_by_one"}),
        (
            "Undecided",
            {"test_one_seed_gives_one_fitness", "test_a_copy_in_a_worker_scores_alike"},
        ),
        ("Endless", {"test_fitness_is_finite_with_a_value_for_each_objective"}),
        ("Stateless", {"test_a_state_survives_a_file_and_another_evaluator_goes_on_from_it"}),
        ("Locked", {"test_a_copy_in_a_worker_scores_alike"}),
        (
            "mutInPlace",
            {"test_parents_are_left_as_they_were_and_lent_to_no_child"},
        ),
        ("mutByCompany", {"test_a_child_alone_is_the_child_in_company"}),
        ("mutByTorch", {"test_it_draws_from_nothing_but_its_seed"}),
        ("Deaf", {"test_the_centre_comes_nearer_to_the_optimum"}),
    ],
)
def test_what_is_broken_fails_the_tests_that_are_about_it(outcomes, broken, tests):
    failed = outcomes.failed.get(broken, set())
    assert tests <= failed
    assert bool(tests) == bool(failed)


def test_a_contract_without_cases_says_what_to_write(outcomes):
    assert any("TestNothing has nothing to test: write cases = [(WHAT" in s for s in outcomes.said)
