"""Contracts find what breaks them: each clause fails for something that breaks it."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BROKEN = Path(__file__).parent / "broken"
MODULES = sorted(path.stem for path in BROKEN.glob("*.py"))


class Outcomes:
    """Notes what became of each test of a run inside the run."""

    def __init__(self) -> None:
        self.failed: dict[str, set[str]] = defaultdict(set)
        self.tests: set[str] = set()
        self.said: list[str] = []
        self.module: ModuleType

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        _, kind, name = report.nodeid.split("::")
        test, _, case = name.partition("[")
        self.tests.add(test)
        if report.failed:
            for broken in (kind.removeprefix("Test"), *case.rstrip("]").split("-")):
                self.failed[broken].add(test)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.said.append(str(report.longrepr))

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep what is sound with every clause, and what is broken with that which is about it."""
        self.module = items[0].module
        clauses = {broken.__name__: clause for broken, clause in self.module.BROKEN.items()}
        items[:] = [
            item
            for item in items
            if all(
                clauses.get(name, item.originalname) == item.originalname for name in names(item)
            )
        ]


def names(item: Any) -> list[str]:
    """Return what a test may be about: what its class is called after, and its case."""
    return [item.cls.__name__.removeprefix("Test"), *item.callspec.id.split("-")]


@cache
def outcomes(module: str) -> Outcomes:
    """Run the tests of a module of broken things."""
    found = Outcomes()
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "--noconftest"]
    options += ["--continue-on-collection-errors", f"--rootdir={BROKEN}", "-c", os.devnull]
    path = list(sys.path)
    sys.path.insert(0, str(BROKEN / "importable"))
    try:
        pytest.main([*options, str(BROKEN / f"{module}.py")], [found])
    finally:
        sys.path[:] = path
    return found


@pytest.mark.parametrize("module", MODULES)
def test_what_is_sound_fails_nothing(module):
    found = outcomes(module)
    assert found.failed[found.module.SOUND.__name__] == set()


@pytest.mark.parametrize("module", MODULES)
def test_what_is_broken_fails_the_clause_that_is_about_it(module):
    found = outcomes(module)
    for broken, clause in found.module.BROKEN.items():
        assert clause in found.failed[broken.__name__], broken.__name__


@pytest.mark.parametrize("module", MODULES)
def test_every_clause_can_fail(module):
    found = outcomes(module)
    assert found.tests == set(found.module.BROKEN.values())


def test_every_contract_is_broken():
    from deapnets import testing

    contracts = {name for name in testing.__all__ if name != "Contract"}
    text = "".join((BROKEN / f"{module}.py").read_text(encoding="utf-8") for module in MODULES)
    assert {name for name in contracts if f"({name})" in text} == contracts


def test_a_contract_without_cases_says_what_to_write():
    said = outcomes("evaluators").said
    assert any("TestNothing has nothing to test: write cases = [(WHAT" in s for s in said)
