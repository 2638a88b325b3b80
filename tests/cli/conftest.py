"""The command in this process, in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deapnets.cli import main


@pytest.fixture
def deapnets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a function that calls the command with words; the working folder is `tmp_path`."""
    monkeypatch.chdir(tmp_path)

    def deapnets(*words: object) -> Result:
        result = CliRunner().invoke(main, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return deapnets


@pytest.fixture
def refused(deapnets: Callable[..., Result]) -> Callable[..., str]:
    """Return a function that calls the command and gives its one line of error.

    ``code`` is the exit code that it must have; nothing else may be printed before the error.
    """

    def refused(*words: object, code: int) -> str:
        result = deapnets(*words)
        assert (result.exit_code, result.stdout) == (code, ""), result.output
        (line,) = result.stderr.splitlines()
        return line

    return refused
