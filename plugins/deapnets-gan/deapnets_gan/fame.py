"""`HallOfFame`: networks of earlier generations, evenly spread over the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch

from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome


@final
class HallOfFame:
    """Keeps one network of every so many generations, at most ``size`` of them.

    When it is full, every second one goes and the interval doubles: what is kept stays evenly
    spread over the run, so that nobody may forget how to meet an early opponent.

    Parameters
    ----------
    size
        How many, at least 2.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows: list[torch.Tensor] = []
        self._every, self._seen = 1, 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> Sequence[torch.Tensor]:
        """Weights ``[P]`` of each, the oldest first."""
        return self._rows

    @property
    def generations(self) -> list[int]:
        """The generation that each is of, counted from 0."""
        return [place * self._every for place in range(len(self._rows))]

    def note(self, weights: torch.Tensor) -> None:
        """Look at a generation's weights ``[P]``, and keep them when it is their turn."""
        if self._seen % self._every == 0:
            if len(self._rows) == self._size:
                self._rows = self._rows[::2]
                self._every *= 2
            if self._seen % self._every == 0:
                self._rows.append(weights)
        self._seen += 1

    def members(self, layout: Layout) -> list[WeightGenome]:
        """Return the networks as individuals, the oldest first."""
        return [WeightGenome(Node(layout, row)) for row in self._rows]

    def state_dict(self) -> dict[str, Any]:
        """Return the networks' weights and where the count stands."""
        return {"rows": list(self._rows), "every": self._every, "seen": self._seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state that `state_dict` returned."""
        self._rows = list(state["rows"])
        self._every, self._seen = state["every"], state["seen"]
