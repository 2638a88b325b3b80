"""The files of a run, written so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from deapnets.errors import RunError
from deapnets.files.locking import NAME as LOCK
from deapnets.files.locking import owner
from deapnets.files.whole import flush, is_partial, remove_partial, write_whole

if TYPE_CHECKING:
    import torch

FORMAT = 1
"""Version of a run directory's files: ``config.json`` carries it."""

LOG, TRACE = "log.jsonl", "trace.jsonl"
"""Files with a line a generation: what everybody wants to know, and what a report tells beside."""

RESULTS = ("result.json", "mistakes.json", "matrix.json")
"""What a run writes at its end, and what goes when it goes on."""


@final
class RunDirectory:
    """``config.json, environment.json, log.jsonl, best.safetensors, best.json, result.json``.

    JSON and safetensors only: nothing in a run directory is ever unpickled. Numbers that are not
    finite, which JSON does not have, are written as null. ``checkpoints/`` holds the snapshots.

    Parameters
    ----------
    path
        The directory.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()

    @classmethod
    def create(cls, path: str | Path) -> RunDirectory:
        """Return a new, empty run directory; its parents are created too.

        What a process left that was killed before it wrote anything counts for nothing.

        Raises
        ------
        RunError
            When the path holds something already, or cannot be written.
        """
        directory = cls(path)
        try:
            directory.path.mkdir(parents=True, exist_ok=True)
            occupied = any(map(_counts, directory.path.iterdir()))
        except OSError as error:
            raise RunError(f"{directory.path} cannot be a run directory: {error}.") from error
        if directory.has("config.json"):
            raise RunError(
                f"{directory.path} holds a run already. deapnets resume {directory.path} goes on "
                "with it; --out chooses another directory."
            )
        if occupied:
            raise RunError(f"{directory.path} is not empty. Choose another directory with --out.")
        return directory

    @classmethod
    def open(cls, path: str | Path) -> RunDirectory:
        """Return the directory of a run that exists.

        Raises
        ------
        RunError
            When it holds no run, or one of a newer format.
        """
        directory = cls(path)
        if not (directory.path / "config.json").is_file():
            raise RunError(
                f"{directory.path} holds no run: there is no config.json. "
                "deapnets run EVALUATOR --out DIR makes one."
            )
        found = directory.read("config.json").get("format")
        if not isinstance(found, int) or not 1 <= found <= FORMAT:
            raise RunError(
                f"{directory.path} has format {found}; this deapnets reads up to {FORMAT}. "
                "Install the version that its environment.json names."
            )
        return directory

    def write(self, name: str, value: dict[str, Any]) -> None:
        """Write ``value`` as JSON under ``name``, whole or not at all."""
        text = _json(value, indent=2) + "\n"
        self.replace(name, lambda path: path.write_text(text, encoding="utf-8"))

    def read(self, name: str) -> dict[str, Any]:
        """Return the JSON object in ``name``.

        Raises
        ------
        RunError
            When the file is missing or holds no JSON object.
        """
        path = self.path / name
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read: {error}.") from error
        if not isinstance(value, dict):
            raise RunError(f"{path} holds no JSON object.")
        return value

    def has(self, name: str) -> bool:
        """Return whether the file is there."""
        return (self.path / name).is_file()

    def write_weights(self, name: str, tensors: dict[str, torch.Tensor]) -> None:
        """Write tensors as safetensors under ``name``, whole or not at all."""
        from safetensors.torch import save

        content = save({key: value.contiguous() for key, value in tensors.items()})
        self.replace(name, lambda path: path.write_bytes(content))

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write bytes under ``name``, whole or not at all; a folder in the name is made."""
        try:
            (self.path / name).parent.mkdir(exist_ok=True)
        except OSError as error:
            raise RunError(f"{self.path / name} cannot be written: {error}.") from error
        self.replace(name, lambda path: path.write_bytes(content))

    def append(self, record: dict[str, Any], name: str = LOG) -> None:
        """Add a line to ``log.jsonl``, or to another file of lines."""
        try:
            with (self.path / name).open("a", encoding="utf-8") as log:
                log.write(_json(record) + "\n")
        except OSError as error:
            raise RunError(f"{self.path / name} cannot be written: {error}.") from error

    def log(self, name: str = LOG) -> Iterator[dict[str, Any]]:
        """Yield the records of ``log.jsonl``; a last line that was cut off is left out.

        Raises
        ------
        RunError
            When a whole line is no JSON.
        """
        path = self.path / name
        if not path.is_file():
            return
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.endswith("\n"):
                    yield _record(line, f"{path}, line {number},")

    def replace(self, name: str, write: Callable[[Path], Any]) -> None:
        """Let ``write`` write beside the file ``name``, flush to the disk, then take its place."""
        write_whole(self.path / name, write)

    def sync_log(self) -> None:
        """Flush ``log.jsonl`` to the disk."""
        path = self.path / "log.jsonl"
        try:
            if path.is_file():
                with path.open("rb") as log:
                    flush(log)
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error}.") from error

    def rewind(self, generation: int) -> None:
        """Go back to a generation: later lines of the log go, and the result, and partial files."""
        remove_partial(self.path)
        for name in (LOG, TRACE):
            if self.has(name):
                self._rewind(name, generation)
        for name in RESULTS:
            (self.path / name).unlink(missing_ok=True)

    def _rewind(self, name: str, generation: int) -> None:
        kept = [record for record in self._whole_lines(name) if record["generation"] <= generation]
        text = "".join(_json(record) + "\n" for record in kept)
        self.replace(name, lambda path: path.write_text(text, encoding="utf-8"))

    def _whole_lines(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a file of lines up to the first one that cannot be read."""
        with contextlib.suppress(RunError):
            yield from self.log(name)


def _counts(path: Path) -> bool:
    """Return whether a file makes a directory occupied: a lock that nobody holds does not."""
    if path.name == LOCK:
        return owner(path.parent) is not None
    return not is_partial(path)


def _json(value: dict[str, Any], indent: int | None = None) -> str:
    """Return JSON; what it has no type for, an option's path say, becomes text."""
    return json.dumps(_finite(value), indent=indent, default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _record(line: str, where: str) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(line)
    except ValueError as error:
        raise RunError(f"{where} cannot be read: {error}.") from error
    return record
