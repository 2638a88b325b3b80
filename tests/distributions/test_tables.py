"""Noise by name: each table is its distribution, centred where that is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

import deapnets as dn
from deapnets.distributions import base
from deapnets.distributions.base import LEVELS
from deapnets.distributions.tables import noise_names, noise_table
from deapnets.errors import OptionError, PluginError
from deapnets.plugins import DISTRIBUTIONS
from deapnets.randomness import Draw

KNOWN = {
    "gaussian": stats.norm(),
    "rademacher": stats.rv_discrete(values=([-1, 1], [0.5, 0.5])),
    "uniform": stats.uniform(),
    "laplace": stats.laplace(),
    "student-t": stats.t(5),
    "triangular": stats.triang(0.5, -1, 2),
    "beta": stats.beta(2, 5),
    "binomial": stats.binom(10, 0.5),
    "gumbel": stats.gumbel_r(),
    "poisson": stats.poisson(5),
    "rayleigh": stats.rayleigh(),
    "power": stats.powerlaw(5),
    "pareto": stats.pareto(3),
    "zipf": stats.zipf(4),
    "cauchy": stats.cauchy(),
}
WITH_VARIANCE = sorted(set(KNOWN) - {"cauchy"})
AT = [0, 1, 77, 1000, 16384, 30000, 32767, 32768, 40000, 49152, 65000, 65534, 65535]


def test_every_named_distribution_is_installed_and_tested() -> None:
    assert set(noise_names()) == set(KNOWN)


@pytest.mark.parametrize("name", WITH_VARIANCE)
def test_table_that_is_not_centred_holds_the_quantiles_of_scipy(name: str) -> None:
    table = noise_table(name, centred=False)
    expected = KNOWN[name].ppf((np.array(AT) + 0.5) / LEVELS)
    np.testing.assert_allclose(table[AT], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", WITH_VARIANCE)
def test_centred_table_has_mean_zero_and_variance_one(name: str) -> None:
    table = noise_table(name).astype(np.float64)
    assert abs(table.mean()) < 1e-7
    assert table.var() == pytest.approx(1.0, abs=1e-6)
    assert (np.diff(table) >= 0).all()


def test_centred_cauchy_has_median_zero_and_median_absolute_deviation_one() -> None:
    table = noise_table("cauchy").astype(np.float64)
    assert np.median(table) == 0.0
    assert np.median(np.abs(table)) == pytest.approx(1.0, abs=1e-6)
    assert table.max() == pytest.approx(KNOWN["cauchy"].ppf(1 - 1 / 131_072), rel=1e-3)


@pytest.mark.parametrize("name", ["gaussian", "rademacher", "laplace", "student-t", "cauchy"])
def test_symmetric_noise_stays_symmetric_to_the_bit(name: str) -> None:
    table = noise_table(name)
    assert np.array_equal(table, -table[::-1])


def test_infinite_variance_is_refused_where_it_is_not_centred() -> None:
    with pytest.raises(OptionError, match=r'^Noise "cauchy" has no finite variance, .*Use centred'):
        Draw(np.arange(2, dtype=np.uint64), 3).noise(distribution="cauchy", centred=False)


def test_unknown_distribution_names_the_near_one_and_all() -> None:
    expected = r'^Distribution "gumble" is not installed. Did you mean "gumbel"\? Installed: beta,'
    with pytest.raises(PluginError, match=expected):
        noise_table("gumble")


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_draw_looks_the_same_bits_up_in_every_table(name: str) -> None:
    seeds = np.arange(4, dtype=np.uint64)
    gaussian = Draw(seeds, 50).noise()
    places = torch.from_numpy(np.searchsorted(noise_table(), gaussian.numpy()))
    expected = torch.from_numpy(noise_table(name).copy())[places] * 0.5
    assert torch.equal(Draw(seeds, 50).noise(0.5, distribution=name), expected)


def test_gaussian_noise_by_name_is_the_noise_without_a_name() -> None:
    seeds = np.arange(4, dtype=np.uint64)
    assert torch.equal(
        Draw(seeds, 50).noise(0.3), Draw(seeds, 50).noise(0.3, distribution="gaussian")
    )


def test_a_table_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        noise_table()[0] = 1.0


PLUGIN = """
import numpy as np
from deapnets.distributions.base import Distribution

class Arcsine(Distribution):
    def quantiles(self, p):
        return np.sin(np.pi / 2 * p) ** 2

class Falling(Distribution):
    def quantiles(self, p):
        return 1 - p

class Alien:
    pass
"""


@pytest.fixture
def plugin(install: Callable[..., Path]) -> None:
    lines = "arcsine = noises:Arcsine\nfalling = noises:Falling\nalien = noises:Alien"
    install("noises", lines, group=DISTRIBUTIONS, noises=PLUGIN)


def test_distribution_of_a_plugin_is_drawn_by_its_name(plugin: None) -> None:
    table = noise_table("noises:arcsine", centred=False)
    assert table[32768] == pytest.approx(0.5, abs=1e-4)
    noise = Draw(np.arange(3, dtype=np.uint64), 2000).noise(2.0, distribution="arcsine")
    assert float(noise.var()) == pytest.approx(4.0, rel=0.05)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("falling", '"falling" must return 65536 quantiles, finite and ascending; got shape'),
        ("alien", '"alien" is a noises.Alien, which is no deapnets Distribution.'),
    ],
)
def test_broken_distribution_of_a_plugin_is_said(plugin: None, name: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        noise_table(name)


def test_distribution_is_a_public_name() -> None:
    assert dn.Distribution is base.Distribution
