"""Which evaluator a function of a toolbox calls: registered with keywords, decorated, or none."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from deapnets.evaluators.architectures import ArchitectureEvaluator
from deapnets.evaluators.base import Evaluator
from deapnets.evaluators.programs import ProgramEvaluator


def find_evaluator(function: Callable[..., Any]) -> tuple[Evaluator | None, dict[str, Any]]:
    """Return the evaluator that a toolbox function calls, and the keywords of its registration."""
    keywords: dict[str, Any] = {}
    while isinstance(function, functools.partial) and not function.args:
        keywords = {**function.keywords, **keywords}
        function = function.func
    if isinstance(function, Evaluator) and not isinstance(function, ArchitectureEvaluator):
        return function, keywords
    return None, {}


def find_programs(function: Callable[..., Any]) -> ProgramEvaluator | None:
    """Return the evaluator of programs that a toolbox function calls, or None."""
    while isinstance(function, functools.partial) and not function.args and not function.keywords:
        function = function.func
    return function if isinstance(function, ProgramEvaluator) else None


def hides_evaluator(function: Callable[..., Any]) -> bool:
    """Return whether the function is an evaluator that a decorator hides."""
    called = getattr(function, "func", function)
    inner = inspect.unwrap(called)
    return inner is not called and find_evaluator(inner)[0] is not None
