"""`Distribution`: the quantiles of a noise, all that deapnets needs to draw it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVELS = 1 << 16
"""Quantiles of a noise table: one for each value of 16 random bits."""


class Distribution(ABC):
    """A distribution of one number, known by its quantiles.

    Register a class with a constructor without arguments under the entry-point group
    ``deapnets.distributions``; ``draw.noise(distribution="its-name")`` finds it.
    """

    finite_variance: ClassVar[bool] = True
    """False when the variance is infinite: centred noise then has median 0 and median absolute
    deviation 1, and noise that is not centred is refused."""

    @abstractmethod
    def quantiles(self, p: Floats) -> Floats:
        """Return the quantiles ``[k]`` of probabilities ``[k]``, ascending, all finite.

        ``p`` ascends from 1 / 131,072 to 1 - 1 / 131,072: what lies beyond is never drawn.
        """
