"""When a state is to be saved again."""

from __future__ import annotations

import time
from typing import final

LONG = 2.0
"""Seconds from which a generation is saved as soon as it has ended: saving takes far less."""


@final
class Pace:
    """Says, after each generation, whether it is time to save.

    Parameters
    ----------
    every
        Seconds between two saves; 0 for one after each generation.
    """

    def __init__(self, every: float) -> None:
        self.every = every
        self.start()

    def start(self) -> None:
        """Count from now: a generation begins, and the state was saved."""
        self._saved = self._asked = time.perf_counter()

    def due(self) -> bool:
        """Return whether to save now, at the end of a generation."""
        now = time.perf_counter()
        lasted, self._asked = now - self._asked, now
        return lasted >= LONG or now - self._saved >= self.every
