"""A script's loop that is killed and started again gives what it would have given."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from deap import algorithms, tools

import deapnets as dn
from deapnets.errors import OptionError, RunError
from deapnets.files.locking import locked

EXAMPLE = Path(__file__).parents[2] / "examples" / "checkpointed.py"


def evolve(make_toolbox, folder, ngen, dies_in=None, fresh=False, **options):
    """A loop as a script has it; what it ends with."""
    random.seed(4)
    torch.manual_seed(4)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    inputs = torch.randn(40, 3)
    batch = {"batch_size": 8} if fresh else {}
    task = dn.Supervised(net, inputs, (inputs[:, 0] > 0).long(), **batch)
    toolbox = make_toolbox(evaluate=task, map=dn.PopulationMap(device="cpu"))
    population, hall, logbook = toolbox.population(n=10), tools.HallOfFame(2), tools.Logbook()
    totals = {"draws": 0.0}
    saved = dn.Checkpointer(
        folder,
        population=population,
        hall=hall,
        logbook=logbook,
        totals=totals,
        map=toolbox.map,
        evaluate=toolbox.evaluate,
        **options,
    )
    gens = []
    for gen in saved.generations(ngen):
        gens.append(gen)
        if gen > 0:
            population[:] = algorithms.varAnd(population, toolbox, cxpb=0.5, mutpb=1.0)
        waiting = [one for one in population if not one.fitness.valid]
        if gen == dies_in:
            raise KeyboardInterrupt
        for one, values in zip(waiting, toolbox.map(toolbox.evaluate, waiting), strict=True):
            one.fitness.values = values
        hall.update(population)
        totals["draws"] += random.random() + np.random.random() + torch.rand(1).item()
        logbook.record(gen=gen, best=hall[0].fitness.values[0])
    ended = [(one.digest, one.fitness.values) for one in [*population, *hall]]
    return gens, (ended, list(logbook), totals)


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("dies_in", [0, 1, 5])
def test_a_loop_that_died_goes_on_and_ends_as_the_one_that_did_not(
    make_toolbox, tmp_path, dies_in, fresh, recwarn
):
    options = {"every": 0.0, "fresh": fresh}
    np.random.seed(4)
    _, whole = evolve(make_toolbox, tmp_path / "whole", 8, **options)
    np.random.seed(4)
    with pytest.raises(KeyboardInterrupt):
        evolve(make_toolbox, tmp_path / "killed", 8, dies_in=dies_in, **options)
    gens, again = evolve(make_toolbox, tmp_path / "killed", 8, **options)
    assert gens == list(range(dies_in, 8))
    if dies_in > 0:  # else nothing was saved, and numpy was not seeded again
        assert again == whole
    recwarn.clear()  # of survivors under a fresh evaluator, which the loop does not score again


def test_a_finished_loop_gives_its_result_at_once_and_may_be_made_longer(make_toolbox, tmp_path):
    _, first = evolve(make_toolbox, tmp_path, 4)
    gens, again = evolve(make_toolbox, tmp_path, 4)
    assert (gens, again) == ([], first)
    assert evolve(make_toolbox, tmp_path, 6)[0] == [4, 5]


def test_the_last_generation_is_saved_whatever_the_interval(make_toolbox, tmp_path):
    evolve(make_toolbox, tmp_path, 4, every=1000.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "000001.jsonl",
        "000001.safetensors",
    ]


def test_eaGenerational_is_saved_as_it_is(make_toolbox, tmp_path):
    def loop_of():
        random.seed(2)
        toolbox = make_toolbox(map=dn.PopulationMap(device="cpu", seed=1))
        return dn.eaGenerational(toolbox.population(n=8), toolbox, 0.5, 1.0, ngen=6, elites=1)

    whole = loop_of().run()
    loop = loop_of()
    saved = dn.Checkpointer(tmp_path, loop=loop, map=loop.toolbox.map)
    for generation in loop:
        saved.save(generation.number)
        if generation.number == 3:
            break
    again = loop_of()
    assert dn.Checkpointer(tmp_path, loop=again, map=again.toolbox.map).load() == 3
    assert again.run() == whole


def test_without_a_snapshot_there_is_nothing_to_load(tmp_path):
    values = [1, 2]
    assert dn.Checkpointer(tmp_path / "new", values=values).load() is None
    assert values == [1, 2]


def test_generations_count_as_range_does(tmp_path):
    for number, (arguments, expected) in enumerate([((3,), [0, 1, 2]), ((2, 5), [2, 3, 4])]):
        saved = dn.Checkpointer(tmp_path / str(number), values=[])
        assert list(saved.generations(*arguments)) == expected


def test_an_object_that_cannot_be_saved_is_named(tmp_path):
    with pytest.raises(OptionError) as caught:
        dn.Checkpointer(tmp_path, map=map)
    assert str(caught.value) == (
        "Checkpointer cannot save map: type is no list, dict, logbook or hall of fame, and has no "
        "state_dict and load_state_dict."
    )


def test_snapshots_of_other_objects_are_refused(tmp_path):
    dn.Checkpointer(tmp_path, population=[], hall=tools.HallOfFame(1)).save(0)
    with pytest.raises(RunError) as caught:
        dn.Checkpointer(tmp_path, population=[]).load()
    assert str(caught.value) == (
        f"The snapshots in {tmp_path} are of hall, population; the script gives population. Give "
        "the same, or another folder."
    )


def test_two_scripts_cannot_have_one_folder(tmp_path):
    with locked(tmp_path), pytest.raises(RunError, match=f"in use by process {os.getpid()} "):
        list(dn.Checkpointer(tmp_path, values=[]).generations(3))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_the_example_prints_the_same_line_after_it_was_killed(tmp_path):
    def begin(folder):
        words = ["--folder", tmp_path / folder, "--ngen", "40", "--size", "20", "--every", "0"]
        command = [sys.executable, "-W", "error", str(EXAMPLE), *map(str, words)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)

    whole, _ = begin("whole").communicate(timeout=120)
    assert re.fullmatch(r"41 generations, best 0\.\d+, [0-9a-f]{32}\n", whole)
    draw = random.Random(3)
    for snapshots in (2, 15, 30):
        process = begin("killed")
        while max([0, *(int(p.stem) for p in (tmp_path / "killed").glob("*.jsonl"))]) < snapshots:
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.02))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    last, _ = begin("killed").communicate(timeout=120)
    assert last == whole
