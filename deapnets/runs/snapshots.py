"""Snapshots of a state in a folder: the last two, each whole and with checksums."""

from __future__ import annotations

import contextlib
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from deapnets.errors import RunError
from deapnets.randomness import RECIPE_VERSION
from deapnets.runs.packing import Packed, pack, unpack
from deapnets.runs.tensors import read_tensors, write_tensors
from deapnets.runs.whole import remove_partial, write_whole

FORMAT = 1
"""Version of the snapshots' files: the first line of each carries it."""
KEPT = 2
"""Snapshots that are kept: when one is damaged, there is the one before it."""


@final
class Snapshots:
    """The snapshots of a run, or of a script: ``000001.jsonl`` and ``000001.safetensors``.

    Nothing in them is ever unpickled. Each line is the CRC-32 of what follows, in eight hexadecimal
    digits, a blank, and JSON.

    Parameters
    ----------
    folder
        Where they are; made with the first one.

    Attributes
    ----------
    damaged
        What `read` found damaged and left out: a sentence each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: list[str] = []

    def write(self, state: Any) -> None:
        """Write a snapshot, flushed to the disk, and remove those that are too old.

        Raises
        ------
        RunError
            When it cannot be written; the snapshots there are stay.
        """
        packed = pack(state)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{self.folder} cannot be made: {error}.") from error
        number = max(self._numbers(), default=0) + 1
        check = self._write_tensors(number, packed)
        head = {
            "format": FORMAT,
            "recipe_version": RECIPE_VERSION,
            "tensors_crc32": check,
            **packed.document,
        }
        line = seal(head)
        write_whole(self._path(number, "jsonl"), lambda path: path.write_bytes(line))
        self._remove_all_but(self._numbers()[-KEPT:])

    def read(self, classes: Sequence[type[Any]] = ()) -> Any:
        """Return the latest state that is whole, or None when there is no snapshot at all.

        Parameters
        ----------
        classes
            Classes of individuals, as `deapnets.runs.packing.unpack` takes them.

        Raises
        ------
        RunError
            When snapshots are there and none can be read, or one is of a newer format.
        """
        self.damaged = []
        remove_partial(self.folder)
        numbers = self._numbers()
        for number in reversed(numbers):
            try:
                packed = self._packed(number)
            except _DamageError as error:
                self.damaged.append(str(error))
                continue
            return unpack(packed, classes)
        if numbers:
            raise RunError(f"No snapshot in {self.folder} can be read: {' '.join(self.damaged)}")
        return None

    def _packed(self, number: int) -> Packed:
        path = self._path(number, "jsonl")
        try:
            head = unseal(path.read_bytes().split(b"\n")[0])
        except OSError as error:
            raise _DamageError(f"{path} cannot be read: {error}.") from error
        if head is None:
            raise _DamageError(f"{path} is damaged: its checksum is not the one of its text.")
        _require_version(path, head)
        check = head["tensors_crc32"]
        try:
            tensors = (
                {} if check is None else read_tensors(self._path(number, "safetensors"), check)
            )
        except RunError as error:
            raise _DamageError(str(error)) from error
        return Packed(head, tensors)

    def _write_tensors(self, number: int, packed: Packed) -> int | None:
        """Return the checksum of the tensors' file, or None when there is none to write."""
        if not packed.tensors:
            return None
        checks: list[int] = []
        path = self._path(number, "safetensors")
        write_whole(path, lambda beside: checks.append(write_tensors(beside, packed.tensors)))
        return checks[0]

    def _numbers(self) -> list[int]:
        found = [re.fullmatch(r"(\d+)\.jsonl", path.name) for path in self.folder.glob("*.jsonl")]
        return sorted(int(match[1]) for match in found if match)

    def _path(self, number: int, ending: str) -> Path:
        return self.folder / f"{number:06}.{ending}"

    def _remove_all_but(self, numbers: Sequence[int]) -> None:
        kept = {self._path(number, "jsonl").stem for number in numbers}
        for path in [*self.folder.glob("*.jsonl"), *self.folder.glob("*.safetensors")]:
            if path.stem not in kept:
                with contextlib.suppress(OSError):
                    path.unlink()


class _DamageError(Exception):
    """A snapshot that cannot be used; the one before it may be."""


def seal(record: dict[str, Any]) -> bytes:
    """Return a line: checksum, blank, JSON."""
    text = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def unseal(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line, or None when the line is not what was written."""
    check, _, text = line.partition(b" ")
    if check != b"%08x" % zlib.crc32(text):
        return None
    record: dict[str, Any] = json.loads(text)
    return record


def _require_version(path: Path, head: dict[str, Any]) -> None:
    if head["format"] > FORMAT:
        raise RunError(
            f"{path} has format {head['format']}; this deapnets reads up to {FORMAT}. "
            "Install a newer deapnets."
        )
    if head["recipe_version"] != RECIPE_VERSION:
        raise RunError(
            f"{path} was written with version {head['recipe_version']} of the random mechanism, "
            f"this deapnets has {RECIPE_VERSION}: its recipes would give other networks. Install "
            "the deapnets that environment.json names."
        )
