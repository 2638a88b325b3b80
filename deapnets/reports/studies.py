"""What studies share: cells in a file that a killed study goes on with, and how they are tested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import asdict
from typing import Any, final

from deapnets.errors import RunError
from deapnets.reports.statistics import compare_pairs
from deapnets.runs.directory import RunDirectory
from deapnets.runs.environment import environment


@final
class StudyFile:
    """The file of a study: its plan, the environment, and every cell that is done.

    Parameters
    ----------
    directory
        Where the study is.
    name
        Of the file: ``noise.json``.
    plan
        How large the study is, a dataclass of JSON values: the file of another plan is refused.
    distribution
        Which package brings the study: the environment names its version.
    """

    def __init__(self, directory: RunDirectory, name: str, plan: Any, distribution: str) -> None:
        self._directory, self._name = directory, name
        self._plan, self._distribution = asdict(plan), distribution

    def read(self) -> dict[str, Any]:
        """Return what is there already, or the beginning of it: ``cells`` by their names.

        Raises
        ------
        RunError
            When the file is of another plan.
        """
        if not self._directory.has(self._name):
            return {**self._plan, "environment": environment(self._distribution), "cells": {}}
        found = self._directory.read(self._name)
        for name, value in self._plan.items():
            if found.get(name) != value:
                raise RunError(
                    f"{self._directory.path / self._name} is of {name}={found.get(name)}, not "
                    f"{value}. Give another --out."
                )
        return found

    def write(self, found: dict[str, Any]) -> dict[str, Any]:
        """Put the whole study in place; return it as it stands there."""
        self._directory.write(self._name, found)
        return self._directory.read(self._name)

    def collect(self, started: Mapping[Future[Any], str]) -> Iterator[tuple[str, Any]]:
        """Write each cell down as soon as it is done; yield its name and what it gave."""
        done = self.read()
        for future in as_completed(started):
            name = started[future]
            done["cells"][name] = future.result()
            self._directory.write(self._name, done)
            yield name, done["cells"][name]


def paired_tests(
    values: Mapping[str, Sequence[float]], pairs: Sequence[tuple[str, str]], **units: Any
) -> list[dict[str, Any]]:
    """Return `deapnets.reports.statistics.compare_pairs` as JSON values that name the test."""
    tests = compare_pairs(values, pairs, **units)
    return [{**asdict(test), "test": "Wilcoxon signed-rank; Holm"} for test in tests]
