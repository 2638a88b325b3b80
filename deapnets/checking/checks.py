"""Whether a plugin works: imported and constructed in a process of its own, with a time limit.

A plugin that hangs, crashes or prints harms nobody then, and the seconds of its import are its own:
nothing was loaded before. Nothing here needs data, so data are not opened.

    for result in check(find(EVALUATORS)):
        print(result.found.name, result.state, result.problem, *result.faults)

What is a *problem* keeps the plugin from being used; what is a *fault* breaks the contract, or will
break something later. `deapnets.testing` has the tests that need a network and data.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, final

from deapnets.checking.requirements import missing_extra, unmet
from deapnets.plugins import EVALUATORS, FoundPlugin, find

SECONDS = 30.0
"""How long the import and the construction of one plugin may take."""


@final
@dataclass(frozen=True)
class Check:
    """How far a plugin comes with its defaults.

    Attributes
    ----------
    found
        The plugin.
    state
        The last state it reached.
    seconds
        How long its import took, or failed to; little when another one of its distribution had
        imported most of it.
    problem
        Why it came no further, on one line; None when it is usable.
    faults
        What breaks the contract of its group, a line each.
    unmet
        What its distribution asks for and has not got, a line each with the command that mends it.
    """

    found: FoundPlugin
    state: Literal["found", "loaded", "usable"]
    seconds: float
    problem: str | None = None
    faults: tuple[str, ...] = ()
    unmet: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None and not self.faults and not self.unmet


def check(
    plugins: Sequence[FoundPlugin],
    seconds: float = SECONDS,
    options: Mapping[str, Any] | None = None,
) -> Iterator[Check]:
    """Yield how far each plugin comes. Raises nothing of theirs.

    Parameters
    ----------
    plugins
        Those to try. An evaluator has a process of its own; other neighbours of one distribution
        share one, until one of them hangs in it or ends it.
    seconds
        How long each of them may take.
    options
        What all are constructed with, as JSON values; none for their defaults.
    """
    for _, lot in groupby(plugins, _company):
        waiting = list(lot)
        while waiting:
            for result in _answers(tuple(waiting), seconds, options or {}):
                waiting.pop(0)
                yield result


def _company(plugin: FoundPlugin) -> tuple[str, str]:
    """Return what those have in common that share a process."""
    return plugin.distribution, plugin.name if plugin.group == EVALUATORS else ""


def _answers(
    plugins: Sequence[FoundPlugin], seconds: float, options: Mapping[str, Any]
) -> Iterator[Check]:
    """Yield checks of one process, up to the plugin that is its end; that one's included."""
    task = {"path": sys.path, "options": dict(options), "plugins": [vars(p) for p in plugins]}
    with subprocess.Popen(
        [sys.executable, "-m", "deapnets.checking"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    ) as process:
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
        reader.start()
        try:
            with contextlib.suppress(OSError):  # it may have ended before it read anything
                assert process.stdin is not None
                process.stdin.write(json.dumps(task))
                process.stdin.close()
            for plugin in plugins:
                result = _next(plugin, lines, process, seconds)
                yield _completed(result)
                if result.state == "found" and process.poll() is not None:
                    return
        finally:
            process.kill()
            reader.join()


def _read(process: subprocess.Popen[str], lines: queue.SimpleQueue[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put("")


def _next(
    plugin: FoundPlugin,
    lines: queue.SimpleQueue[str],
    process: subprocess.Popen[str],
    seconds: float,
) -> Check:
    try:
        answer = lines.get(timeout=seconds)
    except queue.Empty:
        process.kill()
        process.wait()
        said = f"did not come back within {seconds:g} s, and was stopped."
        return Check(plugin, "found", seconds, f"{plugin.title} {said}")
    if not answer:
        code = process.wait()
        said = f"ended the process that imported it, with exit code {code}."
        return Check(plugin, "found", 0.0, f"{plugin.title} {said}")
    facts = json.loads(answer)
    return Check(plugin, **{**facts, "faults": tuple(facts["faults"])})


def _completed(result: Check) -> Check:
    """Return a check with what the metadata say: requirements that are not met."""
    problem = result.problem
    if problem is not None and "No module named" in problem:
        problem += missing_extra(result.found.distribution, problem.rpartition("'")[0])
    found, faults = result.found, list(result.faults)
    others = {p.full_name for p in find(found.group) if p.name == found.name}
    if len(others - {found.full_name}):
        names = " or ".join(sorted(others))
        faults.append(f'The name "{found.name}" is taken {len(others)} times: write {names}.')
    lacking = tuple(unmet(found.distribution))
    return dataclasses.replace(result, problem=problem, faults=tuple(faults), unmet=lacking)
