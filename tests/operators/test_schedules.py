"""Parameters that change over a run."""

from __future__ import annotations

import json
import math
import random
import re

import pytest
from deap import algorithms, tools
from hypothesis import given
from hypothesis import strategies as st

import deapnets as dn
from deapnets.errors import OptionError
from deapnets.operators.schedules import exponential

SCHEDULES = {
    "constant": lambda: dn.ConstantSchedule(0.1),
    "exponential": lambda: dn.ExponentialSchedule(0.1, 0.01, ngen=4),
    "goal": lambda: dn.GoalSchedule(0.1, 0.01, goal=0.0),
}
each_schedule = pytest.mark.parametrize("make", SCHEDULES.values(), ids=SCHEDULES)


def statistics_of(schedule):
    stats = tools.Statistics(lambda one: one.fitness.values)
    stats.register("sigma", schedule)
    return stats


def sigmas_of(population):
    return {dict(one.node.recipe.parameters)["sigma"] for one in population if one.node.recipe}


# What each one says


def test_a_constant_stays():
    schedule = dn.ConstantSchedule(0.1)
    assert [schedule([g, 2 * g]) for g in range(3)] == [0.1] * 3


def test_an_exponential_falls_by_one_factor_and_stays_at_its_floor():
    schedule = dn.ExponentialSchedule(0.16, 0.01, ngen=4)
    values = [schedule([0.0]) for _ in range(7)]
    assert values == pytest.approx([0.16, 0.08, 0.04, 0.02, 0.01, 0.01, 0.01])


@given(progress=st.floats(-1, 2), start=st.floats(1e-3, 1e3), ratio=st.floats(1e-3, 1))
def test_an_exponential_is_never_outside_start_and_floor(progress, start, ratio):
    floor = start * ratio
    assert floor * (1 - 1e-9) <= exponential(start, floor, progress) <= start * (1 + 1e-9)


@pytest.mark.parametrize(
    ("goal", "sign"), [(1.0, 1.0), (-1.0, -1.0)], ids=["goal above", "goal below"]
)
def test_a_goal_gives_large_steps_far_from_it_and_small_ones_near(goal, sign):
    schedule = dn.GoalSchedule(0.11, 0.01, goal=goal)
    best_of = [0.0, 0.5, 0.75, 0.25, 1.0, 1.5]  # it falls back once, and passes the goal
    values = [schedule([sign * best, sign * (best - 0.7)]) for best in best_of]
    assert values == pytest.approx([0.11, 0.06, 0.035, 0.085, 0.01, 0.01])


def test_steps_are_never_larger_than_at_the_start_of_the_way():
    schedule = dn.GoalSchedule(0.1, 0.01, goal=0.0)
    schedule([-1.0])
    assert schedule([-5.0]) == 0.1


@pytest.mark.parametrize("initial", [[0.0], [0.0, -1.0], [2.0, -1.0]])
def test_who_begins_at_the_goal_takes_small_steps(initial):
    assert dn.GoalSchedule(0.1, 0.01, goal=0.0)(initial) == 0.01


@each_schedule
def test_of_several_objectives_the_first_one_counts(make):
    one, other = make(), make()
    for fitness in (-3.0, -2.0, -1.0):
        assert one([(fitness, 8.0), (fitness - 1, 7.0)]) == other([fitness, fitness - 1])


# In a run


@each_schedule
def test_under_deaps_loop_the_mutation_of_a_generation_follows_the_fitness_before_it(
    make, make_toolbox
):
    schedule, pure = make(), make()
    toolbox = make_toolbox()
    toolbox.register("mutate", dn.mutGaussian, sigma=schedule, indpb=1.0)
    seen = []

    def noting(function, individuals):
        individuals = list(individuals)
        seen.append(sigmas_of(individuals))
        return list(map(function, individuals))

    toolbox.register("map", noting)
    stats = statistics_of(schedule)
    stats.register("all", list)
    _, log = algorithms.eaSimple(
        toolbox.population(n=6), toolbox, 0.0, 1.0, 5, stats=stats, verbose=False
    )
    expected = [pure(fitness) for fitness in log.select("all")]
    assert log.select("sigma") == expected
    assert seen[1:] == [{sigma} for sigma in expected[:-1]]


def test_under_a_loop_of_mu_and_lambda_a_schedule_falls_too(make_toolbox):
    schedule = dn.ExponentialSchedule(0.1, 0.01, ngen=3)
    toolbox = make_toolbox()
    toolbox.register("mutate", dn.mutGaussian, sigma=schedule, indpb=1.0)
    _, log = algorithms.eaMuPlusLambda(
        toolbox.population(n=4),
        toolbox,
        mu=4,
        lambda_=6,
        cxpb=0.5,
        mutpb=0.5,
        ngen=3,
        stats=statistics_of(schedule),
        verbose=False,
    )
    assert log.select("sigma") == pytest.approx([0.1, 0.1 * 0.1 ** (1 / 3), 0.1 ** (5 / 3), 0.01])


def test_the_loop_of_deapnets_gives_what_deaps_loop_gives(make_toolbox):
    runs = []
    for loop in (algorithms.eaSimple, lambda *a, verbose, **k: dn.eaGenerational(*a, **k).run()):
        random.seed(3)
        schedule = dn.GoalSchedule(0.1, 0.01, goal=0.0)
        toolbox = make_toolbox()
        toolbox.register("mutate", dn.mutGaussian, sigma=schedule, indpb=1.0)
        population = toolbox.population(n=6)
        population, log = loop(
            population, toolbox, 0.5, 1.0, 4, stats=statistics_of(schedule), verbose=False
        )
        runs.append(([one.digest for one in population], log.select("sigma")))
    assert runs[0] == runs[1]
    assert len(set(runs[0][1])) > 2


def test_any_parameter_may_follow_a_schedule(make_toolbox):
    schedule = dn.ExponentialSchedule(0.5, 0.1, ngen=1)
    pair = make_toolbox().population(n=2)
    for expected in (0.5, 0.5, 0.1):
        dn.cxUniform(*pair, indpb=schedule)
        assert dict(pair[0].node.recipe.parameters) == {"indpb": pytest.approx(expected)}
        schedule([0.0])


def test_a_value_out_of_range_is_refused_when_it_comes(make_toolbox):
    schedule = dn.ConstantSchedule(2.0)
    said = "mutGaussian: indpb is a probability in [0, 1], got 2.0."
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.mutGaussian(make_toolbox().individual(), sigma=0.1, indpb=schedule)


# State


@each_schedule
def test_a_schedule_goes_on_from_its_state_in_json(make):
    fitness = [[-4.0, -5.0], [-3.0, -9.0], [-1.0, -2.0], [-2.0, -3.0]]
    whole = make()
    expected = [whole(one) for one in fitness]
    first, second = make(), make()
    begun = [first(one) for one in fitness[:2]]
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert second.value == first.value
    assert begun + [second(one) for one in fitness[2:]] == expected


def test_a_schedule_of_ones_own_keeps_whatever_it_has_seen():
    class Best(dn.Schedule):
        def __init__(self):
            super().__init__(1.0)
            self.seen = []

        def _next(self, fitness):
            self.seen = [*self.seen, max(fitness)]
            return 1.0 / len(self.seen)

    first, second = Best(), Best()
    first([1.0, 2.0])
    second.load_state_dict(first.state_dict())
    assert first([0.0]) == second([0.0]) == 0.5
    assert second.seen == [2.0, 0.0]


# What is refused


@pytest.mark.parametrize("goal", [None, math.nan, math.inf])
def test_a_goal_schedule_without_a_goal_is_refused(goal):
    said = (
        "GoalSchedule needs a goal, the fitness that is hoped for, such as goal=1.0 for an "
        f"accuracy and goal=0.0 for a loss; got {goal!r}."
    )
    with pytest.raises(OptionError, match=f"^{re.escape(said)}$"):
        dn.GoalSchedule(0.1, 0.01, goal)
    with pytest.raises(OptionError, match="needs a goal"):
        dn.GoalSchedule(0.1, 0.01)


@pytest.mark.parametrize(
    ("start", "floor"), [(0.1, 0.2), (0.1, 0.0), (math.inf, 0.1), (math.nan, 0.1), (-1.0, -2.0)]
)
def test_a_schedule_that_does_not_fall_is_refused(start, floor):
    said = f"falls from start to floor, both finite and above 0; got {start!r} and {floor!r}."
    with pytest.raises(OptionError, match=f"^ExponentialSchedule {re.escape(said)}$"):
        dn.ExponentialSchedule(start, floor, ngen=2)
    with pytest.raises(OptionError, match=f"^GoalSchedule {re.escape(said)}$"):
        dn.GoalSchedule(start, floor, goal=1.0)


def test_a_schedule_over_no_generation_is_refused():
    with pytest.raises(
        OptionError, match=r"^ExponentialSchedule: ngen is at least 1 generation, got 0\.$"
    ):
        dn.ExponentialSchedule(0.1, 0.01, ngen=0)


@pytest.mark.parametrize("start", [-0.1, math.inf, math.nan])
def test_a_constant_that_is_none_is_refused(start):
    with pytest.raises(OptionError, match="start is finite and at least 0, got"):
        dn.ConstantSchedule(start)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: dn.ConstantSchedule("1"), "ConstantSchedule: start is finite and at least 0, got"),
        (lambda: dn.ExponentialSchedule(0.3, 0.1, "5"), "ExponentialSchedule: ngen is at least 1"),
        (lambda: dn.ExponentialSchedule("0.3", 0.1, 5), "ExponentialSchedule falls from start to"),
        (lambda: dn.GoalSchedule(0.3, [0.1], 1.0), "GoalSchedule falls from start to floor, both"),
        (lambda: dn.GoalSchedule(0.3, 0.1, "1"), "GoalSchedule needs a goal, the fitness that is"),
    ],
)
def test_text_and_lists_are_no_numbers_of_a_schedule(make, said):
    with pytest.raises(OptionError, match=f"^{re.escape(said)}"):
        make()
