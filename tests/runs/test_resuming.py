"""A run that was stopped and resumed ends as the one that was not."""

import json
import re

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import deapnets as dn
from deapnets.algorithms.ga import GeneticSettings
from deapnets.errors import OptionError, PluginError, RunError
from deapnets.evaluators.xor import Xor
from deapnets.runs import snapshots
from deapnets.runs.budget import Budget, Target
from deapnets.runs.directory import TRACE, RunDirectory
from deapnets.runs.resuming import other_versions, require_same_network, stored_configuration
from deapnets.runs.running import Run


class Batches(dn.SupervisedTask):
    """A mini-batch a generation, of a network with random initial weights."""

    def __init__(self):
        super().__init__(batch_size=16)

    def module(self):
        return nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 2))

    def load(self):
        inputs = torch.randn(96, 2, generator=torch.Generator().manual_seed(0))
        rows = dn.Split(inputs, (inputs.sum(1) > 0).long())
        return dn.Splits(rows, rows, rows)


class Novelty(dn.Evaluator):
    """Fitness is the distance to what was seen before: a state of tensors, and torch's noise."""

    fresh = True

    def __init__(self):
        self.net = None
        self.archive = torch.zeros(1, 8)
        self.seen = 0

    def genome(self):
        self.net = self.net or nn.Linear(3, 2)
        return self.net

    def prepare(self, population, generation, rng):
        self.noise = torch.rand(1)

    def evaluate(self, networks):
        distance = torch.cdist(networks.weights(), self.archive).amin(1)
        networks.record("distance", distance)
        return distance + self.noise

    def conclude(self, population, scores):
        best = max(range(len(scores)), key=lambda index: scores[index])
        self.archive = torch.cat([self.archive, population[best].weights[None]])
        self.seen += len(scores)

    def state_dict(self):
        return {"archive": self.archive, "seen": self.seen}

    def load_state_dict(self, state):
        self.archive, self.seen = state["archive"], state["seen"]


def found_in(directory):
    """All that a run's directory says, but for the time it took."""
    log = [{k: v for k, v in record.items() if k != "seconds"} for record in directory.log()]
    log += [{k: v for k, v in line.items() if k != "phases"} for line in directory.log(TRACE)]
    log += [directory.read("lineage.json")] if directory.has("lineage.json") else []
    result = directory.read("result.json")
    plain = {k: v for k, v in result.items() if k not in ("seconds", "resumed")}
    tensors = load_file(directory.path / "best.safetensors")
    best = {name: tensor.tolist() for name, tensor in tensors.items()}
    return log, plain, directory.read("best.json"), best


def stop_after(run, generations):
    steps = iter(run)
    for _ in range(generations):
        next(steps)
    steps.close()


@pytest.fixture
def again(configure):
    """Return a function that resumes a run, with an evaluator of its own; gives its directory."""

    def again(run, evaluator, **replaced):
        directory = RunDirectory.open(run.directory.path)
        resumed = Run(configure(evaluator, **replaced), directory, resumes=True)
        list(resumed)
        return directory

    return again


EVALUATORS = {
    "all rows": Xor,
    "a mini-batch a generation": Batches,
    "a state of its own": Novelty,
}


@pytest.mark.parametrize("crossover", ["uniform", "arithmetic"])
@pytest.mark.parametrize("make", EVALUATORS.values(), ids=EVALUATORS)
@pytest.mark.parametrize("generations", [1, 6, 11])
def test_resumed_run_equals_uninterrupted_run(start, again, make, generations, crossover):
    settings = GeneticSettings(population=12, sigma=0.5, crossover=crossover)
    options = {"settings": settings, "budget": Budget(generations=12), "validate_every": 4}
    whole = start(make(), **options)
    list(whole)
    run = start(make(), **options)
    stop_after(run, generations)
    directory = again(run, make(), **options)
    assert found_in(directory) == found_in(whole.directory)
    assert directory.read("result.json")["resumed"] == 1


def test_a_run_may_be_resumed_after_every_generation(start, again):
    options = {"budget": Budget(generations=5)}
    whole = start(Batches(), **options)
    list(whole)
    run = start(Batches(), **options)
    stop_after(run, 1)
    for _ in range(4):
        directory = RunDirectory.open(run.directory.path)
        stop_after(Run(run.configuration, directory, resumes=True), 1)
    directory = again(run, Batches(), **options)
    assert found_in(directory) == found_in(whole.directory)
    assert directory.read("result.json")["resumed"] == 5


def test_a_run_that_died_before_its_first_snapshot_starts_again(start, again):
    options = {"budget": Budget(generations=5)}
    whole = start(**options)
    list(whole)
    run = start(**options)
    stop_after(run, 2)
    for path in (run.directory.path / "checkpoints").iterdir():
        path.unlink()
    assert found_in(again(run, Xor(), **options)) == found_in(whole.directory)


def test_a_run_that_died_after_its_last_generation_is_measured_and_finished(start, again):
    options = {"budget": Budget(generations=5)}
    run = start(**options)
    list(run)
    expected = found_in(run.directory)
    (run.directory.path / "result.json").unlink()
    directory = again(run, Xor(), **options)
    assert found_in(directory) == expected


def test_log_lines_behind_the_snapshot_are_not_doubled(start, again):
    options = {"budget": Budget(generations=8), "checkpoint_every": 1000.0}
    whole = start(**options)
    list(whole)
    run = start(**options)
    steps = iter(run)
    for _ in range(4):
        next(steps)
    run._save_state = lambda algorithm: None  # as when it is killed
    steps.close()
    with (run.directory.path / "log.jsonl").open("a") as log:
        log.write('{"generation": 4, "eval')
    assert found_in(again(run, Xor(), **options)) == found_in(whole.directory)


def test_a_failed_run_goes_on_once_the_cause_is_gone(start, again):
    class Failing(Batches):
        def prepare(self, population, generation, rng):
            if generation == 3:
                raise OSError("the data server is gone")
            super().prepare(population, generation, rng)

    options = {"budget": Budget(generations=6), "checkpoint_every": 0.0}
    whole = start(Batches(), **options)
    list(whole)
    run = start(Failing(), **options)
    with pytest.raises(OSError, match="the data server"):
        list(run)
    assert run.directory.read("result.json")["status"] == "failed"
    assert found_in(again(run, Batches(), **options)) == found_in(whole.directory)


def test_seconds_that_were_spent_count(start, again):
    options = {"budget": Budget(seconds=0.6)}
    run = start(**options)
    steps = iter(run)
    while next(steps).seconds < 0.4:
        pass
    steps.close()
    before = run.directory.read("result.json")["seconds"]
    directory = again(run, Xor(), **options)
    after = directory.read("result.json")["seconds"]
    assert 0.4 <= before <= after
    seconds = [record["seconds"] for record in directory.log()]
    assert seconds == sorted(seconds)


def test_faults_and_forwards_are_carried_over(start, again):
    class Faulty(Xor.__mro__[1]):
        module, load = Xor.module, Xor.load
        _hidden = 2

        def evaluate(self, networks):
            fitness = super().evaluate(networks)
            fitness[0] = torch.nan
            return fitness

    options = {"budget": Budget(generations=6), "on_error": "worst"}
    whole = start(Faulty(), **options)
    list(whole)
    run = start(Faulty(), **options)
    stop_after(run, 3)
    directory = again(run, Faulty(), **options)
    assert found_in(directory) == found_in(whole.directory)
    assert len(directory.read("result.json")["faults"]) == 7


def test_a_damaged_snapshot_is_named_and_the_one_before_gives_the_same_run(start, again):
    options = {"budget": Budget(generations=8), "checkpoint_every": 0.0}
    whole = start(**options)
    list(whole)
    run = start(**options)
    stop_after(run, 5)
    newest = sorted((run.directory.path / "checkpoints").glob("*.jsonl"))[-1]
    newest.write_bytes(newest.read_bytes()[:-20])
    message = f"{newest} is damaged: .* The snapshot before it is used."
    with pytest.warns(UserWarning, match=message):
        directory = again(run, Xor(), **options)
    assert found_in(directory) == found_in(whole.directory)


def test_a_larger_budget_goes_on_with_a_finished_run(start, again):
    run = start(budget=Budget(generations=4))
    list(run)
    directory = again(run, Xor(), budget=Budget(generations=10))
    log = list(directory.log())
    assert [record["generation"] for record in log] == list(range(11))
    assert log[5]["spent"] == 0.5
    assert log[5]["sigma"] > log[4]["sigma"]  # the schedule stands at four tenths again
    assert directory.read("config.json")["budget"]["generations"] == 10
    assert directory.read("result.json")["status"] == "finished"


def test_two_processes_cannot_run_in_one_directory(start):
    run = start()
    steps = iter(run)
    next(steps)
    other = Run(run.configuration, run.directory, resumes=True)
    with pytest.raises(RunError, match=f"{run.directory.path} is in use by process "):
        list(other)
    steps.close()


# --- the configuration of a run that is there ---


def test_the_configuration_that_is_read_is_the_one_that_was_run(tmp_path, install):
    directory = stored(tmp_path)
    configuration = stored_configuration(directory)
    assert isinstance(configuration.evaluator, Xor)
    assert configuration.plugin.options == {"hidden": 3, "fitness": "loss"}
    assert configuration.settings.population == 8
    assert configuration.budget == Budget(4, None, 100, Target("validation_loss", 0.5))
    assert (configuration.seed, configuration.device) == (7, "cpu")
    assert (configuration.memory, configuration.on_error) == ("1GB", "worst")
    assert (configuration.validate_every, configuration.checkpoint_every) == (10, 2.5)


def stored(tmp_path, **replaced):
    """The directory of a run of xor, as the command line begins it."""
    from deapnets.runs.configuring import Configuration, make_evaluator

    plugin = make_evaluator("xor", ["hidden=3"])
    configuration = Configuration(
        plugin,
        "ga",
        GeneticSettings(population=8),
        Budget(4, None, 100, Target("validation_loss", 0.5)),
        7,
        memory="1GB",
        on_error="worst",
        checkpoint_every=2.5,
    )
    directory = RunDirectory.create(tmp_path / "run")
    stop_after(Run(configuration, directory), 2)
    directory.write("config.json", {**directory.read("config.json"), **replaced})
    return directory


def test_larger_limits_take_the_place_of_those_that_were_stored(tmp_path):
    configuration = stored_configuration(stored(tmp_path), generations=9, evaluations=None)
    assert (configuration.budget.generations, configuration.budget.evaluations) == (9, 100)


def test_a_smaller_budget_is_refused(tmp_path):
    with pytest.raises(OptionError) as caught:
        stored_configuration(stored(tmp_path), generations=3)
    assert str(caught.value) == (
        "The run has a budget of 4 generations; it can be made larger, not smaller: got 3."
    )


def test_an_evaluator_that_is_not_installed_is_named_with_what_to_install(tmp_path):
    directory = stored(tmp_path, evaluator="gone", distribution="deapnets-gone")
    with pytest.raises(PluginError) as caught:
        stored_configuration(directory)
    assert str(caught.value) == (
        f'The run in {directory.path} needs the evaluator "gone" of deapnets-gone 0.1.0, which is '
        "not installed: pip install deapnets-gone==0.1.0"
    )


def test_an_evaluator_of_another_version_is_refused_unless_it_is_wanted(tmp_path):
    directory = stored(tmp_path, distribution_version="0.0.7")
    with pytest.raises(RunError) as caught:
        stored_configuration(directory)
    assert str(caught.value) == (
        f"The run in {directory.path} was begun with deapnets 0.0.7, installed is 0.1.0: pip "
        "install deapnets==0.0.7, or go on with another one by --any-version."
    )
    assert stored_configuration(directory, any_version=True).seed == 7


def test_a_path_among_the_options_comes_back_as_a_path(tmp_path, install):
    source = """
from pathlib import Path
from deapnets.evaluators.xor import Xor
class Task(Xor.__mro__[1]):
    def __init__(self, *, data: Path = Path("here"), name: str = "1"):
        super().__init__()
        self.data, self.name, self._hidden = data, name, 2
    module, load = Xor.module, Xor.load
"""
    install("deapnets-paths", "paths = deapnets_paths:Task", "0.1.0", deapnets_paths=source)
    options = {"data": "/elsewhere", "name": "1"}
    directory = stored(tmp_path, evaluator="paths", distribution="deapnets-paths", options=options)
    evaluator = stored_configuration(directory).evaluator
    assert repr(evaluator.data) == "PosixPath('/elsewhere')"
    assert evaluator.name == "1"


@pytest.mark.parametrize("name", ["budget", "seed", "map", "algorithm_options"])
def test_a_configuration_that_lacks_something_is_told(tmp_path, name):
    directory = stored(tmp_path)
    config = directory.read("config.json")
    del config[name]
    directory.write("config.json", config)
    message = f"config.json is not what deapnets run wrote: there is no '{name}'."
    with pytest.raises(RunError, match=re.escape(message)):
        stored_configuration(directory)


def test_another_network_than_the_run_has_is_refused(tmp_path):
    directory = stored(tmp_path)
    with pytest.raises(RunError) as caught:
        require_same_network(directory, Xor(hidden=5))
    assert str(caught.value) == (
        f'The run in {directory.path} evolves 17 weights, Evaluator "Xor" makes a network of 27 '
        "now: the evaluator or its data are not what they were."
    )
    require_same_network(directory, Xor(hidden=3))


def test_other_versions_are_those_that_changed(tmp_path):
    directory = stored(tmp_path)
    assert other_versions(directory) == {}
    environment = directory.read("environment.json")
    environment["versions"]["torch"] = "1.0"
    directory.write("environment.json", environment)
    assert other_versions(directory) == {
        "torch": ("1.0", json.loads(json.dumps(torch.__version__)))
    }


class Wide(Batches):
    """A network large enough for its recipes to be stored in place of its weights."""

    def module(self):
        return nn.Sequential(nn.Linear(2, 1100), nn.Tanh(), nn.Linear(1100, 2))


@pytest.mark.parametrize("memory", [None, "300KB"])
@pytest.mark.parametrize("every", [0.0, 1000.0])
def test_a_run_whose_snapshots_hold_recipes_goes_on_to_the_bit(
    start, again, monkeypatch, every, memory
):
    monkeypatch.setattr(snapshots, "_SMALL", 1 << 17)
    options = {
        "budget": Budget(generations=9),
        "checkpoint_every": every,
        "memory": memory,
        "validate_every": 3,
    }
    whole = start(Wide(), **options)
    list(whole)
    run = start(Wide(), **options)
    stop_after(run, 6)
    folder = run.directory.path / "checkpoints"
    lines = [line for path in folder.glob("*.jsonl") for line in path.read_bytes().splitlines()]
    changes = sum(b'"state":' in line for line in lines) - len(list(folder.glob("*.jsonl")))
    assert changes > (1 if every == 0.0 else -1)
    directory = again(run, Wide(), **options)
    assert found_in(directory) == found_in(whole.directory)
