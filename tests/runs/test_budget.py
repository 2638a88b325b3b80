import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deapnets.errors import OptionError
from deapnets.runs.budget import Budget, Target

# --- targets ---


def test_a_target_is_a_metric_and_a_value():
    assert Target.parse("validation_accuracy=0.95") == Target("validation_accuracy", 0.95)


@pytest.mark.parametrize(
    "text", ["validation_accuracy", "=0.95", "validation_accuracy=", "a=much", "a=nan", "a=inf", ""]
)
def test_text_that_is_no_target_is_told_with_an_example(text):
    expected = f'A target is METRIC=VALUE, such as validation_accuracy=0.95; got "{text}".'
    with pytest.raises(OptionError, match=f"^{re.escape(expected)}$"):
        Target.parse(text)


@pytest.mark.parametrize(
    ("metric", "reached_at"),
    [
        ("validation_accuracy", {0.4: False, 0.5: True, 0.6: True}),
        ("validation_loss", {0.4: True, 0.5: True, 0.6: False}),
        ("frechet_distance", {0.4: True, 0.5: True, 0.6: False}),
    ],
)
def test_a_loss_or_distance_reaches_its_target_from_above_and_all_else_from_below(
    metric, reached_at
):
    budget = Budget(generations=1, target=Target(metric, 0.5))
    assert {figure: budget.reached({metric: figure}) for figure in reached_at} == reached_at


@pytest.mark.parametrize("metric", ["validation_accuracy", "validation_loss"])
def test_a_figure_that_is_nan_reaches_no_target(metric):
    assert not Target(metric, 0.5).reached(math.nan)


def test_without_a_target_no_figures_are_asked_for():
    assert not Budget(generations=1).reached({})


@pytest.mark.parametrize(
    ("figures", "ending"),
    [
        (
            {"validation_loss": 1.0, "validation_accuracy": 0.5},
            ' Did you mean "validation_accuracy"? Measured: validation_accuracy, validation_loss.',
        ),
        ({}, " Measured: nothing."),
    ],
)
def test_a_target_that_is_not_measured_is_told_with_what_is(figures, ending):
    budget = Budget(generations=1, target=Target("validation_acc", 0.5))
    expected = f'The target "validation_acc" is not measured while the run goes on.{ending}'
    with pytest.raises(OptionError, match=f"^{re.escape(expected)}$"):
        budget.reached(figures)


# --- limits ---


@pytest.mark.parametrize("target", [None, Target("validation_accuracy", 1.0)])
def test_a_budget_has_a_limit_beside_its_target(target):
    expected = "A run needs a budget: generations, seconds or evaluations."
    with pytest.raises(OptionError, match=f"^{expected}$"):
        Budget(target=target)


@pytest.mark.parametrize("name", ["generations", "seconds", "evaluations", "evaluation_seconds"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_a_limit_is_positive_and_finite(name, value):
    expected = f"A budget of {name} must be more than 0 and finite, got {value}."
    with pytest.raises(OptionError, match=f"^{re.escape(expected)}$"):
        Budget(**{name: value})


@pytest.mark.parametrize("population", [100, 101])
def test_a_budget_that_the_initial_population_uses_up_is_refused(population):
    expected = (
        f"A budget of 100 evaluations is not above the population of {population}: this never "
        "evolves. Give more evaluations or a smaller population."
    )
    with pytest.raises(OptionError, match=f"^{re.escape(expected)}$"):
        Budget(evaluations=100).require_more_than(population)


def test_a_budget_above_the_population_is_taken():
    Budget(evaluations=100).require_more_than(99)
    Budget(generations=1).require_more_than(10**9)


# --- what is spent ---


@pytest.mark.parametrize(
    ("limits", "spent"),
    [
        ({"generations": 10}, 0.5),
        ({"seconds": 8.0}, 0.25),
        ({"evaluations": 400}, 0.75),
        ({"generations": 10, "seconds": 8.0, "evaluations": 400}, 0.75),
        ({"generations": 5, "seconds": 8.0}, 1.0),
        ({"generations": 1}, 1.0),
        ({"evaluation_seconds": 20.0, "evaluations": 3000}, 0.2),
    ],
)
def test_the_limit_that_is_nearest_says_how_much_is_spent(limits, spent):
    assert Budget(**limits).spent(5, 2.0, 300, 4.0) == spent


LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "generations": st.integers(1, 100),
        "seconds": st.floats(0.1, 100),
        "evaluations": st.integers(1, 1000),
    },
).filter(bool)


@given(LIMITS, st.integers(0, 200), st.floats(0, 200), st.integers(0, 2000))
def test_a_run_ends_exactly_when_a_limit_is_reached(limits, generation, seconds, evaluations):
    spent = Budget(**limits).spent(generation, seconds, evaluations)
    used = {"generations": generation, "seconds": seconds, "evaluations": evaluations}
    assert 0.0 <= spent <= 1.0
    assert (spent == 1.0) == any(used[name] >= limit for name, limit in limits.items())
