"""Which cells the study has, how they are run, and what they say together."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np
import torch

from deapnets.errors import at_least_one
from deapnets.reports.statistics import (
    LEVEL,
    friedman,
    median_interval,
    signed_rank,
)
from deapnets.reports.studies import StudyFile, paired_tests
from deapnets.runs.directory import RunDirectory
from deapnets_noise.cells import Bench, Cell, train_cell
from deapnets_noise.data import Binary, most_frequent, nearest_mean, threshold_on_ink

ELEVEN = (
    *("uniform", "laplace", "triangular", "beta", "binomial", "gumbel"),
    *("poisson", "rayleigh", "power", "pareto", "zipf"),
)
"""The named distributions that are compared with the gaussian."""

_NAMES = ("gaussian", *ELEVEN)

RELATIVES = ("accept", "annealing", "spsa", "es", "adam")
"""Rules with credit assignment, all with centred gaussian noise; back-propagation last."""

CONTROLS = (("gaussian", True), ("gumbel", False), ("beta", False))
"""Noises whose rule is also run with shuffled labels, and with a cost of 1."""

RATES = (0.001, 0.03)
"""Further step sizes of noise times cost, so that its own is not what decides."""

REFERENCE = Cell("cost", "gaussian", True)
"""The cell that every other one is tested against."""

FILE = "noise.json"


@final
@dataclass(frozen=True)
class Plan:
    """How large the study is.

    Parameters
    ----------
    seeds
        Networks of a cell.
    epochs
        Forward passes of every training image that each network may spend.
    """

    seeds: int = 30
    epochs: int = 20

    def __post_init__(self) -> None:
        at_least_one(**asdict(self))


def cells() -> list[Cell]:
    """Return every cell of the study: distributions, controls, step sizes, relatives."""
    named = [Cell("cost", name, centred) for centred in (True, False) for name in _NAMES]
    shuffled = [Cell("cost", name, centred, shuffled=True) for name, centred in CONTROLS]
    blind = [Cell("blind", name, centred) for name, centred in CONTROLS]
    rates = [Cell("cost", rate=rate) for rate in RATES]
    return [*named, *shuffled, *blind, *rates, *(Cell(rule) for rule in RELATIVES)]


def run_cells(
    plan: Plan, data: Binary, directory: RunDirectory, workers: int | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run the cells that ``noise.json`` does not hold yet; yield each as it is done.

    A cell is a thread, so that several run side by side; its numbers do not depend on the others.

    Raises
    ------
    RunError
        When the file is of another plan.
    """
    file = _file(plan, directory)
    done = file.read()["cells"]
    missing = [cell for cell in cells() if cell.name not in done]
    bench = Bench(data, plan.seeds)
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        yield from file.collect(
            {pool.submit(_timed, cell, bench, plan): cell.name for cell in missing}
        )


def _timed(cell: Cell, bench: Bench, plan: Plan) -> dict[str, Any]:
    torch.set_num_threads(1)  # of this thread: the cells are what runs side by side
    began = time.perf_counter()
    accuracies = train_cell(cell, bench, plan.epochs)
    return {
        **asdict(cell),
        "accuracies": accuracies.tolist(),
        "seconds": time.perf_counter() - began,
    }


def _file(plan: Plan, directory: RunDirectory) -> StudyFile:
    return StudyFile(directory, FILE, plan, "deapnets-noise")


def report(plan: Plan, data: Binary, directory: RunDirectory) -> dict[str, Any]:
    """Return the whole study from ``noise.json``, statistics and verdict added, and write it."""
    file = _file(plan, directory)
    found = file.read()
    values = {name: cell["accuracies"] for name, cell in found["cells"].items()}
    found["rows"] = [_row(name, accuracies) for name, accuracies in values.items()]
    found["fixed"] = {
        "threshold on the sum of the pixels": threshold_on_ink(data),
        "nearest class mean": nearest_mean(data),
        "most frequent class": most_frequent(data),
    }
    found["friedman"] = {
        how: friedman([values[Cell("cost", name, centred).name] for name in _NAMES])
        for how, centred in (("centred", True), ("raw", False))
    }
    others = [cell.name for cell in cells() if cell != REFERENCE]
    pairs = [(other, REFERENCE.name) for other in others]
    found["tests"] = paired_tests(values, pairs, unit="points", scale=100.0)
    found["verdict"] = verdict(found, values)
    return file.write(found)


def _row(name: str, accuracies: Sequence[float]) -> dict[str, Any]:
    low, high = median_interval(accuracies)
    middle = float(torch.tensor(accuracies, dtype=torch.float64).quantile(0.5))
    return {"cell": name, "seeds": len(accuracies), "median": middle, "low": low, "high": high}


def verdict(found: dict[str, Any], values: dict[str, Sequence[float]]) -> list[str]:
    """Return what the study says, a sentence a finding, from its numbers alone."""
    medians = {row["cell"]: row["median"] for row in found["rows"]}
    return [
        *_on_distributions(found, medians),
        _on_constants(found, values),
        _on_cost(values),
        _on_labels(values),
        _on_ink(found, medians),
        _on_credit(found, medians),
    ]


def _on_distributions(found: dict[str, Any], medians: dict[str, float]) -> list[str]:
    sentences = []
    for how, centred in (("centred", True), ("raw", False)):
        p = found["friedman"][how]
        lot = [Cell("cost", name, centred) for name in _NAMES]
        best = max(lot, key=lambda cell: medians[cell.name])
        differ = "differ" if p <= LEVEL else "do not differ beyond noise"
        sentences.append(
            f"With {how} noise the {len(lot)} distributions {differ} (Friedman, p = {p:.2g}); the "
            f"best median is {_percent(medians[best.name])}, of {best.distribution}."
        )
    return sentences


def _on_cost(values: dict[str, Sequence[float]]) -> str:
    told = [
        _contrast(values, noise, Cell("blind", *noise), "with a cost of 1") for noise in CONTROLS
    ]
    return f"What the cost contributes: {'; '.join(told)}."


def _on_labels(values: dict[str, Sequence[float]]) -> str:
    told = [
        _contrast(values, noise, Cell("cost", *noise, shuffled=True), "with shuffled labels")
        for noise in CONTROLS
    ]
    return f"What the labels contribute: {'; '.join(told)}."


def _contrast(
    values: dict[str, Sequence[float]], noise: tuple[str, bool], control: Cell, words: str
) -> str:
    """Return how the rule and its control compare, seed by seed."""
    own, other = values[Cell("cost", *noise).name], values[control.name]
    p, _ = signed_rank(own, other)
    difference = float(np.median(np.subtract(own, other)))
    name, centred = noise
    return (
        f"{'centred' if centred else 'raw'} {name} {_percent(float(np.median(own)))}, "
        f"{_percent(float(np.median(other)))} {words}; median difference of a seed "
        f"{100 * difference:+.2f} points (p = {p:.2g})"
    )


def _on_constants(found: dict[str, Any], values: dict[str, Sequence[float]]) -> str:
    """Say how many networks of the rule give one answer to every image."""
    frequent = found["fixed"]["most frequent class"]
    networks = [v for c in cells() if _is_the_rule(c) for v in values[c.name]]
    constant = sum(min(abs(v - frequent), abs(v - 1 + frequent)) < 1e-9 for v in networks)
    return (
        f"Of the {len(networks)} networks of noise times cost, {constant} give one answer to every "
        f"test image; the best of all is right on {_percent(max(networks))}."
    )


def _is_the_rule(cell: Cell) -> bool:
    return cell.rule == "cost" and not cell.shuffled


def _on_ink(found: dict[str, Any], medians: dict[str, float]) -> str:
    fixed = found["fixed"]
    ink = fixed["threshold on the sum of the pixels"]
    best = max(
        (cell.name for cell in cells() if _is_the_rule(cell)),
        key=lambda name: medians[name],
    )
    relation = "above" if medians[best] > ink else "below"
    return (
        f"Without a network, a threshold on the sum of the pixels is right on {_percent(ink)} of "
        f"the test images and the nearest class mean on {_percent(fixed['nearest class mean'])}; "
        f"the best median of noise times cost, {_percent(medians[best])} ({best}), is {relation} "
        "the threshold."
    )


def _on_credit(found: dict[str, Any], medians: dict[str, float]) -> str:
    tests = {test["a"]: test for test in found["tests"]}
    told = []
    for rule in RELATIVES:
        name = Cell(rule).name
        told.append(f"{rule} {_percent(medians[name])} (p = {tests[name]['p_holm']:.2g})")
    return (
        f"With credit for what helped, at the same number of forward passes: {', '.join(told)}, "
        f"against {_percent(medians[REFERENCE.name])} of centred gaussian noise times cost."
    )


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
