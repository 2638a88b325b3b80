import copy
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import torch
from torch import nn

import deapnets as dn
from deapnets.engines.processes import ProcessCrew
from deapnets.errors import EngineError, EvaluationError, OperatorError, OptionError

cloudpickle = pytest.importorskip("cloudpickle", reason="workers need cloudpickle")
cloudpickle.register_pickle_by_value(sys.modules[__name__])

TASKS = ["all rows", "mini-batch", "silent state", "state"]

# The answer


@pytest.mark.parametrize("name", TASKS)
def test_two_processes_give_the_run_of_one_process(evolve, tasks, two_processes, name):
    expected = evolve(tasks[name](), dn.PopulationMap(seed=5))
    assert evolve(tasks[name](), two_processes) == expected


@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 3, "memory": 20_000}])
def test_neither_the_number_of_workers_nor_their_memory_changes_a_run(evolve, tasks, options):
    expected = evolve(tasks["mini-batch"](), dn.PopulationMap(seed=5))
    mapping = dn.PopulationMap(seed=5, engine="processes", **options)
    try:
        assert evolve(tasks["mini-batch"](), mapping) == expected
    finally:
        mapping.close()


@pytest.mark.parametrize("name", TASKS)
def test_an_executor_of_threads_gives_the_run_of_one_process(evolve, tasks, name):
    expected = evolve(tasks[name](), dn.PopulationMap(seed=5))
    with ThreadPoolExecutor(2) as threads:
        assert evolve(tasks[name](), dn.PopulationMap(seed=5, engine=threads)) == expected


def test_loky_gives_the_run_of_one_process(evolve, tasks):
    loky = pytest.importorskip("loky")
    expected = evolve(tasks["mini-batch"](), dn.PopulationMap(seed=5))
    executor = loky.ProcessPoolExecutor(max_workers=2)
    try:
        assert evolve(tasks["mini-batch"](), dn.PopulationMap(seed=5, engine=executor)) == expected
    finally:
        executor.shutdown(kill_workers=True)


def test_what_a_module_draws_for_its_frozen_part_is_the_same_in_workers(evolve, two_processes):
    class Frozen(dn.Evaluator):
        def __init__(self):
            self.net = None

        def genome(self):
            if self.net is None:
                self.net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
                self.net[0].requires_grad_(False)
            return self.net

        def __getstate__(self):
            return {"net": None}  # drawn anew in a worker

        def evaluate(self, networks):
            return networks(torch.ones(5, 4)).square().mean((1, 2))

    task = Frozen()
    assert evolve(task, two_processes) == evolve(task, dn.PopulationMap(seed=5))


def test_two_layouts_in_one_call_are_scored_apart(two_processes, individual_class, tasks):
    task = tasks["all rows"]()
    whole = [dn.initWeights(individual_class, task.genome(), sigma=0.3) for _ in range(3)]
    task.genome()[0].requires_grad_(False)
    part = [dn.initWeights(individual_class, task.genome(), sigma=0.3) for _ in range(3)]
    mixed = [one for pair in zip(whole, part, strict=True) for one in pair]
    assert two_processes(task, mixed) == dn.PopulationMap()(task, mixed)


def test_keywords_reach_the_workers(two_processes, individual_class):
    class Scaled(dn.Evaluator):
        net = nn.Linear(3, 1)

        def genome(self):
            return self.net

        def evaluate(self, networks, scale):
            return torch.full((len(networks),), scale)

    from functools import partial

    population = [dn.initWeights(individual_class, Scaled.net, sigma=0.1) for _ in range(3)]
    assert two_processes(partial(Scaled(), scale=2.5), population) == [(2.5,)] * 3


# What is kept


def test_children_leave_their_weights_in_memory_that_all_share(
    two_processes, individual_class, tasks
):
    task = tasks["all rows"]()
    population = [dn.initWeights(individual_class, task.genome(), sigma=0.3) for _ in range(9)]
    expected = [one.weights for one in population]
    two_processes(task, population)
    assert all(one.node.recipe is None for one in population)
    assert all(torch.equal(a.weights, b) for a, b in zip(population, expected, strict=True))


def test_clones_share_what_is_kept(two_processes, individual_class, tasks):
    task = tasks["all rows"]()
    one, other = (dn.initWeights(individual_class, task.genome(), sigma=0.3) for _ in range(2))
    population = [copy.deepcopy(which) for which in (one, other, one, one, other)]
    expected = [which.weights for which in copy.deepcopy(population)]
    for _ in range(2):  # the second time from what was kept
        scores = two_processes(task, population)
        assert scores == dn.PopulationMap()(task, copy.deepcopy(population))
    assert all(torch.equal(a.weights, b) for a, b in zip(population, expected, strict=True))


def test_children_of_low_rank_are_scored_without_weights_in_workers_too(
    two_processes, individual_class, tasks
):
    task = tasks["all rows"]()
    base = dn.initWeights(individual_class, task.genome(), sigma=0.3)
    population = [copy.deepcopy(base) for _ in range(20)]
    for index, one in enumerate(population):
        (dn.mutGaussian if index % 3 == 0 else dn.mutLowRank)(
            one, **({"sigma": 0.1, "indpb": 1.0} if index % 3 == 0 else {"sigma": 0.1})
        )
    expected = dn.PopulationMap()(task, copy.deepcopy(population))
    assert two_processes(task, population) == expected
    assert [one.node.recipe is None for one in population] == [i % 3 == 0 for i in range(20)]


def test_memory_of_children_that_are_gone_is_given_back(evolve, tasks):
    mapping = dn.PopulationMap(seed=5, engine="processes", workers=2)
    try:
        evolve(tasks["all rows"](), mapping)
        assert mapping._engine.crew.pool.used == 0
    finally:
        mapping.close()


@pytest.mark.parametrize("memory", ["1GB", 30_000])
def test_what_asks_to_be_stored_is_stored_as_it_was_scored(individual_class, tasks, memory):
    """Its result differs each time it is made, so that only the stored one has the score."""

    @dn.operator(parents=1, keep=True)
    def mutByClock(rows, draw):
        return rows[0] + time.perf_counter() % 1

    task = tasks["all rows"]()
    mapping = dn.PopulationMap(engine="processes", workers=2, memory=memory)
    population = [dn.initWeights(individual_class, task.genome(), sigma=0.3) for _ in range(20)]
    for one in population:
        mutByClock(one)
    try:
        scores = mapping(task, population)
    finally:
        mapping.close()
    assert scores == dn.PopulationMap()(task, population)


# What is sent


def test_a_child_takes_less_than_two_hundred_bytes(individual_class, tasks):
    mapping = dn.PopulationMap(engine="processes", workers=1)
    task = tasks["all rows"]()
    population = [dn.initWeights(individual_class, task.genome(), sigma=0.3) for _ in range(800)]
    try:
        mapping(task, population)
        for first, second in zip(population[::2], population[1::2], strict=True):
            dn.cxUniform(first, second, indpb=0.5)
        for one in population:
            dn.mutGaussian(one, sigma=0.1, indpb=0.2)
        before = mapping._engine.crew.traffic.tasks
        mapping(task, population)
        assert mapping._engine.crew.traffic.tasks - before < 200 * len(population)
    finally:
        mapping.close()


def test_a_plugins_evaluator_is_made_again_and_its_data_stay_at_home(install, individual_class):
    source = """
    import os, torch, deapnets as dn
    class Task(dn.SupervisedTask):
        def __init__(self, *, size: int = 3):
            super().__init__()
            self.size = size
        def module(self):
            return torch.nn.Linear(self.size, 2)
        def load(self):
            return dn.Splits(dn.Split(torch.ones(100_000, self.size), torch.ones(100_000).long()))
        def evaluate(self, networks):
            networks.record("process", torch.full((len(networks),), os.getpid()))
            return super().evaluate(networks)
    """
    install("plug", "task = plugged:Task", plugged=textwrap.dedent(source))
    from deapnets.plugins import EVALUATORS, get

    task = get(EVALUATORS, "task").load().make(size=5).instance
    mapping = dn.PopulationMap(engine="processes", workers=1)
    population = [dn.initWeights(individual_class, task.genome(), sigma=0.1) for _ in range(4)]
    try:
        scores = mapping(task, population)
        assert mapping._engine.crew.traffic.supplies < 10_000
    finally:
        mapping.close()
    assert os.getpid() not in {one.records["process"] for one in population}
    assert scores == dn.PopulationMap()(task, population)


def test_a_state_is_not_sent_with_every_task(evolve, tasks):
    mapping = dn.PopulationMap(seed=5, engine="processes", workers=2)
    try:
        crew = mapping._engine.crew
        starts, crew_start = [], crew.start

        def start(ticket, task):
            starts.append(dict.fromkeys(task.supplies))
            crew_start(ticket, task)

        crew.start = start
        evolve(tasks["state"](), mapping, ngen=4)
    finally:
        mapping.close()
    wanted = 2 * (1 + 5)  # the evaluator, and five states, for two workers
    assert sum(map(len, starts)) <= 2 * wanted  # what one lacks may find the other one idle


def test_an_evaluator_that_cannot_be_sent_is_one_clear_line(two_processes, individual_class):
    class Locked(dn.Evaluator):
        def __init__(self):
            import threading

            self.lock, self.net = threading.Lock(), nn.Linear(3, 1)

        def genome(self):
            return self.net

        def evaluate(self, networks):
            return networks.weights().sum(1)

    task = Locked()
    said = (
        "Evaluator \"Locked\" cannot be sent to workers: cannot pickle '_thread.lock' object. Open "
        'files, locks and connections on first use, not before; or use engine="serial".'
    )
    with pytest.raises(EngineError, match=re.escape(said)):
        two_processes(task, [dn.initWeights(individual_class, task.net, sigma=0.1)])


def test_an_operator_that_cannot_be_sent_is_one_clear_line(two_processes, individual_class, tasks):
    lock = __import__("threading").Lock()

    @dn.operator(parents=1)
    def mutLocked(rows, draw):
        with lock:
            return rows[0]

    task = tasks["all rows"]()
    one = dn.initWeights(individual_class, task.genome(), sigma=0.1)
    mutLocked(one)
    with pytest.raises(
        OperatorError, match=r"mutLocked\" cannot be sent to workers: cannot pickle"
    ):
        two_processes(task, [one])


# Faults


def fresh_map(**options):
    return dn.PopulationMap(engine="processes", workers=2, **options)


def test_a_worker_that_dies_costs_its_task_alone(trouble, lone_population):
    mapping, population = fresh_map(), lone_population()
    try:
        scores = mapping(trouble("die"), population)
    finally:
        mapping.close()
    assert scores == [(pytest.approx(float(one.weights.sum())),) for one in population]
    (fault,) = mapping.faults
    assert fault.pop("individuals") in (1, 2)  # as fast as the first ones were
    assert fault == {"generation": 0, "worker": "ended with exit code 3"}


def test_a_worker_that_hangs_is_stopped_and_its_task_done_by_another(trouble, lone_population):
    mapping, population = fresh_map(time_limit=1.0), lone_population()
    began = time.monotonic()
    try:
        scores = mapping(trouble("hang"), population)
    finally:
        mapping.close()
    assert time.monotonic() - began < 40
    assert scores == [(pytest.approx(float(one.weights.sum())),) for one in population]
    (fault,) = mapping.faults
    assert fault.pop("individuals") in (1, 2)
    assert fault == {"generation": 0, "worker": "took longer than 1 s"}


def test_an_individual_that_is_the_end_of_three_workers_is_named(trouble, lone_population):
    mapping, population = fresh_map(), lone_population()
    said = (
        f"Individual {population[2].digest[:8]} (generation 0) was given up: three workers were "
        'lost with it, the last one ended with exit code 3. on_error="worst" gives it the worst '
        "value."
    )
    try:
        with pytest.raises(EvaluationError, match=re.escape(said)):
            mapping(trouble("die", times=99), population)
        assert len(mapping.faults) == 3
    finally:
        mapping.close()


def test_an_individual_that_is_given_up_can_have_the_worst_value(trouble, lone_population):
    mapping, population = fresh_map(on_error="worst"), lone_population(count=8, bad=(5,))
    try:
        scores = mapping(trouble("die", times=99), population)
    finally:
        mapping.close()
    others = [float(one.weights.sum()) for i, one in enumerate(population) if i != 5]
    assert scores[5] == (pytest.approx(min(others)),)
    assert [set(fault) for fault in mapping.faults[:3]] == [
        {"generation", "worker", "individuals"}
    ] * 3
    assert mapping.faults[3:] == [
        {
            "generation": 0,
            "individual": population[5].digest,
            "value": ["nan"],
            "reason": "ended with exit code 3",
        }
    ]


def test_a_task_that_was_lost_is_tried_again_one_individual_at_a_time(trouble, lone_population):
    """So that what is fine in it has its score whatever the one beside it does."""
    mapping = dn.PopulationMap(engine="processes", workers=1, on_error="worst")
    task = trouble("die", times=99)
    try:
        mapping(task, lone_population(count=40, bad=()))  # the pace is known now
        population = lone_population(count=40, bad=(7,))
        scores = mapping(task, population)
    finally:
        mapping.close()
    fine = [index for index in range(40) if index != 7]
    assert [scores[i][0] for i in fine] == [
        pytest.approx(float(population[i].weights.sum())) for i in fine
    ]
    assert [fault.get("individuals") for fault in mapping.faults] == [20, 1, 1, None]


def test_what_an_evaluator_raises_comes_back_with_its_traceback(trouble, lone_population):
    mapping = fresh_map()
    try:
        with pytest.raises(KeyError, match="no such thing") as caught:
            mapping(trouble("raise", times=99), lone_population())
        assert "in happen" in str(caught.value.__cause__)
        assert mapping(trouble("raise", times=0), lone_population(2)) is not None  # goes on
    finally:
        mapping.close()


def test_a_warning_in_a_worker_is_said_here_and_once(two_processes, trouble, lone_population):
    with pytest.warns(RuntimeWarning, match="odd, but it works") as caught:
        two_processes(trouble("warn", times=99), lone_population(6, bad=(0, 1, 2, 3)))
    assert len(caught) == 1


@pytest.mark.parametrize("limit", [{"max_evaluations": 5}, {"max_memory": 1 << 20}])
def test_workers_are_replaced_before_they_hold_too_much(trouble, lone_population, limit):
    mapping = fresh_map()
    mapping._engine.crew = crew = ProcessCrew(1, **limit)
    task = trouble("raise", times=0)
    try:
        for _ in range(2):
            assert len(mapping(task, lone_population(6, bad=()))) == 6
        assert crew.recycled >= 1
        assert mapping.faults == []
    finally:
        mapping.close()


def test_workers_that_cannot_begin_are_said(monkeypatch, lone_population, trouble):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    mapping = fresh_map()
    said = "Worker processes end before they are ready (ended with exit code 1). What they said is"
    with pytest.raises(EngineError, match=re.escape(said)):
        mapping(trouble("raise", times=0), lone_population(2))
    mapping.close()


# Processes


def script(tmp_path, text):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(text))
    return [sys.executable, str(path)]


HEADER = """
import os, random, re, sys, time
import torch
from deap import base, creator
import deapnets as dn

creator.create("Fitness", base.Fitness, weights=(1.0,))
creator.create("Individual", dn.WeightGenome, fitness=creator.Fitness)
net = torch.nn.Linear(3, 1)

class Task(dn.Evaluator):
    def genome(self):
        return net
    def evaluate(self, networks):
        return networks.weights().sum(1) * FACTOR

@dn.operator(parents=1)
def mutMine(rows, draw):
    return rows[0] + FACTOR

FACTOR = 2
"""


def test_a_script_without_a_main_guard_runs_once(tmp_path):
    """Its classes, functions and operators reach the workers all the same."""
    text = HEADER + textwrap.dedent("""
    print("the script runs")
    population = [dn.initWeights(creator.Individual, net, sigma=0.1) for _ in range(4)]
    for one in population:
        mutMine(one)
    mapping = dn.PopulationMap(engine="processes", workers=2)
    scores = mapping(Task(), population)
    print(scores == dn.PopulationMap()(Task(), population))
    """)
    ran = subprocess.run(
        script(tmp_path, text), capture_output=True, text=True, timeout=120, check=True
    )
    assert ran.stdout.splitlines() == ["the script runs", "True"], ran.stderr
    assert ran.stderr == ""


BUSY = {
    "sleeping": "time.sleep(100)",
    "holding the lock": "re.match(r'(a+)+$', 'a' * 60 + 'b')",
}


@pytest.mark.parametrize("busy", BUSY)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's part is Linux's")
def test_workers_are_gone_when_the_parent_is_killed(tmp_path, busy):
    pids = tmp_path / "pids"
    pids.mkdir()
    text = (
        f"PIDS = {str(pids) + '/'!r}"
        + HEADER.replace(
            "return networks.weights().sum(1) * FACTOR",
            f"""
        open(PIDS + str(os.getpid()), "w").close()
        {BUSY[busy]}""",
        )
        + textwrap.dedent("""
    population = [dn.initWeights(creator.Individual, net, sigma=0.1) for _ in range(4)]
    dn.PopulationMap(engine="processes", workers=2)(Task(), population)
    """)
    )
    parent = subprocess.Popen(script(tmp_path, text))
    try:
        workers = eventually(lambda: len(list(pids.iterdir())) == 2 and list(pids.iterdir()))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        for worker in workers:
            assert eventually(lambda worker=worker: not alive(int(worker.name)))
    finally:
        parent.kill()
        parent.wait()


def eventually(found, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_closed_workers_are_gone_and_come_back(trouble, lone_population):
    mapping, task = fresh_map(), trouble("raise", times=0)
    try:
        mapping(task, lone_population(3))
        pids = [worker.process.pid for worker in mapping._engine.crew._staff]
        mapping.close()
        assert not any(map(alive, pids))
        assert len(mapping(task, lone_population(3))) == 3
    finally:
        mapping.close()


# A steady state


def bred(mapping, task, individual_class, window, n=30):
    """Return what a steady state gives whose children follow from the best so far."""
    random.seed(9)
    best, seen = None, []

    def children():
        for _ in range(n):
            child = dn.initWeights(individual_class, task.genome(), sigma=0.3)
            if best is not None:
                child.node = best.node
                dn.mutGaussian(child, sigma=0.1, indpb=0.5)
            yield child

    for individual, fitness in mapping.steady(task, children(), window=window):
        seen.append((individual.digest, fitness))
        if best is None or fitness > best.fitness.values:
            individual.fitness.values = fitness
            best = individual
    return seen


@pytest.mark.parametrize("name", ["all rows", "mini-batch", "silent state"])
def test_a_steady_state_is_the_same_on_any_number_of_workers(
    two_processes, tasks, individual_class, name
):
    expected = bred(dn.PopulationMap(seed=5), tasks[name](), individual_class, 4)
    assert bred(two_processes, tasks[name](), individual_class, 4) == expected
    assert len(expected) == 30


def test_a_steady_state_depends_on_its_window(tasks, individual_class):
    runs = [
        bred(dn.PopulationMap(seed=5), tasks["all rows"](), individual_class, w) for w in (1, 6)
    ]
    assert runs[0] != runs[1]


def test_a_steady_state_is_one_generation(trouble, lone_population):
    mapping = dn.PopulationMap()
    population = lone_population(5)
    given = list(mapping.steady(trouble("raise", times=0), population, window=2))
    assert [one for one, _ in given] == population
    assert (mapping.number, mapping.evaluations) == (0, 5)


def test_a_steady_state_of_anything_but_an_evaluator_is_refused():
    with pytest.raises(OptionError, match=r"needs an Evaluator and a window of at least 1; got"):
        next(dn.PopulationMap().steady(len, [], window=8))


# Words


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"engine": "proceses"},
            'Unknown engine "proceses". Did you mean "processes"? Valid: processes, ray, serial. '
            "In a script, any concurrent.futures.Executor will do.",
        ),
        ({"engine": "processes", "workers": 0}, "workers is at least 1, got 0."),
        ({"workers": 2}, 'engine="serial" has one worker: this process. Try engine="processes".'),
        (
            {"engine": "processes", "time_limit": 0.0},
            "time_limit is a number of seconds above 0, got 0.0.",
        ),
        ({"time_limit": 3.0}, "time_limit needs workers that can be stopped"),
        (
            {"engine": "processes", "address": "localhost:1"},
            'address is that of a Ray cluster: engine="ray", got "processes".',
        ),
    ],
)
def test_words_that_mean_nothing_are_refused(options, said):
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.PopulationMap(**options)


def test_a_broken_executor_is_said(tasks, individual_class):
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    task = tasks["all rows"]()
    population = [dn.initWeights(individual_class, task.genome(), sigma=0.1)]
    said = (
        "The ThreadPoolExecutor takes no tasks any more: cannot schedule new futures after "
        'shutdown engine="processes" replaces workers that are lost.'
    )
    with pytest.raises(EngineError, match=re.escape(said)):
        dn.PopulationMap(engine=executor)(task, population)
