"""Networks side by side, each on one thread: the bits of none depend on how many there are.

torch splits a large operation between threads, and a matrix library rounds differently where a
product is split; so do the vectorised functions at the ends of each part. A network that is
computed by one thread has nothing to split. What torch's threads would have done is done by as many
threads of Python instead, each with networks and a copy of the module of its own.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Generic, TypeVar, final

import torch

Worker = TypeVar("Worker")
Result = TypeVar("Result")


@final
class Crew(Generic[Worker]):
    """Copies of a worker, each on a thread that torch's operations do not share.

    Parameters
    ----------
    worker
        What computes; the others are deep copies of it, made when they are first needed.
    device
        Elsewhere than on a CPU there is one worker.
    """

    def __init__(self, worker: Worker, device: torch.device) -> None:
        self.workers = [worker]
        self.device = device
        self._alone = device.type != "cpu"
        self._pool: ThreadPoolExecutor | None = None

    def run(
        self,
        task: Callable[[Worker, int, int], Result],
        count: int,
        *,
        side_by_side: bool = True,
    ) -> list[Result]:
        """Return ``task(worker, first, end)`` of parts of ``count`` networks, in their order.

        Without ``side_by_side`` there is one part, on one thread all the same.
        """
        threads = torch.get_num_threads()
        if self._alone or threads == 1:
            return [task(self.workers[0], 0, count)]
        size = max(1, min(threads, count)) if side_by_side else 1
        pool = self._pool or self._filled()
        edges = [count * part // size for part in range(size + 1)]
        while len(self.workers) < size:
            self.workers.append(copy.deepcopy(self.workers[0]))
        grad, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()

        def part(worker: Worker, first: int, end: int) -> Result:
            with torch.inference_mode(inference), torch.set_grad_enabled(grad):
                return task(worker, first, end)

        parts = zip(self.workers, edges, edges[1:], strict=False)
        calls = [pool.submit(part, *what) for what in parts]
        wait(calls)  # all of them: a worker that still computes is not to be called again
        return [call.result() for call in calls]

    def _filled(self) -> ThreadPoolExecutor:
        """Return a pool whose threads are all there, with one thread of torch each."""
        threads = torch.get_num_threads()
        there = threading.Barrier(threads)

        def begin() -> None:
            torch.get_num_threads()  # torch sets a new thread's number at its first use: now
            torch.set_num_threads(1)
            there.wait()

        pool = ThreadPoolExecutor(threads, "networks", begin)
        for _ in range(threads):
            pool.submit(int)
        pool.submit(int).result()
        torch.set_num_threads(threads)  # what the pool set for itself is the default of new threads
        self._pool = pool
        return pool
