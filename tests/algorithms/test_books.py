import random

import numpy as np
import pytest
from deap import tools

import deapnets as dn
from deapnets.algorithms.books import fill_hall, fill_logbook, hall_state, logbook_state


def logged():
    """A logbook with chapters, half of it streamed."""
    stats = tools.MultiStatistics(
        fitness=tools.Statistics(lambda value: value), size=tools.Statistics(lambda value: 1)
    )
    stats.register("mean", np.mean)
    logbook = tools.Logbook()
    logbook.header = ["gen", "fitness", "size"]
    for gen in range(3):
        logbook.record(gen=gen, **stats.compile([0.5, gen]))
        if gen == 1:
            _ = logbook.stream
    return logbook


def test_a_filled_logbook_is_the_one_that_was_looked_at():
    logbook, other = logged(), tools.Logbook()
    other.record(gen=7, fitness={"mean": 3.0})
    fill_logbook(other, logbook_state(logbook))
    assert other == logbook
    assert other.chapters["fitness"].select("gen", "mean") == ([0, 1, 2], [0.25, 0.75, 1.25])
    assert str(other) == str(logbook)
    assert other.stream == logbook.stream != str(logbook)


def test_a_filled_logbook_goes_on_by_itself():
    logbook, other = logged(), tools.Logbook()
    fill_logbook(other, logbook_state(logbook))
    other.record(gen=3, fitness={"mean": 9.0}, size={"mean": 1.0})
    assert len(logbook) == 3
    assert len(logbook.chapters["fitness"]) == 3


@pytest.mark.parametrize("kind", [lambda: tools.HallOfFame(4), tools.ParetoFront])
def test_a_filled_hall_of_fame_goes_on_as_the_first_one(kind, pareto_class, net):
    def scored(n):
        individuals = [dn.initWeights(pareto_class, net, sigma=0.1) for _ in range(n)]
        for individual in individuals:
            individual.fitness.values = (random.randrange(8), random.randrange(8))
        return individuals

    hall, other = kind(), kind()
    hall.update(scored(20))
    other.update(scored(3))
    fill_hall(other, hall_state(hall))
    later = scored(20)
    for one in (hall, other):
        one.update(later)
    assert [one.digest for one in other] == [one.digest for one in hall]
    assert other.keys == hall.keys
    assert [one.fitness for one in reversed(other.items)] == other.keys
