"""Loggers that are broken, and the clause of the contract that is about each."""

from __future__ import annotations

from deapnets.loggers.base import Logger
from deapnets.testing import LoggerContract


class Sound(Logger):
    """Nothing is wrong with it."""

    def begin(self, directory, configuration, history):
        self.directory, self.records = directory, [dict(record) for record in history]

    def log(self, record):
        self.records.append(dict(record))


class Literal(Sound):
    def log(self, record):
        self.records.append({name: float(value) for name, value in record.items()})


class Counting(Sound):
    def begin(self, directory, configuration, history):
        self.count = len(history)
        super().begin(directory, configuration, history)


class Editing(Sound):
    def log(self, record):
        record["seconds"] = round(record["seconds"])


class Littering(Sound):
    def log(self, record):
        (self.directory / "log.csv").write_text(str(record))


SOUND = Sound
BROKEN = {
    Literal: "test_it_takes_words_lists_and_numbers_that_are_not_finite",
    Counting: "test_it_goes_on_from_a_history",
    Editing: "test_records_stay_as_they_are",
    Littering: "test_the_runs_own_files_are_left_alone",
}


class TestLoggers(LoggerContract):
    cases = [(kind, {}) for kind in (SOUND, *BROKEN)]
