"""`SerialEngine`: this process, one chunk after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import final

from deapnets.engines.base import Engine, Job
from deapnets.engines.scoring import Scored, Scorer
from deapnets.genomes.nodes import Node


@final
class SerialEngine(Engine):
    """Makes and scores networks in this process.

    Parameters
    ----------
    scorer
        What does it.
    """

    name = "serial"

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def map(self, job: Job, nodes: Sequence[Node]) -> Iterator[Scored]:
        """Yield the scores of nodes of one layout, chunk by chunk, in their order."""
        return self._scorer.scores(job.evaluator, job.keywords, nodes)

    def stream(self, job: Job, nodes: Iterable[Node], window: int) -> Iterator[Scored]:
        """Yield the scores of nodes one by one, ``window`` of them asked for ahead."""
        source = iter(nodes)
        waiting = deque(islice(source, window))
        index = 0
        while waiting:
            (scored,) = self.map(job, [waiting.popleft()])
            yield scored._replace(first=index)
            index += 1
            waiting.extend(islice(source, 1))
