"""The choice between one thread and all of them."""

import pytest
import torch

from deapnets.machine import threads
from deapnets.machine.threads import ThreadChoice, side_by_side


@pytest.fixture
def clock(monkeypatch):
    """Return the seconds that calls take by their number of threads, under a clock of our own."""
    takes = {1: 1.0, 2: 1.0}
    now = [0.0]
    monkeypatch.setattr(threads.time, "perf_counter", lambda: now[0])
    takes["now"] = now
    return takes


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def run(choice, clock, calls):
    """Return the threads of so many calls in a row."""
    chosen = []
    for _ in range(calls):
        with choice.timed(1):
            chosen.append(torch.get_num_threads())
            clock["now"][0] += clock[chosen[-1]]
    return chosen


def test_the_faster_way_is_taken_nearly_always(clock, two_threads):
    for faster, slower in ((1, 2), (2, 1)):
        clock[faster], clock[slower] = 1.0, 3.0
        chosen = run(ThreadChoice(), clock, 400)
        assert chosen.count(faster) > 380
        assert chosen.count(slower) >= 4  # and the other is still tried


def test_a_neighbour_that_comes_and_goes_is_noticed(clock, two_threads):
    choice = ThreadChoice()
    clock[1], clock[2] = 1.3, 1.0
    assert run(choice, clock, 100)[-5:] == [2] * 5
    clock[1], clock[2] = 2.0, 12.0
    assert run(choice, clock, 20).count(1) >= 18
    clock[1], clock[2] = 1.3, 1.0
    assert run(choice, clock, 400)[-50:].count(2) >= 45


def test_the_setting_of_torch_comes_back_also_after_an_error(clock, two_threads):
    choice = ThreadChoice()
    run(choice, clock, 3)
    assert torch.get_num_threads() == 2
    with pytest.raises(RuntimeError, match="no"), choice.timed(1):
        raise RuntimeError("no")
    assert torch.get_num_threads() == 2


def test_where_there_is_one_thread_nothing_else_is_chosen(clock, two_threads):
    torch.set_num_threads(1)
    assert run(ThreadChoice(), clock, 50) == [1] * 50


def test_parts_side_by_side_come_in_order_and_leave_the_setting():
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found = list(side_by_side(lambda part: (part, torch.get_num_threads()), range(20)))
            assert found == [(part, 1) for part in range(20)]
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
