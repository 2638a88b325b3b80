"""Which engine: by name, an executor of one's own, or an engine."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from typing import Any, NamedTuple

from deapnets.engines.base import Engine
from deapnets.engines.crew import Crew
from deapnets.engines.remote import RemoteEngine
from deapnets.engines.scoring import Scorer
from deapnets.engines.sending import Machine
from deapnets.engines.serial import SerialEngine
from deapnets.errors import OptionError, at_least_one, unknown

ENGINES = ("serial", "processes", "ray")


class Staffing(NamedTuple):
    """What a user says about workers; None for what is usual."""

    workers: int | None = None
    address: str | None = None
    time_limit: float | None = None


def make_engine(engine: Any, scorer: Scorer, machine: Machine, staffing: Staffing) -> Engine:
    """Return the engine for ``"serial"``, ``"processes"``, ``"ray"``, or an `Executor`.

    Parameters
    ----------
    engine
        A name, or any `concurrent.futures.Executor`.
    scorer
        Scores in this process.
    machine
        What workers' scorers are made with; its memory is for all of them together.
    staffing
        What was said about workers.

    Raises
    ------
    OptionError
        When the name is unknown, or something was said that the engine has no use for.
    """
    _require(engine, staffing)
    if engine == "serial":
        return SerialEngine(scorer)
    count = staffing.workers or cores()
    share = machine._replace(memory=max(1, machine.memory // (2 * count)))
    if isinstance(engine, Executor):
        return RemoteEngine(_executor_crew(engine, staffing), "executor", scorer, share)
    crew = (
        _processes(machine, staffing, count) if engine == "processes" else _ray(machine, staffing)
    )
    return RemoteEngine(crew, engine, scorer, share)


def cores() -> int:
    """Return the processor cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _processes(machine: Machine, staffing: Staffing, count: int) -> Crew:
    from deapnets.engines.processes import ProcessCrew

    return ProcessCrew(
        count,
        threads=max(1, cores() // count),
        shared_bytes=machine.memory // 2,
        time_limit=staffing.time_limit,
    )


def _ray(machine: Machine, staffing: Staffing) -> Crew:
    from deapnets.engines.actors import RayCrew

    return RayCrew(
        staffing.workers,
        address=staffing.address,
        gpu=machine.device.startswith("cuda"),
        time_limit=staffing.time_limit,
    )


def _executor_crew(executor: Executor, staffing: Staffing) -> Crew:
    from deapnets.engines.executors import ExecutorCrew

    return ExecutorCrew(executor, staffing.workers)


def _require(engine: Any, staffing: Staffing) -> None:
    """Raise an `OptionError` for a name that is unknown and words that mean nothing here."""
    if not isinstance(engine, Executor) and engine not in ENGINES:
        raise OptionError(
            unknown("engine", str(engine), ENGINES)
            + " In a script, any concurrent.futures.Executor will do."
        )
    workers, address, time_limit = staffing
    at_least_one(workers=workers)
    if time_limit is not None and not 0 < time_limit < float("inf"):
        raise OptionError(f"time_limit is a number of seconds above 0, got {time_limit}.")
    if engine == "serial" and (workers or 1) > 1:
        raise OptionError('engine="serial" has one worker: this process. Try engine="processes".')
    if time_limit is not None and engine not in ("processes", "ray"):
        raise OptionError(
            'time_limit needs workers that can be stopped: engine="processes" or engine="ray".'
        )
    if address is not None and engine != "ray":
        raise OptionError(f'address is that of a Ray cluster: engine="ray", got "{engine}".')
