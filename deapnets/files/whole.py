"""Files that are written whole or not at all, also when the power fails."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

from deapnets.errors import RunError

SUFFIX = ".partial"
"""How files end that are being written: what is found later was cut off and may go."""


_FLUSHES: ContextVar[bool] = ContextVar("flushes", default=True)


@contextmanager
def unflushed() -> Iterator[None]:
    """Leave it to the system when files reach the disk, while the block runs.

    For runs of milliseconds that are begun anew where they were cut off: waiting for the disk would
    take most of their time.
    """
    token = _FLUSHES.set(False)
    try:
        yield
    finally:
        _FLUSHES.reset(token)


def flush(file: IO[Any]) -> None:
    """Flush a file to the disk, unless the caller is `unflushed`."""
    if _FLUSHES.get():
        os.fsync(file.fileno())


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Let ``write`` write beside ``path``, flush file and folder to the disk, then take its place.

    Raises
    ------
    RunError
        When it cannot be written: a full disk, a folder that is read only. What stood under
        ``path`` is still there then, and nothing is left beside it.
    """
    beside = path.with_name(f".{path.name}{SUFFIX}")
    try:
        write(beside)
        with beside.open("rb+") as file:
            flush(file)
        beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error}.") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of files to the disk, where the system lets a folder be opened."""
    if os.name != "posix" or not _FLUSHES.get():
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_partial(folder: Path) -> None:
    """Remove what a process that was killed had begun to write; for the owner of the folder."""
    for path in folder.glob(f".*{SUFFIX}"):
        with contextlib.suppress(OSError):
            path.unlink()


def is_partial(path: Path) -> bool:
    """Return whether a file is one that somebody was writing."""
    return path.name.startswith(".") and path.name.endswith(SUFFIX)
