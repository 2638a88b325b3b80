"""A table of made-up figures for all cells of NAS-Bench-201, and the real one if it is there."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import deapnets as dn

COLUMNS = [
    "architecture",
    "validation_accuracy_200ep_run1",
    "validation_accuracy_200ep_run2",
    "validation_accuracy_200ep_run3",
    "validation_accuracy_12ep",
    "test_accuracy_200ep",
    "train_seconds_per_epoch",
]


def made_up(genes: tuple[int, ...], rng: random.Random) -> dict[str, Any]:
    """Return a cell's row: better the more 3x3 convolutions it has."""
    worth = 60.0 + 5.0 * genes.count(3) + sum(genes) / 10.0
    runs = [f"{worth + rng.gauss(0, 0.5):.3f}" for _ in range(rng.randrange(1, 4))]
    figures = [*runs, *[""] * (3 - len(runs)), worth - 10.0, worth, 2.0 + genes.count(3)]
    return dict(zip(COLUMNS, [str(dn.CellGenome(dn.NASBENCH201, genes)), *figures], strict=True))


@pytest.fixture(scope="session")
def rows() -> list[dict[str, Any]]:
    """Return a row for each of the 15,625 cells."""
    rng = random.Random(1)
    return [made_up(genes, rng) for genes in itertools.product(range(5), repeat=6)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes rows as a table; the name's ending says how."""

    def write(rows: list[dict[str, Any]], name: str = "table.csv.gz") -> Path:
        path = tmp_path / name
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        content = text.getvalue().encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.fixture
def real_table() -> Path:
    """Return the published table; the test is skipped where it is not there."""
    root = os.environ.get("DEAPNETS_DATA")
    path = Path(root or "") / "nasbench201" / "cifar10.csv.gz"
    if not root or not path.is_file():
        pytest.skip("needs nasbench201/cifar10.csv.gz in the folder of DEAPNETS_DATA")
    return path
