"""One process a directory: a lock that ends with the process, whatever ends it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from deapnets.errors import RunError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

NAME = "lock"
"""The file in the directory that is locked; it says who holds it, and goes when it is let go."""

_TRIALS, _PAUSE = 4, 0.02  # a look at a lock takes microseconds

_FAR = 1 << 30  # on Windows a locked byte cannot be read: one far behind what is written is locked


@contextmanager
def locked(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a directory for this process while the block runs.

    With ``wait``, whoever comes second waits until the first one lets go; otherwise that is an
    error.

    The system lets the lock go when the process ends, also when it is killed: a directory is never
    blocked by a dead one. On file systems of a network that know no locks between machines, two
    machines are not kept apart. On Windows ``msvcrt.locking`` takes the place of ``flock``; that
    was not tried.

    Raises
    ------
    RunError
        When another process holds it, and nobody waits: named by process, machine and time; or
        when the directory cannot be written.
    """
    file = _taken(folder, wait)
    try:
        file.seek(0)
        file.truncate()
        json.dump(_self(), file)
        file.flush()
        yield
    finally:
        _let_go(folder / NAME, file)


def owner(folder: Path) -> dict[str, Any] | None:
    """Return ``pid``, ``host`` and ``since`` of the process that holds a directory, or None."""
    try:
        with (folder / NAME).open("r+", encoding="utf-8") as file:
            if _lock(file):
                return None  # its owner is dead; closing the file lets it go
            return _said(file)
    except OSError:
        return None


def require_free(folder: Path) -> None:
    """Raise the `RunError` of `locked` when another process holds a directory already."""
    held = owner(folder)
    if held is not None:
        raise RunError(_in_use(folder, held))


def _in_use(folder: Path, said: dict[str, Any]) -> str:
    return (
        f"{folder} is in use by process {said['pid']} on {said['host']}, since {said['since']}. "
        "Wait until it has ended, or end it first."
    )


def _taken(folder: Path, wait: bool) -> IO[str]:
    """Return the lock's file, locked."""
    path = folder / NAME
    while True:
        try:
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise RunError(f"{folder} cannot be written: {error}.") from error
        if _lock_soon(file):
            if _is_still(path, file):
                return file
        elif not wait:
            said = _said(file)
            file.close()
            raise RunError(_in_use(folder, said))
        file.close()  # held, or removed by its owner between our opening and our locking


def _lock_soon(file: IO[str]) -> bool:
    """Lock a file, also when somebody is just looking whether it is locked: see `owner`."""
    for _ in range(_TRIALS):
        if _lock(file):
            return True
        time.sleep(_PAUSE)
    return False


def _is_still(path: Path, file: IO[str]) -> bool:
    """Return whether the open file is the one that stands under its name."""
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def _let_go(path: Path, file: IO[str]) -> None:
    if sys.platform == "win32":
        file.close()
    with contextlib.suppress(OSError):
        path.unlink()
    file.close()


def _lock(file: IO[str]) -> bool:
    """Lock an open file for as long as it stays open; False when another process has."""
    try:
        if sys.platform == "win32":
            file.seek(_FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _self() -> dict[str, Any]:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return {"pid": os.getpid(), "host": platform.node(), "since": since}


def _said(file: IO[str]) -> dict[str, Any]:
    """Return what the owner wrote; it may have locked and not yet written."""
    unknown = dict.fromkeys(("pid", "host", "since"), "unknown")
    try:
        file.seek(0)
        return {**unknown, **json.load(file)}
    except (ValueError, TypeError, OSError):
        return unknown
