"""`Ledger`: what a search has seen: every network's scores, what they cost, who leads."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, final

from deapnets.algorithms.trials import pack_individual, unpack_individual


def name_of(individual: Any) -> str:
    """Return what tells networks apart: the individual's key, or its text."""
    return str(getattr(individual, "key", None) or individual)


@final
@dataclass
class Entry:
    """One network: an individual that is it, and its fitness at the full fidelity, each time."""

    individual: Any
    scores: list[tuple[float, ...]] = field(default_factory=list)
    waiting: int = 0  # evaluations under way to score it again
    worth: tuple[float, ...] = ()  # the mean of its scores, each objective to be maximised

    def add(self, values: tuple[float, ...]) -> None:
        """Add one score."""
        self.scores.append(values)
        weights = self.individual.fitness.weights
        self.worth = tuple(w * mean for w, mean in zip(weights, self.mean(), strict=True))

    def mean(self) -> tuple[float, ...]:
        """Return the mean of its scores, a number an objective."""
        return tuple(map(statistics.fmean, zip(*self.scores, strict=True)))


@final
class Ledger:
    """Scores by network, and counts.

    Attributes
    ----------
    entries
        A network each, by its key, in the order they came; at the full fidelity only.
    keys
        The keys of all networks that were proposed, at whatever fidelity.
    proposals
        Individuals that were proposed, the same network again included.
    hits
        Proposals that were answered from an archive.
    seconds
        Cost of all evaluations.
    infeasible
        Reasons why networks could not be trained, and how often each.
    """

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.keys: set[str] = set()
        self.proposals = self.hits = 0
        self.seconds = 0.0
        self.infeasible: dict[str, int] = {}

    def note(self, individual: Any, values: tuple[float, ...]) -> None:
        """Write down a score at the full fidelity."""
        entry = self.entries.setdefault(name_of(individual), Entry(individual))
        entry.add(values)

    def ranked(self) -> list[Entry]:
        """Return all networks, the best mean first; of equals the one that came first."""
        return sorted(self.entries.values(), key=attrgetter("worth"), reverse=True)

    def best(self) -> Entry | None:
        """Return the network of the best mean, or None."""
        return max(self.entries.values(), key=attrgetter("worth"), default=None)

    def next_leader(self, leaders: int) -> Entry:
        """Return which of the best so many is to be scored again: the one with fewest scores."""
        first = self.ranked()[:leaders]
        return min(first, key=lambda entry: len(entry.scores) + entry.waiting)

    def figures(self) -> dict[str, float]:
        """Return the counts, for a log."""
        return {
            "proposals": self.proposals,
            "distinct": len(self.keys),
            "archive_hits": self.hits,
            "evaluation_seconds": self.seconds,
            "infeasible": sum(self.infeasible.values()),
        }

    def packed(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "entries": [
                [pack_individual(entry.individual), list(map(list, entry.scores))]
                for entry in self.entries.values()
            ],
            "keys": sorted(self.keys),
            "proposals": self.proposals,
            "hits": self.hits,
            "seconds": self.seconds,
            "infeasible": dict(self.infeasible),
        }

    @classmethod
    def unpacked(cls, state: dict[str, Any], model: Any) -> Ledger:
        """Return the ledger of `packed`; ``model`` is an individual of the search's kind."""
        ledger = cls()
        for individual, scores in state["entries"]:
            entry = Entry(unpack_individual(individual, model))
            for values in scores:
                entry.add(tuple(values))
            ledger.entries[name_of(entry.individual)] = entry
        ledger.keys = set(state["keys"])
        ledger.proposals, ledger.hits = state["proposals"], state["hits"]
        ledger.seconds, ledger.infeasible = state["seconds"], dict(state["infeasible"])
        return ledger
