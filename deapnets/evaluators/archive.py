"""`ScoreArchive`: every score of every network, in a file that survives the run."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, final

from deapnets.errors import DataError, OptionError

_VERSION = 1

_TABLE = """
create table if not exists scores (
    key text not null,            -- the network, by what it computes
    fidelity real not null,
    seed text not null,
    fitness text not null,        -- a JSON list, one number an objective
    seconds real not null,
    architecture text not null    -- for people to read
)
"""
_INDEX = "create index if not exists scores_of_a_network on scores (key, fidelity)"


class Score(NamedTuple):
    """One evaluation of one network."""

    values: tuple[float, ...]
    seconds: float
    seed: int


@final
class ScoreArchive:
    """The scores of networks by their keys, written evaluation by evaluation.

    Several processes may write into one file (SQLite in WAL mode). Fitness of two tasks does not
    belong into one archive: ``task`` keeps them apart.

    Parameters
    ----------
    path
        The file; it is made when it is missing. ``":memory:"`` for none.
    policy
        What a network that has scores gets when it is proposed again. ``"always"``: it is
        evaluated again, and only written down. ``"reuse"``: the mean of its scores. A number
        ``"k"``: it is evaluated until it has k scores, and then gets their mean. Reusing a lucky
        score for ever undoes what aging is for; a few scores do not.
    task
        Name and options of what gives the fitness; an archive of another one is refused.

    Attributes
    ----------
    hits
        Proposals that were answered from the archive.

    Raises
    ------
    OptionError
        When the policy is unknown.
    DataError
        When the file is no such archive, or one of another task.
    """

    def __init__(self, path: str | Path, policy: str = "reuse", task: str = "") -> None:
        self.path, self.policy = Path(path), policy
        self._enough = scores_needed(policy)
        self.hits = 0
        try:
            self._file = sqlite3.connect(path, timeout=60.0, isolation_level=None)
            self._open(task)
        except sqlite3.Error as error:
            raise DataError(f"{path} cannot be used as an archive of scores: {error}.") from error

    def _open(self, task: str) -> None:
        version = self._file.execute("pragma user_version").fetchone()[0]
        tables = self._file.execute("select name from sqlite_master").fetchall()
        if version not in (0, _VERSION) or (version == 0 and tables):
            raise DataError(f"{self.path} is no archive of scores of this version.")
        self._file.execute("pragma journal_mode = wal")
        self._file.execute("pragma synchronous = normal")
        self._file.execute(_TABLE)
        self._file.execute(_INDEX)
        self._file.execute("create table if not exists task (name text)")
        if version == 0:
            self._file.execute("insert into task values (?)", (task,))
            self._file.execute(f"pragma user_version = {_VERSION}")
        known = self._file.execute("select name from task").fetchone()[0]
        if known != task:
            raise DataError(f'{self.path} holds scores of "{known}", not of "{task}".')

    def scores(self, key: str, fidelity: float) -> list[Score]:
        """Return all scores of a network at a fidelity, the oldest first."""
        rows = self._file.execute(
            "select fitness, seconds, seed from scores where key = ? and fidelity = ? "
            "order by rowid",
            (key, fidelity),
        )
        return [Score(tuple(json.loads(fitness)), s, int(seed)) for fitness, s, seed in rows]

    def recall(self, key: str, fidelity: float) -> tuple[float, ...] | None:
        """Return the fitness that the policy gives a network, or None: evaluate it."""
        if self._enough is None:
            return None
        scores = self.scores(key, fidelity)
        if len(scores) < self._enough:
            return None
        self.hits += 1
        columns = zip(*(score.values for score in scores), strict=True)
        return tuple(map(statistics.fmean, columns))

    def note(self, key: str, fidelity: float, score: Score, architecture: str) -> None:
        """Write down one evaluation; it is in the file when this returns."""
        fitness = json.dumps(list(score.values))
        row: tuple[Any, ...] = (
            key,
            fidelity,
            str(score.seed),
            fitness,
            score.seconds,
            architecture,
        )
        self._file.execute("insert into scores values (?, ?, ?, ?, ?, ?)", row)

    def __len__(self) -> int:
        """Return how many different networks have scores."""
        query = "select count(distinct key) from scores"
        return int(self._file.execute(query).fetchone()[0])

    def __iter__(self) -> Iterator[tuple[str, float, Score]]:
        """Yield key, fidelity and score of every evaluation, the oldest first."""
        query = "select key, fidelity, fitness, seconds, seed from scores order by rowid"
        for key, fidelity, fitness, seconds, seed in self._file.execute(query):
            yield key, fidelity, Score(tuple(json.loads(fitness)), seconds, int(seed))

    @property
    def in_memory(self) -> bool:
        """Whether it ends with the process."""
        return str(self.path) == ":memory:"

    def state_dict(self) -> dict[str, Any]:
        """Return what an archive in memory holds, as JSON values; of a file, nothing."""
        rows = self._file.execute("select * from scores order by rowid") if self.in_memory else ()
        return {"scores": [list(row[:-1]) for row in rows]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Hold what an archive in memory held when ``state`` was taken."""
        if self.in_memory:
            rows = [(*row, "") for row in state["scores"]]
            self._file.execute("delete from scores")
            self._file.executemany("insert into scores values (?, ?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):
            self._file.close()


def scores_needed(policy: str) -> int | None:
    """Return how many scores are enough not to evaluate again; None when none ever are."""
    if policy == "always":
        return None
    if policy == "reuse":
        return 1
    if policy.isdigit() and int(policy) >= 1:
        return int(policy)
    raise OptionError(
        f'The policy of an archive is "always", "reuse", or a number of scores such as "3"; '
        f"got {policy!r}."
    )
