"""`Story`: all that a run's directory tells, also when half of it is missing or damaged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from deapnets.errors import RunError
from deapnets.files.locking import owner
from deapnets.runs.directory import LOG, TRACE, RunDirectory
from deapnets.runs.status import STATUSES, status_of

Record = dict[str, Any]

MOST_PICTURES, MOST_BYTES = 24, 2 << 20
"""Pictures of a run that a report shows, and how large they may be together."""


@final
@dataclass
class Story:
    """A run as its directory tells it.

    Attributes
    ----------
    name
        What the report calls the run: the directory's name, longer where two have the same one.
    path
        The directory.
    status
        One of `deapnets.runs.status.STATUSES`.
    owner
        The process that has the directory; empty where none has.
    config, environment, best, lineage, result, mistakes, matrix, retrain
        The JSON of these files; empty where there is none.
    log, trace
        The lines that can be read.
    pictures
        Name and content of each PNG that the run drew.
    missing
        What is not there or cannot be read, a sentence each.
    """

    name: str
    path: Path
    status: str
    owner: Record
    config: Record
    environment: Record = field(default_factory=dict)
    best: Record = field(default_factory=dict)
    lineage: Record = field(default_factory=dict)
    result: Record = field(default_factory=dict)
    mistakes: Record = field(default_factory=dict)
    matrix: Record = field(default_factory=dict)
    retrain: Record = field(default_factory=dict)
    log: list[Record] = field(default_factory=list)
    trace: list[Record] = field(default_factory=list)
    pictures: list[tuple[str, bytes]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def last(self) -> Record:
        """The last line of the log; empty where there is none."""
        return self.log[-1] if self.log else {}

    @property
    def networks(self) -> list[list[Any]]:
        """The networks that a search has scored, as ``trace.jsonl`` lists them."""
        found = [line.get("networks") for line in self.trace]
        rows = [row for lot in found if isinstance(lot, list) for row in lot]
        return [row for row in rows if isinstance(row, list) and len(row) == 8]

    @property
    def settings(self) -> str:
        """What runs share that differ in their seeds alone."""
        names = ("evaluator", "options", "algorithm", "algorithm_options", "budget")
        return repr([self.config.get(name) for name in names])

    def metrics(self) -> dict[str, float]:
        """Return the figures of the saved network: of the result, or of the best one so far."""
        found = record_of(self.result.get("metrics")) or {
            name: value for name, value in self.best.items() if name.startswith("validation_")
        }
        values = {name: number(value) for name, value in found.items()}
        return {name: value for name, value in values.items() if value is not None}


def read_stories(paths: Sequence[str | Path]) -> list[Story]:
    """Return the stories of runs, with different names.

    Raises
    ------
    RunError
        When a directory holds no run, or one of a newer format.
    """
    stories = [read_story(path) for path in dict.fromkeys(Path(path) for path in paths)]
    names = [story.name for story in stories]
    for story in stories:
        if names.count(story.name) > 1:
            story.name = "/".join(story.path.absolute().parts[-2:])
    for at, story in enumerate(stories):
        if story.name in [other.name for other in stories[:at]]:
            story.name = str(story.path.absolute())
    return stories


def read_story(path: str | Path) -> Story:
    """Return the story of a run; what is damaged is left out, and said in ``missing``.

    Raises
    ------
    RunError
        When the directory holds no run, or one of a newer format.
    """
    run = RunDirectory.open(path)
    held = owner(run.path) or {}
    name = run.path.absolute().name or str(run.path)
    story = Story(name, run.path, _status(run), held, run.read("config.json"))
    for file in ("environment", "best", "lineage", "result", "mistakes", "matrix", "retrain"):
        if run.has(f"{file}.json"):
            try:
                setattr(story, file, run.read(f"{file}.json"))
            except RunError as error:
                story.missing.append(f"{error}")
    story.log = list(_lines(run, LOG, story.missing))
    story.trace = list(_lines(run, TRACE, story.missing))
    story.pictures = list(_pictures(run.path, story.missing))
    story.missing += _absent(story)
    return story


def record_of(value: Any) -> Record:
    """Return a JSON object as it is; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def number(value: Any) -> float | None:
    """Return a finite number as it is; None for anything else."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return value if plain and math.isfinite(value) else None


def numbers(records: Sequence[Record], name: str) -> list[float | None]:
    """Return a field of each record, None where it is no finite number."""
    return [number(record.get(name)) for record in records]


def _status(run: RunDirectory) -> str:
    """Return one of `STATUSES`; where the result is damaged, what the run is without it."""
    try:
        found = status_of(run)
    except RunError:
        return "interrupted"
    return found if found in STATUSES else "interrupted"


def _lines(run: RunDirectory, name: str, missing: list[str]) -> Iterator[Record]:
    """Yield the records of a file of lines; a last line that was cut off is left out."""
    path = run.path / name
    try:
        text = path.read_bytes() if path.is_file() else b""
    except OSError as error:
        missing.append(f"{path} cannot be read: {error}.")
        return
    damaged = []
    for at, line in enumerate(text.split(b"\n")[:-1], 1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict) and number(record.get("generation")) is not None:
            yield record
        else:
            damaged.append(at)
    if damaged:
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        missing.append(f"{path}: line {damaged[0]}{more} cannot be read and is left out.")


def _pictures(path: Path, missing: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the newest PNG files that a run drew, and where there is no more room the first."""
    folders = [sorted((path / folder).glob("*.png")) for folder in ("pictures", "samples")]
    found = [file for files in folders for file in files]
    found += [path / "picture.png"] if (path / "picture.png").is_file() else []
    room = MOST_BYTES
    chosen: list[tuple[str, bytes]] = []
    for file in reversed(found):
        try:
            content = file.read_bytes()
        except OSError as error:
            missing.append(f"{file} cannot be read: {error}.")
            continue
        if len(chosen) == MOST_PICTURES or len(content) > room:
            missing.append(f"{len(found) - len(chosen)} of {len(found)} pictures are left out.")
            break
        room -= len(content)
        chosen.append((str(file.relative_to(path)), content))
    yield from reversed(chosen)


def _absent(story: Story) -> Iterator[str]:
    """Yield what a run of this version would have and this one has not."""
    if not story.log:
        yield f"{story.path / LOG} has no generation yet: there are no curves."
    elif not story.trace:
        yield (
            f"{story.path / TRACE} is not there: the run was made by an older deapnets, so "
            "nothing is known of phases, diversity, operators and single weights."
        )
    if not (story.path / "result.json").exists() and story.status != "running":
        yield f"{story.path / 'result.json'} is not there: the run did not end by itself."
    if not (story.path / "environment.json").exists():
        yield f"{story.path / 'environment.json'} is not there: versions and machine are unknown."
