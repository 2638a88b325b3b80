import random

import numpy as np
import pytest

from deapnets.runs.ancestry import DENSE, NOBODY, Ancestry, looked_at


def population(ancestry, generation, before):
    """Add a generation whose fitness tells who is who: generation and place."""
    places = np.array(before)
    fitness = generation + np.arange(len(before)) / 1000
    ancestry.add(generation, places, fitness, np.arange(len(before)) > 0)


def bred(generations, size, seed=0):
    """Return parents of every generation, drawn from the better half."""
    draw = random.Random(seed)
    first = [[NOBODY] * size]
    return first + [[draw.randrange(size // 2) for _ in range(size)] for _ in range(generations)]


def plain_line(history, place):
    """The line of an individual of the last generation, by going back through all of them."""
    line = []
    for generation in range(len(history) - 1, -1, -1):
        line.append((generation, generation + place / 1000, place > 0))
        place = history[generation][place]
    return line[::-1]


@pytest.mark.parametrize("generations", [0, 1, 15, 16, 100])
def test_a_line_is_found_whatever_was_forgotten(generations):
    history, ancestry = bred(generations, 20), Ancestry()
    for generation, before in enumerate(history):
        population(ancestry, generation, before)
    for place in (0, 7, 19):
        assert ancestry.line(place) == plain_line(history, place)


def test_a_long_line_keeps_the_generations_that_are_looked_at_and_the_latest():
    history, ancestry = bred(3 * DENSE, 20), Ancestry()
    for generation, before in enumerate(history):
        population(ancestry, generation, before)
    line, plain = ancestry.line(3), plain_line(history, 3)
    assert set(line) < set(plain)
    assert [one for one in plain if looked_at(one[0])] == [one for one in line if looked_at(one[0])]
    assert line[-1] == plain[-1]
    assert len(line) < len(plain) * 0.65


def test_a_line_is_the_same_however_often_the_state_was_stored():
    history, plain, stored = bred(2 * DENSE, 12), Ancestry(), Ancestry()
    for generation, before in enumerate(history):
        population(plain, generation, before)
        population(stored, generation, before)
        if generation % 7 == 0:
            state, stored = stored.state_dict(), Ancestry()
            stored.load_state_dict(state)
    assert stored.line(5) == plain.line(5)


def test_an_individual_without_parents_has_a_line_of_its_own():
    ancestry = Ancestry()
    population(ancestry, 0, [NOBODY, NOBODY])
    population(ancestry, 1, [1, NOBODY])
    assert ancestry.line(0) == [(0, 0.001, True), (1, 1.0, False)]
    assert ancestry.line(1) == [(1, 1.001, True)]


def test_nobody_yet_is_stored_and_comes_back():
    ancestry = Ancestry()
    ancestry.load_state_dict(Ancestry().state_dict())
    population(ancestry, 0, [NOBODY])
    assert ancestry.line(0) == [(0, 0.0, False)]


def test_of_ten_thousand_generations_less_than_a_thousand_are_looked_at():
    assert sum(map(looked_at, range(10_000))) == 925
    assert all(map(looked_at, range(DENSE)))
