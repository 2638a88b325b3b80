"""`LoggerContract`: a logger takes whatever a record holds, and leaves the run's files alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from deapnets.loggers.base import Logger
from deapnets.testing.contract import Contract


def records() -> list[dict[str, Any]]:
    """Return three records of a log, with whatever may stand in one."""
    return [
        {"generation": 0, "best": -1.0, "seconds": 0.1, "faults": 0, "validation_loss": None},
        {"generation": 1, "best": -0.5, "seconds": 0.2, "faults": 1, "phases": {"saving": 0.1}},
        {"generation": 2, "best": math.nan, "note": "a word", "names": ["a", "b"], "done": True},
    ]


class LoggerContract(Contract):
    """What every `deapnets.loggers.base.Logger` does; ``cases`` are pairs of class and options.

    class TestMine(LoggerContract):
        cases = [(MyLogger, {})]
    """

    @pytest.fixture
    def logger(self, case: Any) -> Logger:
        """Return the logger."""
        logger: Logger = case[0](**case[1])
        assert isinstance(logger, Logger)
        return logger

    def test_it_takes_words_lists_and_numbers_that_are_not_finite(
        self, logger: Logger, tmp_path: Path
    ) -> None:
        logger.begin(tmp_path, {"evaluator": "xor", "options": {"hidden": 4}}, [])
        for record in records():
            logger.log(record)
        logger.end({"status": "finished", "generations": 2, "metrics": {"loss": None}})

    def test_it_goes_on_from_a_history(self, case: Any, logger: Logger, tmp_path: Path) -> None:
        first, second, third = records()
        logger.begin(tmp_path, {}, [])
        logger.log(first)
        logger.end({"status": "interrupted", "generations": 0, "metrics": {}})
        again = case[0](**case[1])
        again.begin(tmp_path, {}, iter([first, second]))
        again.log(third)
        again.end({"status": "finished", "generations": 2, "metrics": {"loss": 0.5}})

    def test_records_stay_as_they_are(self, logger: Logger, tmp_path: Path) -> None:
        first, second, _ = records()
        logger.begin(tmp_path, {}, [first])
        logger.log(second)
        logger.end({"generations": 1, "metrics": {}})
        assert [first, second] == records()[:2]

    def test_the_runs_own_files_are_left_alone(self, logger: Logger, tmp_path: Path) -> None:
        for name in ("config.json", "log.jsonl", "result.json"):
            (tmp_path / name).write_text("{}\n")
        logger.begin(tmp_path, {}, [])
        logger.log(records()[0])
        logger.end({"generations": 0, "metrics": {}})
        files = [path for path in tmp_path.iterdir() if path.is_file()]
        assert sorted(path.name for path in files) == ["config.json", "log.jsonl", "result.json"]
        assert {path.read_text() for path in files} == {"{}\n"}
