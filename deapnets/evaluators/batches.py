"""`MiniBatches`: which training rows a generation sees, epoch by epoch."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    import torch

    from deapnets.evaluators.splits import Split
    from deapnets.randomness import Stream


@final
class MiniBatches:
    """The next rows of a random order of all rows; a rest that fills no mini-batch is left out.

    Parameters
    ----------
    size
        Rows of a mini-batch.

    Attributes
    ----------
    present
        The generation's mini-batch; None where nobody has asked for it yet.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.present: Split | None = None
        self._seed, self._cursor = 0, -1
        self._order: torch.Tensor | None = None  # of the present epoch

    def advance(self, rows: Split, rng: Stream) -> None:
        """Draw the next mini-batch; ``rng`` gives a seed where an epoch begins."""
        if self._cursor < 0 or self._cursor + self.size > len(rows):
            self._seed, self._cursor, self._order = rng.integer(), 0, None
        self._cursor += self.size
        self.present = self._drawn(rows)

    def of(self, rows: Split, title: str) -> Split:
        """Return the generation's mini-batch, drawn again where only the state is known.

        ``title`` is what a warning calls an evaluator that was never prepared.
        """
        if self.present is None:
            drawn = self._cursor > 0
            self.present = self._drawn(rows) if drawn else self._unprepared(rows, title)
        return self.present

    def _drawn(self, rows: Split) -> Split:
        """Return the mini-batch that ends where the epoch stands."""
        if self._order is None:
            self._order = _order(self._seed, len(rows))
        return rows.take(self._order[self._cursor - self.size : self._cursor])

    def _unprepared(self, rows: Split, title: str) -> Split:
        """Return rows for callers who never prepare, and say so; the epoch stays where it is."""
        warnings.warn(
            f"{title} was not prepared, so every generation sees the same {self.size} "
            "rows. deapnets.PopulationMap as the toolbox's map prepares it once a generation.",
            stacklevel=3,
        )
        return rows.take(_order(0, len(rows))[: self.size])

    def state_dict(self) -> dict[str, Any]:
        """Return where the present epoch stands, and with it the mini-batch: two integers."""
        return {"epoch_seed": self._seed, "cursor": self._cursor}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on in the epoch of ``state``, with its mini-batch."""
        if state["epoch_seed"] != self._seed:
            self._order = None
        self._seed, self._cursor = state["epoch_seed"], state["cursor"]
        self.present = None


def _order(seed: int, count: int) -> torch.Tensor:
    from deapnets.randomness import Stream

    return Stream(seed).permutation(count)
