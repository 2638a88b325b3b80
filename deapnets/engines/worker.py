"""A worker process: ``python -m deapnets.engines.worker``, started by `ProcessCrew`.

It reads tasks from its standard input and writes replies to its standard output, a length of eight
bytes and a pickle each. What evaluators print goes to standard error.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import sys
import threading
from typing import Any, BinaryIO

_LENGTH = 8


def write_frame(stream: BinaryIO, value: Any) -> int:
    """Write a value; return how many bytes it took."""
    content = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(len(content).to_bytes(_LENGTH, "little"))
    stream.write(content)
    stream.flush()
    return len(content)


def read_frame(stream: BinaryIO) -> Any:
    """Return the next value; `EOFError` when the other side is gone, in the middle of one or not.

    The streams are pipes between a process and the workers it started: nobody else writes there.
    """
    head = stream.read(_LENGTH)
    size = int.from_bytes(head, "little")
    content = stream.read(size)
    if len(head) < _LENGTH or len(content) < size:
        raise EOFError
    return pickle.loads(content)


def main() -> None:
    """Do tasks until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    settings = read_frame(inbox)
    _end_with_parent(settings["life"], settings["parent"])
    sys.path[:] = settings["path"]
    import torch

    from deapnets.engines.bench import Bench
    from deapnets.engines.pool import attached

    torch.set_num_threads(settings["threads"])
    torch.seed()  # what an evaluator draws without a generator is not the same in every worker
    bench = Bench(attached(settings["pool"]) if settings["pool"] else None)
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(inbox, tasks), daemon=True).start()
    write_frame(outbox, "ready")
    while True:
        write_frame(outbox, bench.do(tasks.get()))


def _read(inbox: BinaryIO, tasks: queue.SimpleQueue[Any]) -> None:
    """Hand over tasks, and end the process when there will be none any more, whatever it does."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            tasks.put(read_frame(inbox))
    os._exit(0)


def _end_with_parent(life: int, parent: int) -> None:
    """Have the kernel end this process when the pipe ``life`` loses its writer: the parent.

    `_read` does so too, but not while an evaluator holds Python's lock. Linux alone has it.
    """
    if life < 0 or not sys.platform.startswith("linux"):
        return
    import fcntl

    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    if os.getppid() != parent:  # it went while this was set up
        os._exit(0)


if __name__ == "__main__":
    main()
