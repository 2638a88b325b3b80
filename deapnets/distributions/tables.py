"""`noise_table`: a distribution's name to the table that 16 random bits are looked up in."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deapnets.distributions.base import LEVELS, Distribution, Floats
from deapnets.distributions.named import Gaussian
from deapnets.errors import OptionError, PluginError
from deapnets.plugins import DISTRIBUTIONS, find, get


@functools.lru_cache(maxsize=64)
def noise_table(distribution: str = "gaussian", centred: bool = True) -> NDArray[np.float32]:
    """Return 65,536 mid-point quantiles, ascending, float32; read only.

    Entry ``i`` is the quantile of ``(i + 0.5) / 65536``. The tails end at the quantiles 1 / 131,072
    from either side: the noise has no value beyond, which cuts most from heavy tails.

    Parameters
    ----------
    distribution
        A name of the entry-point group ``deapnets.distributions``, or ``distribution:name``.
    centred
        Whether the table's own mean is taken off and it is divided by its own deviation; where the
        variance is infinite, the median and the median absolute deviation.

    Raises
    ------
    PluginError
        When there is no such distribution, or it is broken.
    OptionError
        When the variance is infinite and ``centred`` is false.
    """
    source = _distribution(distribution)
    values = _quantiles(distribution, source)
    if centred:
        return _read_only(_centred(values, source.finite_variance))
    if not source.finite_variance:
        raise OptionError(
            f'Noise "{distribution}" has no finite variance, so a scale says nothing of how far it '
            "goes. Use centred=True: median 0 and median absolute deviation 1."
        )
    return _read_only(values)


def noise_names() -> tuple[str, ...]:
    """Return the names of the distributions that are installed, in alphabetical order."""
    return tuple(dict.fromkeys(plugin.name for plugin in find(DISTRIBUTIONS)))


def named_noise(name: str, value: Any) -> None:
    """Raise unless ``value`` names a distribution: the check of an operator's parameter."""
    if not isinstance(value, str):
        raise OptionError(f'{name} is the name of a distribution, such as "gaussian"; got {value}.')
    noise_table(value)


def _distribution(name: str) -> Distribution:
    if name == "gaussian":  # the noise of every recipe: not worth a look at what is installed
        return Gaussian()
    instance = get(DISTRIBUTIONS, name).load().make().instance
    if not isinstance(instance, Distribution):
        kind = f"{type(instance).__module__}.{type(instance).__name__}"
        raise PluginError(f'Distribution "{name}" is a {kind}, which is no deapnets Distribution.')
    return instance


def _quantiles(name: str, source: Distribution) -> Floats:
    values = np.asarray(source.quantiles((np.arange(LEVELS) + 0.5) / LEVELS), dtype=np.float64)
    if values.shape != (LEVELS,) or not np.isfinite(values).all() or (np.diff(values) < 0).any():
        raise PluginError(
            f'Distribution "{name}" must return {LEVELS} quantiles, finite and ascending; got '
            f"shape {list(values.shape)}, from {values.min()} to {values.max()}."
        )
    return values


def _centred(values: Floats, finite_variance: bool) -> Floats:
    if not finite_variance:
        values = values - np.median(values)
        return values / np.median(np.abs(values))
    if np.array_equal(values, -values[::-1]):  # a symmetric table stays so to the bit
        return values / np.sqrt(np.mean(values[: LEVELS // 2] ** 2))
    values = values - values.mean()
    return values / np.sqrt(np.mean(values**2))


def _read_only(values: Floats) -> NDArray[np.float32]:
    table = values.astype(np.float32)
    table.flags.writeable = False
    return table
