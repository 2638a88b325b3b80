"""`Engine`: where networks are made and scored; `Job`: what is asked of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from deapnets.engines.scoring import Scored
from deapnets.evaluators.base import Evaluator
from deapnets.genomes.nodes import Node


@dataclass(frozen=True)
class Job:
    """What is done with nodes: an evaluator that was prepared for a generation, and its keywords.

    Attributes
    ----------
    evaluator
        Prepared in this process.
    keywords
        What `Evaluator.evaluate` gets beside the networks.
    generation
        Its number, for what is written down about faults.
    """

    evaluator: Evaluator
    keywords: Mapping[str, Any] = field(default_factory=dict)
    generation: int = 0


class Engine(ABC):
    """Makes and scores the networks of nodes, wherever that is.

    The scores of a node are the same on every engine, in any company and on any number of workers.
    """

    name: str
    workers: int = 1
    """How many score at the same time."""

    @abstractmethod
    def map(self, job: Job, nodes: Sequence[Node]) -> Iterator[Scored]:
        """Yield the scores of all ``nodes``, a chunk at a time, as they come in.

        The nodes are of one layout. `Scored.first` says which ones a chunk holds.
        """

    @abstractmethod
    def stream(self, job: Job, nodes: Iterable[Node], window: int) -> Iterator[Scored]:
        """Yield the scores of ``nodes`` one by one, in their order.

        At most ``window`` are under way: the next node is asked for when the oldest one's scores
        were taken. So what is asked for follows from the scores, whatever the number of workers.
        """

    def executor(self) -> Executor | None:
        """Return the workers as an executor of any calls; None where this process does it all."""
        return None

    def faults(self) -> list[dict[str, Any]]:
        """Return the losses of workers since this was asked last, as JSON values."""
        return []

    def close(self) -> None:
        """Let workers go. The engine may be used again: they come back."""
