"""Snapshots of a state in a folder: the last two, each whole and with checksums.

A population of large networks takes a second to write, and changes altogether from one generation
to the next. So behind a snapshot there may be *changes*: a line each, with the whole state but for
the networks' weights, in whose place stand the recipes by which they follow from the snapshot's.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from deapnets.errors import RunError
from deapnets.files.whole import remove_partial, write_whole
from deapnets.randomness import RECIPE_VERSION
from deapnets.runs.networks import Lineage
from deapnets.runs.packing import Packed, pack, unpack
from deapnets.runs.tensors import inline, outlined, read_tensors, write_tensors

FORMAT = 1
"""Version of the snapshots' files: the first line of each carries it."""
_SMALL = 8 << 20
"""Bytes of a snapshot from which changes are worth it."""
_REPLAYED = 6_000_000_000
"""Weights that may be made again when a state is read: about half a minute on two cores."""
_TIMES = 6
"""Or so many for each byte of the snapshot, where that is more."""
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
    lineage
        Where recipes of networks are remembered from one write to the next; None writes the
        weights, always.

    Attributes
    ----------
    damaged
        What `read` found damaged and left out: a sentence each.
    lines
        What was appended behind the state that `read` returned.
    """

    def __init__(self, folder: Path, lineage: Lineage | None = None) -> None:
        self.folder = folder
        self._lineage = lineage
        self._chain = _Chain()
        self.damaged: list[str] = []
        self.lines: list[dict[str, Any]] = []

    def write(self, state: Any) -> None:
        """Write a state, flushed to the disk: as a change, or as a snapshot.

        With a snapshot those go that are too old.

        Raises
        ------
        RunError
            When it cannot be written; the snapshots there are stay.
        """
        if not self._write_change(state):
            self._write_snapshot(pack(state))
        if self._lineage is not None:
            self._lineage.forget()

    def _write_change(self, state: Any) -> bool:
        """Append a change where that is worth it; return whether it was."""
        if self._lineage is None or not self._chain.worth:
            return False
        packed = pack(state, self._chain.known, self._lineage.origins)
        if not self._chain.takes(packed):
            return False
        self.append({**packed.document, "tensors": inline(packed.tensors)})
        self._chain.add(packed)
        return True

    def _write_snapshot(self, packed: Packed) -> None:
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
        self._chain = _Chain(packed)

    def append(self, record: dict[str, Any]) -> None:
        """Write a line of JSON behind the last snapshot, flushed to the disk.

        Raises
        ------
        RunError
            When it cannot be written; what was written of it goes.
        """
        path = self._path(self._numbers()[-1], "jsonl")
        try:
            with path.open("ab") as file:
                end = file.tell()
                try:
                    file.write(seal(record))
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    os.truncate(path, end)
                    raise
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error}.") from error

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
                *before, packed = self._read_chain(number)
            except _DamageError as error:
                self.damaged.append(str(error))
                continue
            self._chain = _Chain()  # what follows begins with a snapshot
            return unpack(packed, classes, before)
        if numbers:
            raise RunError(f"No snapshot in {self.folder} can be read: {' '.join(self.damaged)}")
        return None

    def _read_chain(self, number: int) -> list[Packed]:
        """Return a snapshot and its changes; put the lines behind them in place."""
        path = self._path(number, "jsonl")
        head = self._lines(path)
        _require_version(path, head)
        check = head["tensors_crc32"]
        try:
            tensors = (
                {} if check is None else read_tensors(self._path(number, "safetensors"), check)
            )
        except RunError as error:
            raise _DamageError(str(error)) from error
        changes = [at for at, line in enumerate(self.lines) if "state" in line]
        chain = [self.lines[at] for at in changes]
        self.lines = self.lines[changes[-1] + 1 :] if changes else self.lines
        return [Packed(head, tensors), *(Packed(one, outlined(one["tensors"])) for one in chain)]

    def _lines(self, path: Path) -> dict[str, Any]:
        """Return a file's first line; put the others, up to the first that is not whole, in place.

        What is behind them is cut off: it was being written when the process died, or is damaged.
        """
        try:
            text = path.read_bytes()
            lines = text.splitlines(keepends=True)
            records = list(
                itertools.takewhile(lambda record: record is not None, map(unseal, lines))
            )
            if not records:
                raise _DamageError(f"{path} is damaged: its checksum is not the one of its text.")
            if len(records) < len(lines):
                if lines[-1].endswith(b"\n"):
                    self.damaged.append(f"{path} is damaged behind line {len(records)}.")
                os.truncate(path, sum(map(len, lines[: len(records)])))
        except OSError as error:
            raise _DamageError(f"{path} cannot be read: {error}.") from error
        head, *self.lines = [record for record in records if record is not None]
        return head

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


@final
class _Chain:
    """A snapshot and the changes behind it: what they hold, and what making it again takes.

    Parameters
    ----------
    snapshot
        None before the first one.
    """

    def __init__(self, snapshot: Packed | None = None) -> None:
        self.known: set[str] = set()
        self._bytes = 0 if snapshot is None else snapshot.nbytes
        self._weights = 0
        if snapshot is not None:
            self.add(snapshot)

    @property
    def worth(self) -> bool:
        """Whether a change is worth it: a small snapshot is written as fast."""
        return self._bytes >= _SMALL

    def takes(self, packed: Packed) -> bool:
        """Return whether a change is small, and making all networks again does not take too long.

        That has its price when a run is resumed: half a minute, or some times what it takes to
        write a snapshot.
        """
        most = max(_REPLAYED, _TIMES * self._bytes)
        small = max(_SMALL // 2, self._bytes // 50)
        return packed.nbytes <= small and self._weights + _weights_made(packed) <= most

    def add(self, packed: Packed) -> None:
        """Count the networks of a document."""
        self.known.update(network[0] for network in packed.document["networks"])
        self._weights += _weights_made(packed)


def _weights_made(packed: Packed) -> int:
    """Return how many weights the recipes of a document make."""
    layouts = packed.document["layouts"]
    widths = [sum(math.prod(shape) for shape in layout["shapes"]) for layout in layouts]
    return sum(widths[network[1]] for network in packed.document["networks"] if len(network) > 3)


class _DamageError(Exception):
    """A snapshot that cannot be used; the one before it may be."""


def seal(record: dict[str, Any]) -> bytes:
    """Return a line: checksum, blank, JSON."""
    text = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def unseal(line: bytes) -> dict[str, Any] | None:
    """Return the record of a whole line, or None when the line is not what was written."""
    check, _, text = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or check != b"%08x" % zlib.crc32(text):
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
