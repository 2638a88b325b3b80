"""Networks side by side, each on one thread."""

from __future__ import annotations

import threading
import time

import pytest
import torch
from torch import nn

from deapnets.networks.crew import Crew

CPU = torch.device("cpu")


@pytest.mark.usefixtures("_threads_restored")
def test_parts_cover_all_networks_in_order_one_thread_each():
    crew = Crew(nn.Linear(2, 2), CPU)
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        for count in (1, 2, 7):
            parts = crew.run(lambda _, first, end: (first, end, torch.get_num_threads()), count)
            assert [n for first, end, _ in parts for n in range(first, end)] == list(range(count))
            assert {own for _, _, own in parts} == {1}
            assert torch.get_num_threads() == threads


@pytest.mark.usefixtures("_threads_restored")
def test_each_part_has_a_worker_and_a_thread_of_its_own():
    torch.set_num_threads(3)
    crew, both = Crew(nn.Linear(2, 2), CPU), threading.Barrier(3)

    def task(worker, *_):
        both.wait(10)
        return id(worker), threading.get_ident()

    seen = crew.run(task, 3)
    assert len({worker for worker, _ in seen}) == len({thread for _, thread in seen}) == 3
    assert threading.get_ident() not in {thread for _, thread in seen}


@pytest.mark.usefixtures("_threads_restored")
def test_what_is_not_to_be_done_side_by_side_is_one_part():
    torch.set_num_threads(2)
    crew = Crew(nn.Linear(2, 2), CPU)
    parts = crew.run(lambda w, a, b: (w, a, b, torch.get_num_threads()), 5, side_by_side=False)
    assert parts == [(crew.workers[0], 0, 5, 1)]


@pytest.mark.usefixtures("_threads_restored")
def test_gradients_and_inference_are_as_the_caller_has_them():
    torch.set_num_threads(2)
    crew = Crew(nn.Linear(2, 2), CPU)

    def modes(*_):
        return torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    assert crew.run(modes, 2) == [(True, False)] * 2
    with torch.no_grad():
        assert crew.run(modes, 2) == [(False, False)] * 2
    with torch.inference_mode():
        assert crew.run(modes, 2) == [(False, True)] * 2


@pytest.mark.usefixtures("_threads_restored")
def test_a_fault_of_one_part_reaches_the_caller():
    torch.set_num_threads(2)

    def fails(worker, first, end):
        if first:
            raise RuntimeError("the second part")

    with pytest.raises(RuntimeError, match="the second part"):
        Crew(nn.Linear(2, 2), CPU).run(fails, 4)


@pytest.mark.usefixtures("_threads_restored")
def test_a_part_that_fails_is_told_when_no_worker_computes_any_more():
    torch.set_num_threads(2)
    failed, ended = threading.Event(), threading.Event()

    def task(_, first, end):
        if first == 0:
            failed.set()
            raise ValueError("the first part")
        failed.wait(10)
        time.sleep(0.2)
        ended.set()

    with pytest.raises(ValueError, match="the first part"):
        Crew(nn.Linear(2, 2), CPU).run(task, 2)
    assert ended.is_set()
