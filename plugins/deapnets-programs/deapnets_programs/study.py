"""``deapnets study rule``: what evolution finds, beside random search and rules of people."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from deapnets.errors import RunError, at_least_one
from deapnets.programs.printing import mathematics
from deapnets.programs.reducing import reduced
from deapnets.programs.tuning import tune_es
from deapnets.reports.studies import StudyFile, paired_tests
from deapnets.runs.budget import Budget
from deapnets.runs.configuring import Configuration, make_evaluator, make_settings
from deapnets.runs.directory import RunDirectory
from deapnets.runs.resuming import stored_configuration
from deapnets.runs.running import Run
from deapnets_programs.rule import Rule
from deapnets_programs.rules import (
    BASELINES,
    REFERENCES,
    Tuned,
    tuned_baseline,
    tuned_reference,
)

SEARCHES = {"evolved": "tournament", "random search": "random"}
"""What is searched by: the selection of ``gp``, under the name of its column."""

FILE = "rule.json"

TUNING = 40
"""Steps of the (1+1)-ES that tunes the constants of what a search found, on all known lessons."""

_TUNED_ON = 3
"""Known lessons on which step sizes of people's rules are chosen."""


@final
@dataclass(frozen=True)
class Plan:
    """How large the study is.

    Parameters
    ----------
    seeds
        How many times everything is done, with tasks of their own.
    evaluations
        Programs that each search may score.
    tasks, steps, unseen
        As the evaluator ``rule`` takes them.
    """

    seeds: int = 10
    evaluations: int = 4500
    tasks: int = 12
    steps: int = 200
    unseen: int = 24

    def __post_init__(self) -> None:
        at_least_one(**asdict(self))

    def options(self, seed: int) -> list[str]:
        """Return the evaluator's options for a seed."""
        names = ("tasks", "steps", "unseen")
        return [f"{name}={getattr(self, name)}" for name in names] + [f"seed={seed}"]


def cells(plan: Plan) -> list[tuple[str, int]]:
    """Return what there is to do: a search, or ``people`` for the rules of people, and a seed."""
    seeds = range(1, plan.seeds + 1)
    return [(name, seed) for seed in seeds for name in (*SEARCHES, "people")]


def run_cells(
    plan: Plan, directory: RunDirectory, workers: int | None = None, most: int | None = None
) -> Iterator[str]:
    """Run the cells that ``rule.json`` does not hold yet, at most so many; yield each one's name.

    A cell is a process, and a search a run of its own in the directory, that goes on where it was.

    Raises
    ------
    RunError
        When the file is of another plan.
    """
    file = _file(plan, directory)
    done = file.read()["cells"]
    missing = [cell for cell in cells(plan) if _name(*cell) not in done][:most]
    if not missing:
        return
    workers = min(workers or multiprocessing.cpu_count(), len(missing))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        started = {
            pool.submit(_cell, plan, *cell, directory.path): _name(*cell) for cell in missing
        }
        for name, _ in file.collect(started):
            yield name


def _name(column: str, seed: int) -> str:
    return f"{column}/{seed}"


def _cell(plan: Plan, column: str, seed: int, folder: Path) -> dict[str, Any]:
    torch.set_num_threads(1)  # the cells are what runs side by side
    began = time.perf_counter()
    found = people(plan, seed) if column == "people" else search(plan, column, seed, folder)
    return {**found, "seconds": time.perf_counter() - began}


def search(plan: Plan, column: str, seed: int, folder: Path) -> dict[str, Any]:
    """Return the program that a search found, with tuned constants, and its scores."""
    run = _run_of(plan, column, seed, RunDirectory(folder / f"{column.replace(' ', '-')}-{seed}"))
    for _ in run:
        pass
    evaluator, champion = run.configuration.evaluator, run.champion.individual
    assert isinstance(evaluator, Rule)
    space = evaluator.space()

    def worth(nodes: Any) -> float:
        return float(evaluator.score([nodes], evaluator.known)[0])

    random.seed(seed)
    before = reduced(space.parse_genes(str(champion)), space)
    tuned, known = tune_es(before, worth, TUNING)
    return {
        "program": space.text(tuned),
        "untuned": str(champion),
        "nodes": len(tuned),
        "known": known,
        "validation": float(evaluator.score([tuned], evaluator.validation)[0]),
        "unseen": float(evaluator.score([tuned], evaluator.unseen)[0]),
        "mathematics": mathematics(tuned, space.pset, digits=3),
        "evaluations": run.directory.read("result.json")["evaluations"],
    }


def _run_of(plan: Plan, column: str, seed: int, directory: RunDirectory) -> Run:
    """Return the run of a search, in its directory: a new one, or the one that is there."""
    if directory.has("config.json"):
        return Run(stored_configuration(directory), directory, resumes=True)
    plugin = make_evaluator("rule", plan.options(seed))
    settings = make_settings("gp", [f"selection={SEARCHES[column]}"], plugin.instance)
    budget = Budget(None, None, plan.evaluations, None)
    configuration = Configuration(plugin, "gp", settings, budget, seed, device="cpu")
    return Run(configuration, RunDirectory.create(directory.path))


def people(plan: Plan, seed: int) -> dict[str, Any]:
    """Return the rules of people at their best step sizes, and their scores on unseen tasks."""
    instance = make_evaluator("rule", plan.options(seed)).instance
    assert isinstance(instance, Rule)
    known, unseen = instance.known[:_TUNED_ON], instance.unseen
    rules: list[Tuned] = [tuned_baseline(n, instance.space(), known, unseen) for n in BASELINES]
    rules += [tuned_reference(name, known, unseen) for name in REFERENCES]
    return {
        "rules": {
            rule.name: {"program": rule.text, "unseen": float(rule.scores.mean())} for rule in rules
        }
    }


def _file(plan: Plan, directory: RunDirectory) -> StudyFile:
    return StudyFile(directory, FILE, plan, "deapnets-programs")


def report(plan: Plan, directory: RunDirectory) -> dict[str, Any]:
    """Return the study from ``rule.json``, with statistics and a verdict, and write it.

    Raises
    ------
    RunError
        When no seed is complete yet.
    """
    file = _file(plan, directory)
    found = file.read()
    seeds = [
        seed
        for seed in range(1, plan.seeds + 1)
        if all(_name(column, seed) in found["cells"] for column in (*SEARCHES, "people"))
    ]
    if not seeds:
        raise RunError(f"No seed of {directory.path / FILE} is complete: deapnets study rule")
    values = scores_by_rule(found["cells"], seeds)
    found["complete"] = seeds
    found["rows"] = [
        {"rule": name, "mean": float(np.mean(v)), "std": float(np.std(v, ddof=1)), "seeds": len(v)}
        if len(v) > 1
        else {"rule": name, "mean": v[0], "std": 0.0, "seeds": 1}
        for name, v in values.items()
    ]
    others = [name for name in values if name != "evolved"]
    found["tests"] = paired_tests(values, [("evolved", other) for other in others])
    found["verdict"] = verdict(values, found["tests"])
    return file.write(found)


def scores_by_rule(done: dict[str, Any], seeds: list[int]) -> dict[str, list[float]]:
    """Return the scores on unseen tasks, a column a rule."""
    columns = {name: [done[_name(name, s)]["unseen"] for s in seeds] for name in SEARCHES}
    for name in (*BASELINES, *REFERENCES):
        columns[name] = [done[_name("people", s)]["rules"][name]["unseen"] for s in seeds]
    return columns


def verdict(values: dict[str, list[float]], tests: list[dict[str, Any]]) -> list[str]:
    """Return what the study says, a sentence a finding, from its numbers alone."""
    own = values["evolved"]
    said = {test["b"]: test["verdict"] for test in tests}
    sentences = []
    for other, words in (
        ("noise", "beats noise training"),
        ("spsa", "reaches simultaneous perturbation"),
        ("random search", "reaches random search with as many programs"),
    ):
        strict = other == "noise"
        won = sum(a > b if strict else a >= b for a, b in zip(own, values[other], strict=True))
        sentences.append(
            f"What evolved {words} on unseen tasks in {won} of {len(own)} seeds: "
            f"{np.mean(own):.3f} against {np.mean(values[other]):.3f}; {said[other]}."
        )
    for reference, words in (("delta", "the delta rule"), ("backprop", "back-propagation")):
        sentences.append(
            f"With {words}, which is told the error, it would be {np.mean(values[reference]):.3f}."
        )
    return sentences
