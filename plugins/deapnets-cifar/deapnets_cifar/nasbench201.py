"""The evaluator ``nasbench201``: 15,625 cells whose training is looked up in a table."""

from __future__ import annotations

import csv
import functools
import gzip
import math
import os
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar, NamedTuple, final

import deapnets as dn
from deapnets.errors import ArchitectureError, DataError
from deapnets.evaluators.architectures import ArchitectureEvaluator, Outcome

if TYPE_CHECKING:
    import torch
    from torch import nn

    from deapnets.evaluators.census import Census

_RUNS = re.compile(r"validation_accuracy_200ep_run\d+")
_COLUMNS = (
    "architecture",
    "validation_accuracy_12ep",
    "test_accuracy_200ep",
    "train_seconds_per_epoch",
)

SHORT, FULL = 12.0, 200.0
"""Epochs of the two schedules that the table knows."""


class Row(NamedTuple):
    """What is known of one cell; accuracies are fractions."""

    runs: tuple[float, ...]  # validation accuracy after 200 epochs, a run each
    short: float  # validation accuracy after the schedule of 12 epochs
    test: float  # mean test accuracy after 200 epochs
    seconds: float  # of one epoch


@final
class NasBench201(ArchitectureEvaluator):
    """NAS-Bench-201: cells that were all trained once, so that a search takes milliseconds.

    An evaluation draws one of the validation runs of 200 epochs, as if the cell had been trained
    now: noise included. The test accuracy is seen in the result alone.

    Parameters
    ----------
    table
        A CSV file, .gz or not, with the columns of $DEAPNETS_DATA/nasbench201/cifar10.csv.gz, which
        is used by default: architecture, validation_accuracy_200ep_run1 (2, 3 ...; may be empty),
        validation_accuracy_12ep, test_accuracy_200ep, train_seconds_per_epoch.

    Notes
    -----
    Source: Dong & Yang 2020, "NAS-Bench-201: extending the scope of reproducible neural
    architecture search", arXiv 2001.00326.
    """

    fidelities = (SHORT, FULL)

    settings: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "aging": {"population": 50, "tournsize": 10},
        "nonaging": {"population": 50, "tournsize": 10},
        "pairs": {"population": 20},
    }

    def __init__(self, *, table: Path | None = None) -> None:
        self._table = table

    def find_data(self) -> str:
        """Return the path of the table."""
        path = self._table or default_table()
        if not path.is_file():
            raise DataError(f"{path} is missing. Give table=PATH, or set DEAPNETS_DATA.")
        return str(path)

    @functools.cached_property
    def rows(self) -> dict[str, Row]:
        """The table by the architectures' texts, read on first use."""
        path = self._table or default_table()
        try:
            changed = path.stat().st_mtime_ns
        except OSError as error:
            raise DataError(
                f"{path} cannot be read: {error.strerror}. Give table=PATH, or set DEAPNETS_DATA "
                "to the folder that holds nasbench201/cifar10.csv.gz."
            ) from error
        return read_table(path, changed)

    @functools.cached_property
    def _best(self) -> float:
        return max(row.test for row in self.rows.values())

    def __getstate__(self) -> dict[str, object]:
        """Leave the table out: another process reads it itself."""
        return {"_table": self._table}

    def space(self) -> dn.CellSpace:
        """Return the space of the 15,625 cells."""
        return dn.NASBENCH201

    def open(self) -> None:
        """Read the table: what is wrong with it is said before a run begins."""
        _ = self.rows

    def row(self, individual: dn.SpaceGenome) -> Row:
        """Return what the table knows of a cell.

        Raises
        ------
        ArchitectureError
            When the cell is not in the table.
        """
        try:
            return self.rows[str(individual)]
        except KeyError:
            raise ArchitectureError(f"{individual} is not in the table.") from None

    def evaluate_one(self, individual: dn.SpaceGenome, fidelity: float, rng: dn.Stream) -> Outcome:
        """Return one validation run's accuracy in [0, 1], and the seconds that training took."""
        row = self.row(individual)
        if fidelity == SHORT:
            return Outcome((row.short,), SHORT * row.seconds)
        return Outcome((row.runs[rng.below(len(row.runs))],), FULL * row.seconds)

    def measure(self, individual: dn.SpaceGenome) -> dict[str, float]:  # type: ignore[override]  # an architecture
        """Return the figures of the report, accuracies in [0, 1].

        ``test_accuracy``; ``validation_accuracy``, the mean of all runs; ``regret``, what the best
        cell's test accuracy is above this one's; ``is_best``, 1.0 where that is nothing.
        """
        self.row(individual)  # says what is not in the table
        return self.look_up(str(individual))

    def prototype(self, individual: dn.SpaceGenome) -> tuple[nn.Module, torch.Tensor]:
        """Return a small untrained network of the cell, and random images: there are no real ones.

        A cell a stage, 8 channels in the first, 16x16 pixels.
        """
        import torch

        small = dn.CellGenome(_small_space(), individual.genes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return small.module(), torch.randn(32, 3, 16, 16)

    def look_up(self, architecture: str) -> dict[str, float]:
        """Return the figures of `measure`; nothing of what is not in the table."""
        row = self.rows.get(architecture)
        if row is None:
            return {}
        best = self._best
        return {
            "test_accuracy": row.test,
            "validation_accuracy": math.fsum(row.runs) / len(row.runs),
            "regret": best - row.test,
            "is_best": float(best - row.test < 5e-6),
        }

    def census(self) -> Census:
        """Return every validation run: cells are drawn alike, and so are the runs of one."""
        return self._census

    @functools.cached_property
    def _census(self) -> Census:
        import numpy as np

        from deapnets.evaluators.census import Census

        rows = list(self.rows.values())
        counts = np.array([len(row.runs) for row in rows])
        known = [self.look_up(text) for text in self.rows]
        return Census(
            scores=np.array([score for row in rows for score in row.runs]),
            chances=np.repeat(1.0 / (len(rows) * counts), counts),
            figures={n: np.repeat([one[n] for one in known], counts) for n in known[0]},
            seconds=np.repeat([FULL * row.seconds for row in rows], counts),
        )


@functools.lru_cache(maxsize=1)
def _small_space() -> dn.CellSpace:
    from deapnets.architectures.operations import NASBENCH201_OPERATIONS

    return dn.CellSpace(
        "nb201-small",
        operations=NASBENCH201_OPERATIONS,
        wiring="complete",
        combinations=3,
        stack=1,
        width=8,
    )


def default_table() -> Path:
    """Return where the table of CIFAR-10 is.

    Raises
    ------
    DataError
        When DEAPNETS_DATA does not say it.
    """
    folder = os.environ.get("DEAPNETS_DATA")
    if not folder:
        raise DataError(
            "NAS-Bench-201 needs its table: give table=PATH, or set DEAPNETS_DATA to the folder "
            "that holds nasbench201/cifar10.csv.gz."
        )
    return Path(folder) / "nasbench201" / "cifar10.csv.gz"


@functools.lru_cache(maxsize=8)
def read_table(path: Path, changed: int) -> dict[str, Row]:
    """Return the rows of a table by architecture; ``changed`` is when the file was written.

    Raises
    ------
    DataError
        When the file is damaged, a column is missing, or a row cannot be read: it is named.
    """
    try:
        with _opened(path) as lines:
            return _rows(csv.DictReader(lines), path)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is damaged: {error}.") from error


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _rows(reader: csv.DictReader[str], path: Path) -> dict[str, Row]:
    names = reader.fieldnames or ()
    runs = [name for name in names if _RUNS.fullmatch(name)]
    missing = [name for name in _COLUMNS if name not in names]
    if missing or not runs:
        lacks = ", ".join(missing or ["validation_accuracy_200ep_run1"])
        raise DataError(f"{path} lacks the columns: {lacks}. It has: {', '.join(names) or 'none'}.")
    rows = {}
    for record in reader:
        try:
            rows[record["architecture"]] = _row(record, runs)
        except (ValueError, TypeError) as error:
            raise DataError(f"{path}, line {reader.line_num}, cannot be read: {error}.") from error
    if not rows:
        raise DataError(f"{path} holds no architecture.")
    return rows


def _row(record: Mapping[str, str], runs: list[str]) -> Row:
    accuracies = tuple(_fraction(record[name]) for name in runs if record[name])
    if not accuracies:
        raise ValueError("there is no validation accuracy")
    seconds = float(record["train_seconds_per_epoch"])
    if not 0.0 <= seconds < math.inf:
        raise ValueError(f"training takes {seconds} seconds")
    short = _fraction(record["validation_accuracy_12ep"])
    return Row(accuracies, short, _fraction(record["test_accuracy_200ep"]), seconds)


def _fraction(percent: str) -> float:
    value = float(percent)
    if not 0.0 <= value <= 100.0:
        raise ValueError(f"an accuracy is in percent, got {value}")
    return value / 100.0
