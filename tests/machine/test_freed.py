"""Memory that was freed goes back to the system where it is much."""

from __future__ import annotations

import sys

import psutil
import pytest
import torch

from deapnets.machine.freed import FreedMemory, hold_freed_memory

MIB = 1 << 20


def resident() -> int:
    return psutil.Process().memory_info().rss


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is told what to give back")
@pytest.mark.parametrize(("limit", "given_back"), [(8 * MIB, True), (1 << 40, False)])
def test_holes_in_the_heap_are_given_back_above_the_limit(limit, given_back):
    hold_freed_memory()
    freed = FreedMemory()
    freed.bound(0, 0)
    freed.bound(0, -(1 << 40))  # what other tests freed
    blocks = [torch.ones(MIB) for _ in range(40)]  # 4 MiB each, in the heap
    kept = blocks[::2]
    del blocks
    held = sum(block.nbytes for block in kept)
    before = resident()
    freed.bound(held, limit)
    assert (before - resident() > 50 * MIB) is given_back
    assert all(bool((block == 1).all()) for block in kept)
