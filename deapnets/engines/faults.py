"""Fitness that is not finite: an error, or the worst value of the generation, written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import torch

from deapnets.errors import EvaluationError
from deapnets.evaluators.base import Evaluator, signs
from deapnets.genomes.weights import WeightGenome

OnError = Literal["raise", "worst"]


def settle_faults(
    evaluator: Evaluator,
    population: Sequence[WeightGenome],
    values: torch.Tensor,
    generation: int,
    on_error: OnError,
    *,
    reasons: Mapping[str, str] = MappingProxyType({}),
    worst: torch.Tensor | None = None,
) -> list[dict[str, Any]]:
    """Replace rows of ``values`` ``[n, objectives]`` that are not finite, in place.

    Parameters
    ----------
    reasons
        Why individuals have no fitness, by digest, where that is not the evaluator's doing.
    worst
        The worst values ``[1, objectives]`` that are known beside these; None for none.

    Returns
    -------
    list
        A dict for each row that was replaced: ``generation, individual, value``, and ``reason``
        where there is one.

    Raises
    ------
    EvaluationError
        When there is one and ``on_error`` is ``"raise"``, or when no row is finite.
    """
    finite = torch.isfinite(values).all(1)
    if bool(finite.all()):
        return []
    bad = torch.nonzero(~finite)[:, 0].tolist()
    first = population[bad[0]]
    got = "NaN" if bool(torch.isnan(values[bad[0]]).any()) else "infinity"
    said = (
        f"{evaluator.title} returned {got} for individual {first.digest[:8]} (generation "
        f"{generation}). Fitness must be finite; "
    )
    if on_error == "raise":
        raise EvaluationError(f'{said}on_error="worst" gives it the worst value.')
    known = [values[finite], *([] if worst is None else [worst])]
    if not any(map(len, known)):
        raise EvaluationError(
            f"{said}that of no individual was, so there is no worst value to give them."
        )
    replacement = worst_of(evaluator, torch.cat(known))
    faults = []
    for index in bad:
        value = [repr(v) for v in values[index].tolist()]
        individual = population[index].digest
        fault = {"generation": generation, "individual": individual, "value": value}
        faults.append(fault | ({"reason": reasons[individual]} if individual in reasons else {}))
        values[index] = replacement
    return faults


def worst_of(evaluator: Evaluator, values: torch.Tensor) -> torch.Tensor:
    """Return the worst of ``values`` ``[n, objectives]`` in each objective, ``[1, objectives]``."""
    directions = torch.tensor(signs(evaluator.weights), dtype=values.dtype)
    return (values * directions).amin(0, keepdim=True) * directions
