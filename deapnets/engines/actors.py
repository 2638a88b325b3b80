"""`RayCrew`: actors of a Ray cluster, on this machine or on many."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
import weakref
from dataclasses import dataclass
from typing import Any, final

from deapnets.engines.bench import Bench
from deapnets.engines.crew import Crew, Traffic, random_kept
from deapnets.engines.messages import Call, Done, Failed, Lost, Missing, Reply, Returned, Task
from deapnets.errors import EngineError, OptionError

_REACH_SECONDS = 5.0
_STAFF_SECONDS = 180.0
"""Seconds without any actor after which that is an error."""


class Actor:
    """What runs in a Ray worker: a bench, and tasks for it.

    Parameters
    ----------
    path
        Where modules are looked for after Ray's own places.
    """

    def __init__(self, path: list[str]) -> None:
        import torch

        sys.path += [entry for entry in path if entry not in sys.path]
        torch.set_num_threads(1)
        torch.seed()  # what an evaluator draws without a generator is not the same in every worker
        self._bench = Bench()

    def ready(self) -> None:
        """Return when the actor is there."""

    def do(self, task: Task | Call) -> Done | Returned | Missing | Failed:
        """Do a task, its supplies fetched from the object store."""
        import ray

        for name, value in task.supplies.items():
            task.supplies[name] = ray.get(value)  # type: ignore[index]  # a dict, in this process
        return self._bench.do(task)


@dataclass(eq=False)
class _Member:
    """An actor, and what it is doing."""

    actor: Any
    pending: Any  # the reference of what it will return
    ticket: int | None = None
    since: float = 0.0
    ready: bool = False
    reason: str = ""  # why we stopped it


@final
class RayCrew(Crew):
    """Actors that stay from one generation to the next; those of lost nodes come back elsewhere.

    Parameters
    ----------
    workers
        How many; None for one a processor core of the cluster, looked up each generation.
    address
        The cluster's; None for one that this process is connected to or that RAY_ADDRESS names, or
        a new one on this machine.
    gpu
        Whether actors share the cluster's GPUs in equal parts.
    time_limit
        Seconds after which a task's actor is stopped; None for never.

    Raises
    ------
    EngineError
        When Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        address: str | None = None,
        gpu: bool = False,
        time_limit: float | None = None,
    ) -> None:
        self._ray = _imported()
        self._own = not self._ray.is_initialized()
        if self._own:
            _connect(self._ray, address, workers)
        self.traffic = Traffic()
        self.time_limit = time_limit
        self._wanted = workers
        self._gpu = gpu
        self._members: list[_Member] = []
        self._alone_since = time.monotonic()
        if self._own:
            weakref.finalize(self, self._ray.shutdown)

    @property
    def workers(self) -> int:  # type: ignore[override]  # follows the cluster
        """How many actors there are to be."""
        return self._wanted or max(1, int(self._resources().get("CPU", 1)))

    def idle(self) -> int:
        """Return how many actors wait for a task."""
        self._hire()
        return sum(member.ready and member.ticket is None for member in self._members)

    def start(self, ticket: int, task: Task | Call) -> None:
        """Have a waiting actor begin a task: the last one that replied, which holds the most."""
        waiting = [one for one in self._members if one.ready and one.ticket is None]
        member = max(waiting, key=lambda one: one.since)
        member.ticket, member.since = ticket, time.monotonic()
        with random_kept():
            member.pending = member.actor.do.remote(task)

    def wait(self) -> list[tuple[int, Reply]]:
        """Wait until an actor is ready, replies, is lost or has taken too long."""
        busy = {one.pending: one for one in self._members if one.pending is not None}
        with random_kept():
            done, _ = self._ray.wait(list(busy), timeout=self._patience())
            replies = [self._read(busy[reference]) for reference in done]
        if not done:
            self._stop_the_late()
        self._require_somebody()
        return [reply for reply in replies if reply is not None]

    def close(self) -> None:
        """End the actors."""
        for member in self._members:
            self._kill(member)
        self._members.clear()

    def publish(self, value: Any) -> Any:
        """Return a reference to a value in the object store, which each node fetches once."""
        with random_kept():
            return self._ray.put(value)

    def _read(self, member: _Member) -> tuple[int, Reply] | None:
        """Return an actor's reply with its ticket; None for other news."""
        ticket, member.ticket = member.ticket, None
        reference, member.pending = member.pending, None
        try:
            reply = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._members.remove(member)
            if isinstance(error, self._ray.exceptions.RayTaskError):
                raise EngineError(f"An actor cannot begin: {_line(error)}") from error
            return None if ticket is None else (ticket, Lost(member.reason or _line(error)))
        member.since = time.monotonic()
        member.ready = True
        return None if ticket is None else (ticket, reply)

    def _patience(self) -> float:
        """Return the seconds until somebody has taken too long; never more than one.

        So that nodes that join are noticed.
        """
        began = [one.since for one in self._members if one.ticket is not None]
        if self.time_limit is None or not began:
            return 1.0
        return min(1.0, max(0.0, min(began) + self.time_limit - time.monotonic()) + 0.01)

    def _stop_the_late(self) -> None:
        now = time.monotonic()
        for member in self._members:
            if member.ticket is not None and now - member.since > (self.time_limit or now):
                member.reason = f"took longer than {self.time_limit:g} s"
                self._kill(member)

    def _require_somebody(self) -> None:
        """Raise an `EngineError` when no actor has been there for three minutes."""
        if any(member.ready for member in self._members):
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > _STAFF_SECONDS:
            raise EngineError(
                f"Ray has had no place for an actor for {_STAFF_SECONDS:g} s. The cluster has "
                f"{self._resources()}; see: ray status."
            )

    def _hire(self) -> None:
        missing = self.workers - len(self._members)
        if missing <= 0:
            return
        cores, gpus = (self._resources().get(name, 0.0) for name in ("CPU", "GPU"))
        kind = self._ray.remote(Actor).options(
            num_cpus=min(1.0, cores / self.workers or 1.0),
            num_gpus=min(1.0, gpus / self.workers) if self._gpu else 0.0,
            runtime_env={"env_vars": {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}},
        )
        for _ in range(missing):
            with random_kept():
                actor = kind.remote(sys.path)
                self._members.append(_Member(actor, actor.ready.remote()))

    def _resources(self) -> dict[str, float]:
        resources: dict[str, float] = self._ray.cluster_resources()
        return resources

    def _kill(self, member: _Member) -> None:
        with contextlib.suppress(Exception):  # it may be gone already, or its node
            self._ray.kill(member.actor)


def _imported() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise EngineError(
            'engine="ray" needs Ray, which is not installed: pip install "deapnets[ray]"'
        ) from error
    return ray


def _connect(ray: Any, address: str | None, workers: int | None) -> None:
    """Connect to a cluster, or start one on this machine."""
    address = address or os.environ.get("RAY_ADDRESS")
    if address is not None and address not in ("auto", "local"):
        _require_reachable(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a run tells nobody that it runs
    new = address in (None, "local")
    try:
        with random_kept():
            ray.init(
                address=address or "local",  # never whatever cluster was started here before
                logging_level="ERROR",
                log_to_driver=False,
                **({"num_cpus": workers, "include_dashboard": False} if new else {}),
            )
    except (ConnectionError, RuntimeError, ValueError) as error:
        said = f"No Ray cluster at {address or 'this machine'}: {_line(error)}"
        if not new and os.environ.get("RAY_AUTH_MODE") != "token":
            said += ". One that asks for a token is reached with RAY_AUTH_MODE=token."
        raise EngineError(said) from error


def _require_reachable(address: str) -> None:
    """Raise an error unless somebody listens at ``host:port``: Ray itself would try for long."""
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if not separator or not port.isdigit():
        raise OptionError(f'address is HOST:PORT, ray://HOST:PORT or "auto"; got "{address}".')
    try:
        socket.create_connection((host, int(port)), timeout=_REACH_SECONDS).close()
    except OSError as error:
        raise EngineError(
            f"No Ray cluster at {address}: {error}. Start one there with: ray start --head"
        ) from error


def _line(error: BaseException) -> str:
    """Return an error on one line: Ray's own go on for twenty."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
