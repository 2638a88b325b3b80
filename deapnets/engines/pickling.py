"""Pickles of what a script defines: between a process and its own workers, never on a disk."""

from __future__ import annotations

from typing import Any


def dumps(value: Any) -> bytes:
    """Return the pickle of a value, classes and functions that only a script has included."""
    import cloudpickle

    pickled: bytes = cloudpickle.dumps(value)
    return pickled


def loads(pickled: bytes) -> Any:
    """Return what was pickled."""
    import cloudpickle

    return cloudpickle.loads(pickled)
