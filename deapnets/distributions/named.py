"""deapnets' own distributions, with the parameters that their names stand for."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from scipy import special

from deapnets.distributions.base import Distribution, Floats


@final
class Gaussian(Distribution):
    """N(0, 1)."""

    def quantiles(self, p: Floats) -> Floats:
        """Return the quantiles; the upper half mirrors the lower one to the bit."""
        lower: Floats = special.ndtri(p[: len(p) // 2])
        return np.concatenate([lower, -lower[::-1]])


@final
class Rademacher(Distribution):
    """-1 or 1, each with chance 1/2."""

    def quantiles(self, p: Floats) -> Floats:
        """Return -1 below 1/2 and 1 above."""
        return np.where(p < 0.5, -1.0, 1.0)


@final
class Uniform(Distribution):
    """Uniform on [0, 1]."""

    def quantiles(self, p: Floats) -> Floats:
        """Return the probabilities themselves."""
        return p.copy()


@final
class Laplace(Distribution):
    """Laplace of location 0 and scale 1: two exponential tails."""

    def quantiles(self, p: Floats) -> Floats:
        """Return the quantiles in closed form."""
        return np.where(p < 0.5, np.log(2 * p), -np.log(2 * (1 - p)))


@final
class StudentT(Distribution):
    """Student's t with 5 degrees of freedom: heavy tails, and a variance."""

    def quantiles(self, p: Floats) -> Floats:
        """Return the quantiles."""
        values: Floats = special.stdtrit(5.0, p)
        return values


@final
class Triangular(Distribution):
    """Triangular on [-1, 1] with its peak at 0."""

    def quantiles(self, p: Floats) -> Floats:
        """Return the quantiles in closed form."""
        return np.where(p < 0.5, np.sqrt(2 * p) - 1, 1 - np.sqrt(2 * (1 - p)))


@final
class Beta(Distribution):
    """Beta with a = 2 and b = 5, on [0, 1]: skewed to the right."""

    def quantiles(self, p: Floats) -> Floats:
        """Return the quantiles."""
        values: Floats = special.betaincinv(2.0, 5.0, p)
        return values


@final
class Binomial(Distribution):
    """Successes in 10 trials of chance 1/2."""

    def quantiles(self, p: Floats) -> Floats:
        """Return whole numbers from 0 to 10."""
        from scipy import stats

        values: Floats = stats.binom.ppf(p, 10, 0.5)
        return values


@final
class Gumbel(Distribution):
    """Gumbel of location 0 and scale 1: the largest of many, skewed to the right."""

    def quantiles(self, p: Floats) -> Floats:
        """Return the quantiles in closed form."""
        return -np.log(-np.log(p))


@final
class Poisson(Distribution):
    """Poisson of mean 5."""

    def quantiles(self, p: Floats) -> Floats:
        """Return whole numbers from 0 on."""
        from scipy import stats

        values: Floats = stats.poisson.ppf(p, 5.0)
        return values


@final
class Rayleigh(Distribution):
    """Rayleigh of scale 1: the length of a gaussian vector in the plane."""

    def quantiles(self, p: Floats) -> Floats:
        """Return the quantiles in closed form."""
        return np.sqrt(-2 * np.log1p(-p))


@final
class Power(Distribution):
    """Power-function distribution with a = 5, on [0, 1]: skewed to the left."""

    def quantiles(self, p: Floats) -> Floats:
        """Return the quantiles in closed form."""
        return p**0.2


@final
class Pareto(Distribution):
    """Pareto of shape 3 from 1 on: a heavy tail, and a variance of 3/4."""

    def quantiles(self, p: Floats) -> Floats:
        """Return the quantiles in closed form."""
        return (1 - p) ** (-1 / 3)


@final
class Zipf(Distribution):
    """Zipf with a = 4: whole numbers k from 1 on with chances in proportion to k**-4."""

    def quantiles(self, p: Floats) -> Floats:
        """Return the least k whose cumulative chance reaches each probability."""
        reached = np.cumsum(np.arange(1, 1000, dtype=np.float64) ** -4) / special.zeta(4.0)
        return 1 + np.searchsorted(reached, p).astype(np.float64)


@final
class Cauchy(Distribution):
    """Cauchy of location 0 and scale 1: its variance is infinite, and it has no mean."""

    finite_variance: ClassVar[bool] = False

    def quantiles(self, p: Floats) -> Floats:
        """Return the quantiles in closed form; the upper half mirrors the lower one."""
        lower = -1 / np.tan(np.pi * p[: len(p) // 2])
        return np.concatenate([lower, -lower[::-1]])
