"""Names of programs by what they compute: equal where outputs on a probe are, to five digits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from deap import gp

from deapnets.errors import EvaluationError
from deapnets.programs.compiling import Programs

POINTS = 64
"""Points of the probe: on how many inputs two programs are compared."""

_BITS = 16
"""Bits to which outputs are rounded before they are compared: about five digits."""

_NOTHING = 1e-12
"""Below this an output is 0: what is left where terms cancel."""


def fingerprints(
    several: Sequence[Sequence[Any]],
    pset: gp.PrimitiveSetTyped,
    probe: Sequence[torch.Tensor],
) -> list[str]:
    """Return a name of 32 hexadecimal digits for each tree, computed together.

    ``probe`` is a tensor ``[points]`` an argument. What cannot be computed is named by its text.
    """
    if not several:
        return []
    try:
        with torch.no_grad():
            outputs = Programs(several, pset)(*probe)
    except EvaluationError:
        if len(several) == 1:
            return [_digest(str(gp.PrimitiveTree(several[0])).encode())]
        return [key for genes in several for key in fingerprints([genes], pset, probe)]
    return [_digest(rounded(output)) for output in outputs]


def rounded(output: torch.Tensor) -> bytes:
    """Return outputs, rounded to some binary digits, as bytes that are equal for equal outputs."""
    values = np.ascontiguousarray(output.detach().double().cpu().numpy())
    values = np.where(np.abs(values) < _NOTHING, 0.0, values)
    mantissa, exponent = np.frexp(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0))
    digits = np.round(mantissa * (1 << _BITS)).astype(np.int64)
    carried = np.abs(digits) == 1 << _BITS  # 0.99999 is 1.0: one exponent up
    digits = np.where(carried, digits // 2, digits)
    exponent = exponent.astype(np.int64) + carried
    kinds = np.isnan(values) * 3 + np.isposinf(values) * 1 + np.isneginf(values) * 2
    return digits.tobytes() + exponent.tobytes() + kinds.astype(np.int64).tobytes()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def normal_probe(arguments: int) -> list[torch.Tensor]:
    """Return normal numbers of deviations 0.1, 1 and 10, always the same: ``[64]`` an argument."""
    generator = np.random.Generator(np.random.PCG64(20261124))
    scales = np.resize([0.1, 1.0, 1.0, 10.0], POINTS)
    drawn = [scales * generator.standard_normal(POINTS) for _ in range(arguments)]
    return [torch.from_numpy(values) for values in drawn]
