"""What outputs are compared by."""

import torch

from deapnets.programs.fingerprints import rounded


def test_numbers_that_are_not_finite_have_names_too():
    values = [torch.tensor([value, 1.0]) for value in (torch.nan, torch.inf, -torch.inf, 0.0)]
    assert len({rounded(value) for value in values}) == 4


def test_just_below_one_is_one():
    assert rounded(torch.tensor([0.9999999])) == rounded(torch.tensor([1.0]))
