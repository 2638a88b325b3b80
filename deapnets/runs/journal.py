"""Scores of the generation under way, on the disk as they come in: nothing is paid twice."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, final

from deapnets.engines.scoring import Scored
from deapnets.genomes.weights import WeightGenome
from deapnets.mapping import PopulationMap
from deapnets.runs.networks import Lineage
from deapnets.runs.packing import from_plain, to_plain
from deapnets.runs.snapshots import Snapshots

NARROW = 2048
"""Weights below which a network is no longer than the recipes behind it."""
WORTH = 1.0
"""Seconds of a generation that are written down: what takes less is done again."""


@final
class Journal:
    """Writes scores behind the last snapshot, and gives back those that were written there.

    Parameters
    ----------
    snapshots
        Behind which they are written.
    mapping
        Whose scores they are.
    lineage
        Is told of the networks that are about to be made; None where none are remembered.
    """

    def __init__(
        self, snapshots: Snapshots, mapping: PopulationMap, lineage: Lineage | None = None
    ) -> None:
        self._snapshots = snapshots
        self._mapping = mapping
        self._lineage = lineage
        self._pending: list[tuple[Sequence[WeightGenome], Scored]] = []
        self._known: dict[tuple[int, str], list[_Known]] = {}
        self._since = time.perf_counter()
        mapping.on_scores = self._note
        self._listen()

    def load(self, lines: Sequence[dict[str, Any]]) -> None:
        """Know the scores that stand behind the snapshot from which a run goes on."""
        known: dict[tuple[int, str], list[_Known]] = defaultdict(list)
        for line in lines:
            values, records = from_plain(line["values"]), from_plain(line["records"])
            forwards = _Forwards(line["forwards"])
            for at, digest in enumerate(line["networks"]):
                own = {name: column[at] for name, column in records.items()}
                known[line["generation"], digest].append(_Known(values[at], own, forwards))
        self._known = dict(known)
        self._listen()

    def begin(self) -> None:
        """Begin a generation: what was scored before stands in a snapshot, or is cheap."""
        self._start()
        if self._known and max(self._known)[0] <= self._mapping.number:
            self._known = {}
        self._listen()

    def _note(self, individuals: Sequence[WeightGenome], scored: Scored) -> None:
        """Remember a chunk; write what was remembered once it is worth it."""
        self._pending.append((individuals, scored))
        if time.perf_counter() - self._since < WORTH:
            return
        for lot, done in self._pending:
            self._snapshots.append(
                {
                    "generation": self._mapping.number,
                    "networks": [individual.digest for individual in lot],
                    "values": to_plain(done.values.tolist()),
                    "records": to_plain({k: _listed(v) for k, v in done.records.items()}),
                    "forwards": done.forwards,
                }
            )
        self._start()

    def _listen(self) -> None:
        """Be asked about each individual, where there is an answer or something to remember."""
        asked = bool(self._known) or self._lineage is not None
        self._mapping.recall = self._recall if asked else None

    def _start(self) -> None:
        self._pending.clear()
        self._since = time.perf_counter()

    def _recall(self, individual: WeightGenome) -> tuple[float, ...] | None:
        """Return an individual's score in this generation when it is known; with its records."""
        if self._lineage is not None:
            self._remember(self._lineage, individual)
        if not self._known:
            return None
        known = self._known.get((self._mapping.number, individual.digest))
        if not known:
            return None
        found = known.pop()
        if found.records:
            individual.records = {**individual.records, **found.records}
        self._mapping.forwards += found.forwards.take()
        return tuple(found.values)

    def _remember(self, lineage: Lineage, individual: WeightGenome) -> None:
        """Remember where a network comes from; not where storing its weights is as short."""
        if individual.layout.width < NARROW:
            self._lineage = None  # from the next generation on nobody is asked
        else:
            lineage.note(individual.node)


@final
class _Forwards:
    """Rows that went through a chunk's networks: counted with the first of them."""

    def __init__(self, count: int) -> None:
        self._count = count

    def take(self) -> int:
        """Return the number, the first time; 0 later."""
        count, self._count = self._count, 0
        return count


@final
class _Known:
    """A score that was paid for."""

    def __init__(self, values: list[float], records: dict[str, Any], forwards: _Forwards) -> None:
        self.values, self.records, self.forwards = values, records, forwards


def _listed(values: Any) -> list[Any]:
    """Return recorded values ``[n]`` or ``[n, k]`` as individuals have them: numbers, tuples."""
    return [tuple(value) if isinstance(value, list) else value for value in values.tolist()]
