import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deapnets.errors import OptionError
from deapnets.strategies.shaping import SHAPINGS, require_shaping, shaped

FITNESS = hnp.arrays(np.float64, st.integers(2, 40), elements=st.integers(-1000, 1000))


@given(FITNESS)
def test_zscores_have_mean_zero_and_variance_one_or_are_all_zero(fitness):
    utilities = shaped(fitness, "zscore")
    assert abs(utilities.mean()) < 1e-9
    assert utilities.std() == pytest.approx(1.0) or not utilities.any()


@given(FITNESS)
def test_ranks_lie_in_a_half_either_side_and_follow_the_order(fitness):
    utilities = shaped(fitness, "rank")
    assert utilities.min() >= -0.5
    assert utilities.max() <= 0.5
    assert utilities.mean() == pytest.approx(0.0, abs=1e-12)
    order = np.sign(fitness[:, None] - fitness)
    assert np.array_equal(np.sign(utilities[:, None] - utilities), order)


@given(FITNESS, st.floats(0.5, 10), st.floats(-100, 100))
def test_zscores_and_ranks_do_not_see_scale_and_shift(fitness, scale, shift):
    for shaping in ("zscore", "rank"):
        moved = shaped(fitness * scale + shift, shaping)
        assert moved == pytest.approx(shaped(fitness, shaping), abs=1e-6)


def test_raw_is_the_fitness_as_it_is():
    assert shaped(np.array([3.0, -1.0]), "raw").tolist() == [3.0, -1.0]


def test_winsorising_draws_both_ends_in_to_their_quantiles():
    fitness = np.array([-1e9, *range(1, 10), 1e9])
    drawn_in = shaped(fitness, "raw", winsorise=0.1)
    assert drawn_in.tolist() == [1.0, *range(1, 10), 9.0]


@pytest.mark.parametrize("shaping", SHAPINGS)
def test_every_shaping_goes_up_with_fitness(shaping):
    utilities = shaped(np.array([1.0, 5.0, 2.0]), shaping)
    assert utilities[0] < utilities[2] < utilities[1]


@pytest.mark.parametrize(
    ("shaping", "winsorise", "message"),
    [
        ("zscor", 0.0, 'Unknown shaping "zscor". Did you mean "zscore"? Valid: rank, raw, zscore.'),
        ("rank", 0.5, "winsorise is a part of the population at each end, in [0, 0.5), got 0.5."),
    ],
)
def test_a_shaping_that_does_not_exist_is_refused(shaping, winsorise, message):
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        require_shaping(shaping, winsorise)
