"""Sums that are the same in any order."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deapnets.operators.exact import deviations, power_of_two, whole


@given(exponent=st.integers(-1000, 1000))
def test_a_power_of_two_is_exact(exponent):
    assert power_of_two(torch.tensor([exponent])).item() == math.ldexp(1.0, exponent)


@given(
    seed=st.integers(0, 999), exponent=st.integers(-60, 60), terms=st.sampled_from([1, 100, 10**6])
)
def test_whole_numbers_are_near_and_their_products_add_up_exactly(seed, exponent, terms):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(3, 20, generator=generator) * 2.0**exponent
    numbers, unit = whole(values, terms)
    largest = values.abs().amax(1).double()
    assert torch.equal(numbers, numbers.round())
    assert float(numbers.abs().max()) ** 2 * terms <= 2**53
    assert bool((unit <= largest / (2**15 if terms > 100 else 2**22)).all())
    assert bool(((numbers * unit[:, None] - values).abs() <= unit[:, None] / 2).all())


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 100_000])
def test_deviations_are_those_of_torch(size):
    values = torch.randn(3, size) * torch.tensor([[1e-6], [1.0], [1e6]]) + 1e-3
    expected = values.double().std(1, correction=0)
    torch.testing.assert_close(deviations(values), expected, rtol=1e-4, atol=1e-12)


def test_values_that_are_alike_have_no_deviation():
    assert deviations(torch.tensor([[0.0, 0.0, 0.0], [0.1, 0.1, 0.1]])).tolist() == [0, 0]


def test_deviations_do_not_depend_on_the_order_of_the_values():
    values = torch.randn(5, 50_001)
    shuffled = values[:, torch.randperm(values.shape[1])]
    assert torch.equal(deviations(values), deviations(shuffled))


def test_plain_sums_do_depend_on_the_order():
    values = torch.randn(50, 50_001)  # the premise of the module
    shuffled = values[:, torch.randperm(values.shape[1])]
    squares, others = (lot.double().square().sum(1) for lot in (values, shuffled))
    assert not torch.equal(squares, others)
