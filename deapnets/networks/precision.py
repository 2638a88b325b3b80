"""What networks compute in: float32, or bfloat16 where a processor has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import torch

from deapnets.errors import EvaluationError, OptionError, unknown
from deapnets.networks.trees import tensors_of, with_tensors

Precision = Literal["float32", "bfloat16"]
PRECISIONS = ("float32", "bfloat16")


def require_precision(precision: str) -> None:
    """Raise an `OptionError` unless networks can compute in it."""
    if precision not in PRECISIONS:
        raise OptionError(unknown("precision", str(precision), PRECISIONS))


def computing_in(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Return a context, of this thread, in which torch computes products in the precision.

    That is torch's autocast: normalisations and sums stay in float32.
    """
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


@contextmanager
def told(precision: Precision, title: str) -> Iterator[None]:
    """Say of what torch raises in a block that the precision may be the reason, in one line."""
    try:
        yield
    except (torch.OutOfMemoryError, EvaluationError):
        raise
    except RuntimeError as error:
        if precision == "float32":
            raise
        reason = str(error).strip().splitlines()[0]
        raise EvaluationError(
            f'{title} fails in {precision}: {reason}. precision="float32" computes it as it is.'
        ) from error


def in_float32(outputs: Any) -> Any:
    """Return the tree with tensors of bfloat16 in float32, for losses."""
    halves = (t.float() if t.dtype == torch.bfloat16 else t for t in tensors_of(outputs))
    return with_tensors(outputs, halves)
