"""What operators of search spaces and of programs demand of what they are given."""

from __future__ import annotations

from typing import Any

from deapnets.errors import OperatorError


def require_genome(operator: str, individual: Any, kind: type, init: str) -> None:
    """Raise an `OperatorError` for an individual of another kind; ``init`` makes the right one."""
    if not isinstance(individual, kind):
        raise OperatorError(
            f"{operator} works on {kind.__name__} individuals, got {type(individual).__name__}. "
            f"See: deapnets.{init}."
        )


def require_space(operator: str, space: Any, kind: type, example: str) -> None:
    """Raise an `OperatorError` for a space of another kind; ``example`` names one that suits."""
    if not isinstance(space, kind):
        raise OperatorError(
            f"{operator} draws from a {kind.__name__}, got {type(space).__name__}. "
            f"See: deapnets.{example}."
        )
