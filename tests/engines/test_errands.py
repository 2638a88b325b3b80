"""Workers as an executor: calls, what they raise, and workers that are lost with them."""

from __future__ import annotations

import os
import random
import signal
import sys
import warnings

import cloudpickle
import pytest

import deapnets as dn
from deapnets.algorithms.searches import search_toolbox
from deapnets.errors import DataError, OptionError, WorkerLostError
from deapnets.plugins import EVALUATORS, get

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import tests


def double(number, *, plus=0):
    return 2 * number + plus


def refuse(number):
    raise DataError(f"{number} is damaged")


def say(number):
    warnings.warn("it is hot", RuntimeWarning, stacklevel=1)
    return number


def die(number):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def executor(two_processes):
    return two_processes.executor()


def test_calls_return_what_they_return_in_whatever_order_they_are_asked(executor):
    futures = [executor.submit(double, number, plus=1) for number in range(7)]
    assert [future.result() for future in reversed(futures)] == [13, 11, 9, 7, 5, 3, 1]


def test_what_a_call_raises_is_raised_here(executor):
    future = executor.submit(refuse, 3)
    with pytest.raises(DataError, match="3 is damaged"):
        future.result()
    assert executor.submit(double, 2).result() == 4


def test_what_a_call_warns_of_is_said_here(executor):
    with pytest.warns(RuntimeWarning, match="it is hot"):
        assert executor.submit(say, 3).result() == 3


def test_a_call_that_costs_three_workers_is_given_up_and_others_go_on(executor):
    bad, good = executor.submit(die, 1), [executor.submit(double, n) for n in range(4)]
    with pytest.raises(WorkerLostError, match="3 workers were lost with it: was killed by SIGKILL"):
        bad.result()
    assert [future.result() for future in good] == [0, 2, 4, 6]


def test_this_process_has_no_executor():
    assert dn.PopulationMap().executor() is None


def test_an_evaluator_of_a_plugin_travels_by_name_and_options(executor):
    evaluator = get(EVALUATORS, "bitstring").load().make(bits=9, noise=0.1).instance
    individual = dn.initChoices(dn.ChoiceGenome, evaluator.space())
    here = evaluator.outcome(individual, 1.0, 7)
    assert executor.submit(evaluator.outcome, individual, 1.0, 7).result() == here
    assert len(executor._functions) == 1
    assert max(map(len, executor._functions.values())) < 200


def search_of(executor, window=5):
    random.seed(4)
    evaluator = get(EVALUATORS, "bitstring").load().make(bits=16, noise=0.1).instance
    toolbox = search_toolbox(evaluator)
    how = {"evaluations": 60, "window": window, "executor": executor}
    search = dn.eaAging(toolbox.population(n=10), toolbox, 3, **how)
    return [(str(one.individual), one.outcome.values) for one in search]


def test_a_search_on_worker_processes_is_that_of_this_process(executor):
    assert search_of(executor) == search_of(None)


def test_a_search_for_which_most_workers_wait_is_refused(two_processes):
    from deapnets.runs.configuring import make_settings

    evaluator = get(EVALUATORS, "bitstring").load().make().instance
    with pytest.raises(OptionError, match=r"With window=1 only 1 of 2 workers .* -a window=6"):
        make_settings("aging", [], evaluator).begin(evaluator, two_processes)
