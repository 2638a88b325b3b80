import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deapnets.errors import OptionError
from deapnets.strategies.schedules import between, require_schedule


def test_a_number_falls_exponentially_from_its_start_to_its_end():
    assert [between(0.8, 0.2, part) for part in (0.0, 0.5, 1.0)] == pytest.approx([0.8, 0.4, 0.2])


def test_a_number_without_an_end_stays():
    assert between(0.3, None, 0.7) == 0.3


@given(st.floats(-1, 2), st.floats(1e-6, 1), st.floats(1e-6, 1))
def test_a_number_never_leaves_its_ends(part, start, end):
    low, high = sorted((start, end))
    assert 0.999 * low <= between(start, end, part) <= 1.001 * high


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_an_end_that_is_no_positive_number_is_named(value):
    with pytest.raises(OptionError, match=f"^step is finite and above 0, got {value}.$"):
        require_schedule("step", value, None)
    with pytest.raises(OptionError, match=f"^step_end is finite and above 0, got {value}.$"):
        require_schedule("step", 1.0, value)
