"""Run directories to report on: small ones that were run, and some that were written by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deapnets.cli import main


def run(out: Path, *arguments: str) -> Path:
    """Run the command and return the directory."""
    result = CliRunner().invoke(main, ["run", *arguments, "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run of xor: look, do not touch."""
    out = tmp_path_factory.mktemp("finished") / "first"
    return run(out, "xor", "--generations", "40", "--population", "40", "--seed", "1")


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished search: look, do not touch."""
    out = tmp_path_factory.mktemp("searched") / "search"
    return run(out, "bitstring", "--algorithm", "aging", "--evaluations", "150", "--seed", "1")


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished run, to be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "copied"))


@pytest.fixture
def written(copied: Path) -> Callable[..., Path]:
    """Return a function that changes fields of a JSON file of the copied run."""

    def written(file: str, **fields: Any) -> Path:
        path = copied / file
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
        return copied

    return written
