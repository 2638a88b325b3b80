"""Fitness that is not finite: an error, or the worst value of the generation, written down."""

from __future__ import annotations

from collections.abc import Sequence
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
) -> list[dict[str, Any]]:
    """Replace rows of ``values`` ``[n, objectives]`` that are not finite, in place.

    Returns
    -------
    list
        A dict for each row that was replaced: ``generation, individual, value``.

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
    if not bool(finite.any()):
        raise EvaluationError(
            f"{said}that of no individual was, so there is no worst value to give them."
        )
    directions = torch.tensor(signs(evaluator.weights), dtype=values.dtype)
    worst = (values[finite] * directions).amin(0) * directions
    faults = []
    for index in bad:
        value = [repr(v) for v in values[index].tolist()]
        individual = population[index].digest
        faults.append({"generation": generation, "individual": individual, "value": value})
        values[index] = worst
    return faults
