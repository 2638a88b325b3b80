"""Classifier score, shares of classes, total variation distance."""

import pytest
import torch

from deapnets.errors import DataError
from deapnets.metrics.classes import (
    class_shares,
    classes_covered,
    classifier_score,
    label_shares,
    total_variation_distance,
)


def test_the_score_of_sure_and_varied_answers_is_the_number_of_classes():
    assert classifier_score(torch.eye(4).repeat(5, 1)) == pytest.approx(4.0, rel=1e-6)


def test_the_score_of_one_class_and_of_unsure_answers_is_one():
    assert classifier_score(torch.eye(4)[[2] * 9]) == pytest.approx(1.0)
    assert classifier_score(torch.full((9, 4), 0.25)) == pytest.approx(1.0)


def test_shares_count_the_likeliest_class():
    p = torch.tensor([[0.6, 0.4, 0.0], [0.5, 0.1, 0.4], [0.0, 0.9, 0.1], [0.7, 0.2, 0.1]])
    assert class_shares(p).tolist() == [0.75, 0.25, 0.0]


def test_total_variation_is_what_would_have_to_move():
    shares = class_shares(torch.eye(4)[[0, 0, 1, 2]])
    wanted = label_shares(torch.tensor([0, 1, 2, 3]), 4)
    assert total_variation_distance(shares, wanted) == pytest.approx(0.25)
    assert total_variation_distance(wanted, wanted) == 0.0


def test_a_class_is_covered_by_more_than_one_percent():
    assert classes_covered(torch.tensor([0.01, 0.011, 0.979])) == 2


def test_what_is_no_probabilities_is_refused():
    with pytest.raises(DataError, match=r"Expected probabilities \[n, classes\], got \[3\]"):
        class_shares(torch.ones(3))
    with pytest.raises(DataError, match="Shares of"):
        total_variation_distance(torch.ones(3), torch.ones(4))
