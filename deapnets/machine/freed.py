"""What the C library does with memory that was freed: glibc is told; others are left alone."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import final

import psutil

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt(3)


@functools.lru_cache(maxsize=1)
def hold_freed_memory() -> None:
    """Let the C library keep what is freed from one operation and generation to the next.

    glibc gives blocks from 128 KB on back to the system, and the top of its heap, and takes them
    back page by page, zeroed: half of the time of making 500 x 101,770 weights is page faults then
    (``benchmarks/making.py``). mallopt(3) sets both limits; elsewhere there is nothing to set.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_TRIM_THRESHOLD, 1 << 30)
    mallopt(_MMAP_THRESHOLD, 32 << 20)


@functools.lru_cache(maxsize=1)
def _trim() -> Callable[[int], int] | None:
    """Return glibc's ``malloc_trim``, which gives the system back what is free, or None."""
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return trim


@final
class FreedMemory:
    """Bounds what the C library holds back of the memory that was freed.

    glibc before 2.38 hardly ever uses a freed block again for memory that has to be aligned, as
    torch's is (its bug 14581): each network of 13 MB that was made left a hole of half its size.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._beside: int | None = None  # resident bytes beside what is kept

    def bound(self, held: int, limit: int) -> None:
        """Give freed memory back where the process has grown too much since the first call.

        Parameters
        ----------
        held
            Bytes that are kept.
        limit
            Bytes by which it may grow, those included. What is freed below that is left for the
            next generation.
        """
        trim = _trim()
        if trim is None:
            return
        resident = self._process.memory_info().rss
        if self._beside is None:
            self._beside = resident - held
        elif resident - self._beside > limit:
            trim(0)
            self._beside = self._process.memory_info().rss - held
        else:
            self._beside = min(self._beside, resident - held)
