"""``mut...``: how many weights change, and by how much."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

import deapnets as dn
from deapnets.errors import OptionError, PluginError
from deapnets.genomes.layout import Layout
from deapnets.randomness import SPARSE_BELOW

SEEDS = np.arange(60, dtype=np.uint64)
WIDTH = 5000
RATES = [0.001, 0.1, SPARSE_BELOW, 0.3, 0.5, 0.9, 1.0]


def mutated(operator, sigma: float, indpb: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return parents whose weights are whole numbers from 3 up, and their children."""
    parents = torch.randint(3, 9, (len(SEEDS), WIDTH)).float()
    return parents, operator.make([parents], SEEDS, operator.parameters(sigma=sigma, indpb=indpb))


def near(rate: float, p: float, count: int) -> bool:
    return abs(rate - p) <= 5 * (p * (1 - p) / count) ** 0.5


def gaussian(values: torch.Tensor, sigma: float) -> bool:
    """Return whether moments and distribution are those of N(0, sigma)."""
    n, scaled = len(values), values.double() / sigma
    centred = abs(float(scaled.mean())) < 5 / n**0.5
    spread = abs(float(scaled.var()) - 1) < 5 * (2 / n) ** 0.5
    return centred and spread and stats.kstest(scaled[:20_000].numpy(), "norm").pvalue > 1e-4


@pytest.mark.parametrize("operator", [dn.mutGaussian, dn.mutReset])
@pytest.mark.parametrize("indpb", RATES)
def test_mutation_changes_weights_at_its_rate(operator, indpb):
    parents, children = mutated(operator, sigma=0.1, indpb=indpb)
    changed = parents != children
    assert near(float(changed.double().mean()), indpb, changed.numel()) or indpb == 1.0
    assert indpb < 1.0 or float(changed.double().mean()) > 0.9999  # a step may round to nothing


@pytest.mark.parametrize("indpb", RATES)
def test_gaussian_mutation_adds_noise_of_its_sigma(indpb):
    parents, children = mutated(dn.mutGaussian, sigma=0.1, indpb=indpb)
    changed = parents != children
    assert gaussian((children - parents)[changed], 0.1)


@pytest.mark.parametrize("indpb", RATES)
def test_mutation_by_gaussian_noise_is_the_gaussian_mutation(indpb):
    torch.manual_seed(2)
    _, named = mutated(dn.mutNoise, sigma=0.1, indpb=indpb)
    torch.manual_seed(2)
    assert torch.equal(named, mutated(dn.mutGaussian, sigma=0.1, indpb=indpb)[1])


@pytest.mark.parametrize("indpb", [0.1, 0.5, 1.0])
@pytest.mark.parametrize(("centred", "mean"), [(True, 0.0), (False, 0.5)])
def test_mutation_by_named_noise_adds_that_noise(indpb, centred, mean):
    parents = torch.zeros(len(SEEDS), WIDTH)
    settings = dn.mutNoise.parameters(
        sigma=2.0, indpb=indpb, distribution="uniform", centred=centred
    )
    children = dn.mutNoise.make([parents], SEEDS, settings)
    changed = children[children != 0].double()
    assert near(len(changed) / children.numel(), indpb, children.numel()) or indpb == 1.0
    assert float(changed.mean()) / 2 == pytest.approx(mean, abs=0.02)
    width = 1.0 if not centred else 12**0.5
    assert float(changed.max() - changed.min()) / 2 == pytest.approx(width, rel=1e-3)


def test_mutation_by_unknown_noise_is_refused_when_it_is_called(make_toolbox):
    with pytest.raises(PluginError, match='Did you mean "laplace"'):
        dn.mutNoise(make_toolbox().individual(), sigma=0.1, indpb=1.0, distribution="laplce")
    with pytest.raises(OptionError, match=r"mutNoise: distribution is the name of a distribution"):
        dn.mutNoise(make_toolbox().individual(), sigma=0.1, indpb=1.0, distribution=3)


@pytest.mark.parametrize("indpb", RATES)
def test_reset_mutation_draws_weights_of_its_sigma(indpb):
    parents, children = mutated(dn.mutReset, sigma=0.5, indpb=indpb)
    changed = parents != children
    assert gaussian(children[changed], 0.5)


@pytest.mark.parametrize("operator", [dn.mutGaussian, dn.mutReset])
@pytest.mark.parametrize("indpb", [0.001, 0.5])
def test_children_of_one_parent_change_in_different_places(operator, indpb):
    parents, children = mutated(operator, sigma=0.1, indpb=indpb)
    changed = (parents != children).double()
    both = float((changed[::2] * changed[1::2]).mean())
    assert near(both, indpb**2, changed.numel() // 2)


@pytest.mark.parametrize("operator", [dn.mutGaussian, dn.mutReset])
def test_mutation_at_rate_zero_returns_a_copy(operator):
    parents, children = mutated(operator, sigma=1.0, indpb=0.0)
    assert torch.equal(parents, children)
    assert children.data_ptr() != parents.data_ptr()


@pytest.mark.parametrize("indpb", [0.1, 0.5, 1.0])
def test_gaussian_mutation_of_sigma_zero_returns_the_parent(indpb):
    parents, children = mutated(dn.mutGaussian, sigma=0.0, indpb=indpb)
    assert torch.equal(parents, children)


def test_reset_mutation_of_sigma_zero_erases_weights():
    parents, children = mutated(dn.mutReset, sigma=0.0, indpb=0.2)
    erased = children == 0
    assert near(float(erased.double().mean()), 0.2, erased.numel())
    assert torch.equal(children[~erased], parents[~erased])


@pytest.mark.parametrize("indpb", [0.1, 0.5, 1.0])
def test_noise_of_mutation_ends_at_its_last_quantile(indpb):
    parents, children = mutated(dn.mutGaussian, sigma=1.0, indpb=indpb)
    assert float((children - parents).abs().max()) < 4.33


def test_rate_just_below_and_at_the_bound_between_the_paths_differ_little():
    below = np.nextafter(SPARSE_BELOW, 0)
    for indpb in (below, SPARSE_BELOW):
        parents, children = mutated(dn.mutGaussian, sigma=0.1, indpb=indpb)
        changed = parents != children
        assert near(float(changed.double().mean()), SPARSE_BELOW, changed.numel())


# Relative to the spread


UNEVEN = Layout(("wide", "narrow", "zero"), ((40, 50), (2000,), (1000,)))


def uneven() -> torch.Tensor:
    """Return parents ``[60, 5000]`` whose three parameters have deviations 2, 0.1 and 0."""
    parts = [
        torch.randn(len(SEEDS), size) * s for size, s in zip((2000, 2000), (2.0, 0.1), strict=True)
    ]
    return torch.cat([*parts, torch.zeros(len(SEEDS), 1000)], 1)


def relatively_mutated(parents: torch.Tensor, **parameters: float) -> torch.Tensor:
    operator = dn.mutGaussianRelative
    return operator.make([parents], SEEDS, operator.parameters(**parameters), UNEVEN)


@pytest.mark.parametrize("indpb", [0.1, 0.5, 1.0])
def test_steps_are_in_units_of_each_parameters_deviation(indpb):
    parents = uneven()
    step = relatively_mutated(parents, sigma=0.5, indpb=indpb, floor=0.03) - parents
    for part, unit in zip(torch.split(step, list(UNEVEN.sizes), 1), (2.0, 0.1, 0.03), strict=True):
        taken = part[part != 0].double()
        assert near(len(taken) / part.numel(), indpb, part.numel()) or indpb == 1.0
        assert float(taken.std()) == pytest.approx(0.5 * unit, rel=0.03)


@pytest.mark.parametrize("indpb", [0.1, 0.5, 1.0])
def test_a_parameter_without_deviation_moves_by_the_floor_and_stays_where_that_is_zero(indpb):
    parents = uneven()
    child = relatively_mutated(parents, sigma=0.5, indpb=indpb, floor=0.0)
    assert torch.equal(child[:, -1000:], parents[:, -1000:])
    assert not torch.equal(child[:, :2000], parents[:, :2000])


def test_relative_steps_of_a_row_do_not_depend_on_its_company_or_threads():
    parents = uneven()
    together = relatively_mutated(parents, sigma=0.5, indpb=1.0)
    operator, threads = dn.mutGaussianRelative, torch.get_num_threads()
    settings = operator.parameters(sigma=0.5, indpb=1.0)
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            for i in range(0, len(SEEDS), 17):
                alone = operator.make([parents[i : i + 1]], SEEDS[i : i + 1], settings, UNEVEN)
                assert torch.equal(alone[0], together[i])
    finally:
        torch.set_num_threads(threads)


def test_relative_steps_of_one_parent_are_those_of_as_many_copies():
    parent = uneven()[:1]
    shared = relatively_mutated(parent.expand(len(SEEDS), -1), sigma=0.5, indpb=1.0)
    copies = relatively_mutated(parent.repeat(len(SEEDS), 1), sigma=0.5, indpb=1.0)
    assert torch.equal(shared, copies)


# Pruning


def sparse() -> torch.Tensor:
    """Return parents ``[60, 5000]`` of which about a third is zero."""
    parents = torch.randn(len(SEEDS), WIDTH)
    return parents.where(torch.rand_like(parents) > 1 / 3, 0.0)


@pytest.mark.parametrize("indpb", RATES)
def test_what_was_pruned_stays_pruned_and_the_rest_mutates(indpb):
    parents = sparse()
    operator = dn.mutNonzero
    child = operator.make([parents], SEEDS, operator.parameters(sigma=0.1, indpb=indpb))
    assert torch.equal(child == 0, parents == 0)
    plain = dn.mutGaussian
    moved = plain.make([parents], SEEDS, plain.parameters(sigma=0.1, indpb=indpb))
    assert torch.equal(child, moved.where(parents != 0, 0.0))


def test_pruning_zeroes_the_smallest_of_what_is_left():
    parents = sparse()
    child = dn.mutPrune.make([parents], SEEDS, dn.mutPrune.parameters(share=0.5))
    for parent, pruned in zip(parents, child, strict=True):
        lost = (parent != 0) & (pruned == 0)
        assert torch.equal(pruned, parent.where(~lost, 0.0))
        assert parent[lost].abs().max() < pruned[pruned != 0].abs().min()


def test_pruned_parts_are_uniform_up_to_the_share():
    parents = torch.randn(1, 999).expand(400, -1)
    seeds = np.arange(400, dtype=np.uint64)
    child = dn.mutPrune.make([parents], seeds, dn.mutPrune.parameters(share=0.4))
    parts = (child == 0).double().mean(1)
    assert stats.kstest(parts.numpy() / 0.4, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("parent", [[0.0, 0.0, 0.0], [1.0, -2.0, 0.0]])
def test_pruning_by_a_share_of_zero_returns_a_copy(parent):
    rows = torch.tensor([parent] * 3)
    child = dn.mutPrune.make([rows], SEEDS[:3], dn.mutPrune.parameters(share=0.0))
    assert torch.equal(child, rows)
    assert child.data_ptr() != rows.data_ptr()


def test_pruning_a_network_of_zeros_leaves_it():
    rows = torch.zeros(3, 4)
    child = dn.mutPrune.make([rows], SEEDS[:3], dn.mutPrune.parameters(share=1.0))
    assert not child.any()
