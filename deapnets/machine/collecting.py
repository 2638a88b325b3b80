"""Python's cycle collector, paused where many small objects are made and none is a cycle."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the cycle collector from running inside the block.

    Breeding 10,000 individuals makes 100,000 small objects that all live on; the collector takes
    that as a reason to visit every object of the process, torch's modules among them: a third of
    the generation's time. Reference counting goes on as ever.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
