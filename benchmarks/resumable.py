"""Results of a benchmark that goes on where it was stopped: a JSON file, written run by run.

    results = Results(Path("results/quality.json"))
    for seed in (1, 2, 3):
        results.run(f"ga-120/{seed}", lambda: evolve(case, seed))  # not, if it is there
    runs = results.of("ga-120")

A run that fails leaves those before it; the next call begins with it.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from timing import Neighbours, hardware, versions, write


class Results:
    """The runs of a benchmark by their keys, and the machine that made the last of them.

    Parameters
    ----------
    path : Path
        The file; it need not be there yet.
    packages : iterable of str
        Distributions whose versions matter.

    Attributes
    ----------
    whole : dict
        What is in the file.
    """

    def __init__(self, path: Path, packages: Iterable[str] = ("deapnets", "deap", "torch")) -> None:
        self._path, self._packages = path, tuple(packages)
        self.whole: dict[str, Any] = {"runs": {}}
        if path.is_file():
            self.whole = json.loads(path.read_text(encoding="utf-8"))

    @property
    def runs(self) -> dict[str, dict[str, Any]]:
        """The runs by their keys."""
        found: dict[str, dict[str, Any]] = self.whole["runs"]
        return found

    def of(self, case: str) -> list[dict[str, Any]]:
        """Return the runs whose keys are ``case/...``, in the order in which they were made."""
        return [run for key, run in self.runs.items() if key.startswith(f"{case}/")]

    def run(self, key: str, call: Callable[[], dict[str, Any]]) -> bool:
        """Do a run unless it is there, and write it; return whether it was done.

        ``neighbours_cores`` of a run says how many cores other processes kept busy meanwhile.
        """
        if key in self.runs:
            return False
        with Neighbours() as neighbours:
            run = call()
        self.add(key, {**run, "neighbours_cores": neighbours.cores})
        return True

    def add(self, key: str, run: dict[str, Any]) -> None:
        """Write a run, and what machine and versions made it."""
        self.runs[key] = run
        self.write()
        print(key, run.get("metrics", ""), flush=True)

    def write(self) -> None:
        """Write the file."""
        self.whole |= {"hardware": hardware(), "versions": versions(self._packages)}
        write(self._path, self.whole)
