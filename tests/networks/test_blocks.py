"""Element-wise functions in blocks: the same bits wherever an element stands."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from deapnets.networks.blocks import applied, roomy


@pytest.mark.parametrize("function", [nn.Sigmoid(), nn.SiLU(), nn.Softplus(), nn.Mish(), nn.ELU()])
@given(size=st.integers(1, 200), start=st.integers(0, 200))
def test_an_element_has_the_same_bits_in_every_tensor(function, size, start):
    numbers = torch.linspace(-9, 9, 40_000)
    whole = applied(function, roomy((40_000,), numbers).copy_(numbers))
    own = numbers[start : start + size]
    assert torch.equal(
        applied(function, roomy((size,), own).copy_(own)), whole[start : start + size]
    )


def test_a_roomy_tensor_has_its_shape_and_no_gaps():
    made = roomy((3, 5, 7), torch.zeros(1))
    assert (made.shape, made.is_contiguous()) == ((3, 5, 7), True)
    assert made.untyped_storage().nbytes() == 128 * 4
