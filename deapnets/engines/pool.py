"""`Pool`: memory that this process and its workers share, given out in pieces.

It is a file without a name (memfd_create(2)): nothing of it is left on any disk, whoever is killed.
Pages that nobody has written to take no memory.
"""

from __future__ import annotations

import bisect
import mmap
import os
import weakref
from typing import NamedTuple, final

import numpy as np
import torch

from deapnets.engines.keeping import WIDE
from deapnets.genomes.layout import Layout


class Address(NamedTuple):
    """Where a process finds the memory of another one."""

    pid: int
    descriptor: int
    size: int


@final
class Pool:
    """Bytes given out to rows of weights, and taken back when nothing holds them any more.

    Parameters
    ----------
    size
        Bytes.
    """

    def __init__(self, size: int) -> None:
        descriptor = os.memfd_create("deapnets")
        os.ftruncate(descriptor, size)
        self.address = Address(os.getpid(), descriptor, size)
        self.bytes = _mapped(descriptor, size)
        self._start = self.bytes.ctypes.data
        self._free = [(0, size)]  # pieces (from, to), ascending
        weakref.finalize(self, os.close, descriptor)

    @staticmethod
    def available() -> bool:
        """Return whether this system has such memory: Linux has."""
        return hasattr(os, "memfd_create") and os.path.isdir(f"/proc/{os.getpid()}/fd")

    @property
    def used(self) -> int:
        """Bytes that are given out."""
        return self.address.size - sum(end - start for start, end in self._free)

    def rows(self, count: int, layout: Layout) -> list[torch.Tensor] | None:
        """Return blocks ``[n, P]`` of the layout's dtype, ``count`` rows in all, in a row.

        They start at a multiple of a row, so that they are rows of the whole pool seen as rows of
        that layout. A block is taken back when the last tensor on its memory is gone: wide rows are
        blocks of one, so that each goes alone. None where there is no room.
        """
        row = layout.nbytes
        for index, (start, end) in enumerate(self._free):
            first = -(-start // row) * row
            last = first + count * row
            if last <= end:
                self._free[index : index + 1] = [
                    piece for piece in ((start, first), (last, end)) if piece[0] < piece[1]
                ]
                step = row if row >= WIDE else last - first
                return [self._lent(at, at + step, layout) for at in range(first, last, step)]
        return None

    def row_of(self, block: torch.Tensor) -> int | None:
        """Return which row of the pool a block ``[n, P]`` or vector ``[P]`` begins with.

        The pool is seen as rows of the block's size. None for a block that is not in it.
        """
        offset = block.data_ptr() - self._start
        inside = block.device.type == "cpu" and 0 <= offset < self.address.size
        return offset // (block.element_size() * block.shape[-1]) if inside else None

    def _lent(self, first: int, last: int, layout: Layout) -> torch.Tensor:
        piece = self.bytes[first:last]  # an array of its own, which the tensor holds
        weakref.finalize(piece, self._take_back, first, last).atexit = False
        return torch.from_numpy(piece).view(-1, layout.nbytes).view(layout.dtype)

    def _take_back(self, first: int, last: int) -> None:
        at = bisect.bisect(self._free, (first, last))
        self._free.insert(at, (first, last))
        if at + 1 < len(self._free) and self._free[at + 1][0] == last:
            self._free[at : at + 2] = [(first, self._free[at + 1][1])]
        if at > 0 and self._free[at - 1][1] == first:
            self._free[at - 1 : at + 1] = [(self._free[at - 1][0], self._free[at][1])]


def attached(address: Address) -> np.ndarray:
    """Return the bytes of another process's pool, uint8 ``[size]``."""
    descriptor = os.open(f"/proc/{address.pid}/fd/{address.descriptor}", os.O_RDWR)
    try:
        return _mapped(descriptor, address.size)
    finally:
        os.close(descriptor)


def _mapped(descriptor: int, size: int) -> np.ndarray:
    return np.frombuffer(mmap.mmap(descriptor, size), np.uint8)
