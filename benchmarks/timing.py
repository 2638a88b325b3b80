"""Repeated timings, their table and their record.

A warm-up (compilation, thread pools, caches) is run first and never counted. What is compared is
measured in one process in turns, so that a noisy minute of the machine falls on everybody; how
noisy it was is measured too:

    with Neighbours() as neighbours:
        timings = measure({"ours": ours, "theirs": theirs}, repeats=9)
    print(table(timings, reference="ours"))
    write(
        "generation.json",
        record(
            "generation", timings, packages=["torch", "deap"], neighbours_cores=neighbours.cores
        ),
    )
"""

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy


@dataclass(frozen=True)
class Timing:
    """Seconds that repeated calls of one function took.

    Attributes
    ----------
    name : str
        What was measured.
    seconds : tuple of float
        One figure a counted call, in the order of the calls, as the clock gave them.
    scale : float
        What `median` and `quartiles` are multiplied by: 1, or the extrapolation of
        `extrapolated`.
    note : str
        What a reader of the figure must know.
    """

    name: str
    seconds: tuple[float, ...]
    scale: float = 1.0
    note: str = ""

    @property
    def median(self) -> float:
        """The median in seconds, extrapolated if the timing is."""
        return self.scale * statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile in seconds, extrapolated if the timing is."""
        low, high = numpy.percentile(self.seconds, [25, 75])
        return self.scale * float(low), self.scale * float(high)

    def extrapolated(self, measured: int, wanted: int) -> "Timing":
        """Return the timing of `wanted` individuals, in proportion to the `measured` ones."""
        if measured == wanted:
            return self
        note = f"measured on {measured:,} of {wanted:,} individuals, extrapolated linearly"
        return replace(self, scale=self.scale * wanted / measured, note=note)

    def as_dict(self) -> dict[str, Any]:
        """Return plain numbers and strings, fit for JSON; the raw seconds are among them."""
        low, high = self.quartiles
        return {
            "name": self.name,
            "median_s": self.median,
            "quartiles_s": [low, high],
            "repeats": len(self.seconds),
            "scale": self.scale,
            "note": self.note,
            "raw_s": list(self.seconds),
        }


def measure(
    functions: Mapping[str, Callable[[], object]],
    *,
    repeats: int = 7,
    warmup: int = 1,
    settle: int = 0,
    row: int = 1,
    budget: float = float("inf"),
) -> list[Timing]:
    """Time functions in turns: `row` calls of each in a row, then again, `repeats` times.

    Parameters
    ----------
    functions : mapping of str to callable
        What to call by the name it has in the table. A call returns when its work is done: what
        runs on a device waits for the device.
    repeats : int
        Counted calls of each function.
    warmup : int
        Calls of each function before the counted ones; their seconds are thrown away.
    settle : int
        Calls at the start of a turn that are thrown away: what another function's turn pushed out
        of the caches and of the memory comes back. Half the budget at most goes into them.
    row : int
        Counted calls of a turn.
    budget : float
        Seconds of counted calls after which a function gets no further turn; it always has one.

    Returns
    -------
    list of Timing
        One for each function, in their order.
    """
    for function in functions.values():
        for _ in range(warmup):
            function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            if sum(seconds[name]) >= budget:
                continue
            for _ in range(settle):
                if _seconds(function) > budget / (2 * settle * repeats):
                    break
            seconds[name] += [_seconds(function) for _ in range(row)]
    return [Timing(name, tuple(took)) for name, took in seconds.items()]


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


class Neighbours:
    """Counts the processor cores that other processes keep busy inside a ``with`` block.

    It matters: with one of two cores taken, a loop of small parallel torch calls waits for its
    own threads and took 16 times as long as on the idle machine. A figure above 0.1 is a reason to
    measure again. Processes that this one has started count among the
    others until they have ended.

    Attributes
    ----------
    cores : float
        Mean number of busy cores, to be read after the block.
    """

    cores: float

    def __enter__(self) -> "Neighbours":
        """Start to count."""
        self._clock, self._busy = time.perf_counter(), _others_seconds()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop and set `cores`."""
        elapsed = time.perf_counter() - self._clock
        self.cores = round(max(0.0, _others_seconds() - self._busy) / elapsed, 2)


def _others_seconds() -> float:
    """Return the processor seconds of all processes but this one, since the machine started."""
    import psutil

    times = psutil.cpu_times()
    more = (getattr(times, name, 0.0) for name in ("nice", "steal"))  # there are none on a Mac
    everybody = times.user + times.system + sum(more)
    return everybody - sum(os.times()[:4])  # its own, and its children's that have ended


def table(timings: Iterable[Timing], *, reference: str | None = None) -> str:
    """Return a Markdown table of medians and quartiles.

    Parameters
    ----------
    timings : iterable of Timing
        The rows, in their order.
    reference : str, optional
        Name of the row that every median is divided by in one more column.

    Raises
    ------
    KeyError
        If no row is named `reference`.
    """
    timings = list(timings)
    unit = None if reference is None else _median_of(reference, timings)
    header = [
        "",
        "median s",
        "quartiles s",
        "n",
        *([] if unit is None else [f"x {reference}"]),
        "note",
    ]
    rows = [_row(timing, unit) for timing in timings]
    widths = [max(len(line[column]) for line in [header, *rows]) for column in range(len(header))]
    rule = ["-" * width for width in widths]
    return "\n".join(_line(cells, widths) for cells in [header, rule, *rows])


def _median_of(name: str, timings: Iterable[Timing]) -> float:
    medians = {timing.name: timing.median for timing in timings}
    if name not in medians:
        raise KeyError(f'No timing is named "{name}". There are: {", ".join(medians)}.')
    return medians[name]


def _row(timing: Timing, unit: float | None) -> list[str]:
    low, high = timing.quartiles
    ratio = [] if unit is None else [f"{timing.median / unit:.2f}"]
    quartiles = f"{low:.3g} - {high:.3g}"
    return [
        timing.name,
        f"{timing.median:.3g}",
        quartiles,
        str(len(timing.seconds)),
        *ratio,
        timing.note,
    ]


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"


def record(
    benchmark: str, timings: Iterable[Timing], *, packages: Iterable[str], **context: object
) -> dict[str, Any]:
    """Return a measurement with what is needed to judge it.

    Parameters
    ----------
    benchmark : str
        Name of the benchmark.
    timings : iterable of Timing
        What was measured.
    packages : iterable of str
        Distributions whose versions matter.
    **context
        Whatever else describes the run (sizes, settings); fit for JSON.
    """
    return {
        "benchmark": benchmark,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "hardware": hardware(),
        "versions": versions(packages),
        **context,
        "timings": [timing.as_dict() for timing in timings],
    }


def write(path: str | Path, measurement: Mapping[str, Any]) -> None:
    """Write a record as JSON, indented, for people to read too."""
    Path(path).write_text(json.dumps(measurement, indent=2) + "\n", encoding="utf-8")


def hardware() -> dict[str, Any]:
    """Return processor, cores this process may use, memory, GPU, load at this moment, system."""
    import psutil
    import torch

    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "memory_GB": round(psutil.virtual_memory().total / 1e9, 1),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "load_1min": round(psutil.getloadavg()[0], 2),
        "system": platform.platform(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Return the version of Python and of each distribution; None: not installed."""
    return {"python": platform.python_version(), **{name: _version(name) for name in packages}}


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
