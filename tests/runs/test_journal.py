"""Scores are written down as they come in, and no evaluation is paid twice."""

import json
import math

import pytest
import torch
from torch import nn

import deapnets as dn
from deapnets.algorithms.ga import GeneticSettings
from deapnets.engines.scoring import Scored
from deapnets.runs import journal as module
from deapnets.runs.budget import Budget
from deapnets.runs.directory import RunDirectory
from deapnets.runs.journal import Journal
from deapnets.runs.running import Run
from deapnets.runs.snapshots import Snapshots


class Costly(dn.Evaluator):
    """Counts its evaluations, records what it sees, and dies after so many chunks."""

    def __init__(self, dies_after=None):
        self.net, self.dies_after, self.paid, self.chunks = None, dies_after, 0, 0

    def genome(self):
        self.net = self.net or nn.Sequential(nn.Linear(3, 2))
        return self.net

    def evaluate(self, networks):
        if self.chunks == self.dies_after:
            raise KeyboardInterrupt
        self.chunks += 1
        self.paid += len(networks)
        outputs = networks(torch.ones(2, 3))
        networks.record("mean", outputs.mean((1, 2)))
        networks.record("each", outputs.mean(1))
        return -outputs.square().sum((1, 2))


def found_in(directory):
    log = [{k: v for k, v in record.items() if k != "seconds"} for record in directory.log()]
    plain = directory.read("result.json")
    return log, {k: v for k, v in plain.items() if k not in ("seconds", "resumed")}


@pytest.fixture
def run_of(configure, tmp_path, monkeypatch):
    """Return a function that makes a run whose scores come in two at a time."""
    monkeypatch.setattr(module, "WORTH", 0.0)

    def run_of(evaluator, name, resumes=False):
        options = {
            "settings": GeneticSettings(population=10),
            "budget": Budget(generations=4),
            "checkpoint_every": 1000.0,
        }
        directory = RunDirectory(tmp_path / name)
        directory.path.mkdir(exist_ok=True)
        run = Run(configure(evaluator, **options), directory, resumes=resumes)
        run._mapping._scorer._chunk = 2
        return run

    return run_of


@pytest.mark.parametrize("chunks", [0, 1, 4, 5, 7, 13, 21])
def test_what_was_paid_before_a_run_died_is_not_paid_again(run_of, chunks):
    whole = run_of(Costly(), "whole")
    list(whole)
    first, second = Costly(dies_after=chunks), Costly()
    with pytest.raises(KeyboardInterrupt):
        list(run_of(first, "killed"))
    resumed = run_of(second, "killed", resumes=True)
    generations = [step.generation for step in resumed]
    assert generations == [0, 1, 2, 3, 4]  # all since the only snapshot, from what was written
    assert found_in(resumed.directory) == found_in(whole.directory)
    total = whole.directory.read("result.json")["evaluations"]
    assert first.paid + second.paid == total


def test_records_come_back_with_the_scores(run_of):
    with pytest.raises(KeyboardInterrupt):
        list(run_of(Costly(dies_after=4), "killed"))
    resumed = run_of(Costly(), "killed", resumes=True)
    steps = iter(resumed)
    next(steps)
    population = resumed._algorithm._loop.population
    assert all(one.records.keys() == {"mean", "each"} for one in population)
    assert {type(one.records["each"]) for one in population} == {tuple}
    for one in population:
        fresh = one.__deepcopy__({})
        assert Costly()(fresh) == one.fitness.values
        assert fresh.records == one.records
    steps.close()


def test_scores_of_another_generation_are_not_taken(individual_class, net, tmp_path):
    individual = dn.initWeights(individual_class, net, sigma=0.1)
    mapping = dn.PopulationMap(device="cpu")
    journal = Journal(Snapshots(tmp_path), mapping)
    line = {
        "generation": 3,
        "networks": [individual.digest],
        "values": [[0.5]],
        "records": {},
        "forwards": 7,
    }
    journal.load([line])
    for number, known in ((2, None), (3, (0.5,)), (3, None)):
        mapping.number = number
        assert mapping.recall(individual) == known
    assert mapping.forwards == 7
    journal.begin()
    assert mapping.recall is None


def test_short_generations_write_nothing(individual_class, net, tmp_path, monkeypatch):
    snapshots, mapping = Snapshots(tmp_path), dn.PopulationMap(device="cpu")
    snapshots.write({})
    journal = Journal(snapshots, mapping)
    individual = dn.initWeights(individual_class, net, sigma=0.1)
    values = torch.tensor([[math.nan]], dtype=torch.float64)
    journal.begin()
    mapping.on_scores([individual], Scored(0, values, {}, 2, 0.0, 0.0))
    snapshots.read()
    assert snapshots.lines == []
    monkeypatch.setattr(module, "WORTH", 0.0)
    mapping.on_scores([individual], Scored(0, values, {}, 2, 0.0, 0.0))
    snapshots.read()
    assert len(snapshots.lines) == 2  # the first one was waiting
    other = dn.PopulationMap(device="cpu")
    Journal(snapshots, other).load(json.loads(json.dumps(snapshots.lines)))
    assert math.isnan(other.recall(individual)[0])
