"""What `deapnets.checking` does with a plugin in the process that it started for it."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, final

from deapnets.errors import PluginError
from deapnets.plugins import (
    COMMANDS,
    DISTRIBUTIONS,
    EVALUATORS,
    LOGGERS,
    STRATEGIES,
    STUDIES,
    FoundPlugin,
    LoadedPlugin,
)

HEAVY = ("torch", "numpy", "scipy", "sklearn", "matplotlib", "pandas", "PIL", "jax", "tensorflow")
"""Libraries that an evaluator imports where it uses them: finding a plugin must cost nothing."""

_BASES = {
    EVALUATORS: "deapnets.evaluators.base:Evaluator",
    STRATEGIES: "deapnets.algorithms.base:Settings",
    DISTRIBUTIONS: "deapnets.distributions.base:Distribution",
    LOGGERS: "deapnets.loggers.base:Logger",
}


def probe(found: FoundPlugin, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a `deapnets.checking.checks.Check`, as JSON values. Raises nothing."""
    before, started = set(sys.modules), time.perf_counter()
    facts: dict[str, Any] = {"state": "found", "problem": None, "faults": []}
    try:
        if found.group in (COMMANDS, STUDIES):  # nothing to construct
            facts["faults"] = _faults_of_command(found.imported())
            return facts | {"state": "usable", "seconds": time.perf_counter() - started}
        loaded = found.load()
    except PluginError as error:
        return facts | {"seconds": time.perf_counter() - started, "problem": str(error)}
    facts |= {"state": "loaded", "seconds": loaded.seconds}
    heavy = [name for name in HEAVY if name in sys.modules and name not in before]
    try:
        with watching() as opened:
            instance = loaded.make(**options).instance
    except Exception as error:  # a class without a readable signature, say
        return facts | {"problem": str(error)}
    facts["faults"] = list(_faults(loaded, instance, heavy, opened))
    return facts | {"state": "usable"}


def _faults(
    loaded: LoadedPlugin, instance: Any, heavy: list[str], opened: list[str]
) -> Iterator[str]:
    """Yield what breaks the contract of the plugin's group, a line each."""
    group, kind = loaded.found.group, loaded.target
    if group in _BASES and not issubclass(kind, _named(_BASES[group])):
        wanted = _BASES[group].rpartition(":")[2]
        yield f"{kind.__name__} does not derive from {wanted}: nothing can be done with it."
        return
    if not loaded.summary:
        yield f"{kind.__name__} has no docstring; its first line is what lists say of it."
    if group == DISTRIBUTIONS:
        yield from _faults_of_distribution(instance)
        return
    for option in loaded.options():
        if not option.explanation:
            yield (
                f'Option "{option.name}" is not explained: write an entry under "Parameters" in '
                "the docstring."
            )
    if group == STRATEGIES and not dataclasses.is_dataclass(kind):
        yield f"{kind.__name__} is no dataclass: a run could not write its settings down."
    if group == EVALUATORS:
        yield from _faults_of_evaluator(instance, heavy, opened)


def _faults_of_evaluator(instance: Any, heavy: list[str], opened: list[str]) -> Iterator[str]:
    if heavy:
        yield f"Importing it loads {', '.join(heavy)}: import that inside the methods that use it."
    if opened:
        yield f"Making it opens {', '.join(opened[:3])}: open data on first use."
    weights = instance.weights
    if not (isinstance(weights, tuple) and weights and all(_direction(w) for w in weights)):
        yield f"weights is a tuple of 1.0 or -1.0 for each objective, got {weights!r}."


def _direction(weight: Any) -> bool:
    return isinstance(weight, int | float) and weight != 0


def _faults_of_distribution(instance: Any) -> Iterator[str]:
    import numpy as np

    from deapnets.distributions.base import LEVELS

    quantiles = np.asarray(instance.quantiles((np.arange(LEVELS) + 0.5) / LEVELS))
    if quantiles.shape != (LEVELS,):
        yield f"quantiles gave shape {list(quantiles.shape)} for {LEVELS} probabilities."
    elif not np.isfinite(quantiles).all():
        yield "quantiles gave values that are not finite."
    elif (np.diff(quantiles) < 0).any():
        yield "quantiles do not ascend with the probabilities."


def _faults_of_command(command: Any) -> list[str]:
    called = [f"{kind.__module__}.{kind.__name__}" for kind in type(command).__mro__]
    if "click.core.Command" in called:
        return []
    return [f"It is a {type(command).__name__}, expected a click command."]


def _named(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


@final
class _Hook:
    """An audit hook that notes what is opened while somebody watches. A hook stays for good."""

    def __init__(self) -> None:
        self.opened: list[str] | None = None

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.opened is None or event not in ("open", "socket.connect"):
            return
        if not _importing():
            self.opened.append(str(arguments[0] if event == "open" else arguments[1]))


def _importing() -> bool:
    """Return whether an import is under way: it opens files of its own."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def watching() -> Iterator[list[str]]:
    """Give a list that fills with the files and connections that are opened; imports are left out.

    For processes that end soon: the hook cannot be taken out again.
    """
    hook = _Hook()
    opened: list[str] = []
    hook.opened = opened
    sys.addaudithook(hook)
    try:
        yield opened
    finally:
        hook.opened = None
