"""What a run traces beside its log."""

import dataclasses

import pytest
import torch

from deapnets.algorithms.ga import GeneticSettings
from deapnets.algorithms.searches import AgingSettings, LocalSettings
from deapnets.algorithms.strategy import OpenSettings
from deapnets.evaluators.bitstring import BitString
from deapnets.runs import trace
from deapnets.runs.ancestry import looked_at
from deapnets.runs.budget import Budget
from deapnets.runs.directory import TRACE
from deapnets.runs.trace import PHASES

SETTINGS = GeneticSettings(population=20, spread=1.0, sigma=0.5, sigma_end=0.1, elites=0.1)


def finish(run):
    for _ in run:
        pass
    return list(run.directory.log(TRACE))


def test_every_generation_of_a_short_run_has_a_line(start):
    lines = finish(start())
    assert [line["generation"] for line in lines] == [0, 1, 2, 3, 4]


def test_a_long_run_has_lines_of_the_generations_that_are_looked_at(start):
    lines = finish(start(budget=Budget(generations=520)))
    assert [line["generation"] for line in lines] == [g for g in range(521) if looked_at(g)]


def test_phases_only_grow_and_are_most_of_the_time(start):
    run = start(budget=Budget(generations=30), checkpoint_every=0.0)
    lines = finish(run)
    assert all(list(line["phases"]) == list(PHASES) for line in lines)
    for name in PHASES:
        values = [line["phases"][name] for line in lines]
        assert values == sorted(values)
        assert values[-1] > 0.0 or name == "evaluating"
    total = list(run.directory.log())[-1]["seconds"]
    assert 0.5 * total < sum(lines[-1]["phases"].values()) < 1.5 * total


def test_the_weights_of_a_line_are_those_of_the_best_network(start, monkeypatch):
    run = start(settings=SETTINGS)
    seen = []
    monkeypatch.setattr(trace.Trace, "note", _noting(trace.Trace.note, seen))
    for line, best in zip(finish(run), seen, strict=True):
        assert line["weights"] == pytest.approx(best.tolist(), rel=1e-3)


def _noting(note, seen):
    def noted(self, generation):
        best = max(generation.population, key=lambda one: one.fitness.wvalues)
        seen.append(best.weights)
        note(self, generation)

    return noted


def test_diversity_is_the_deviation_of_a_weight_and_falls_where_all_descend_from_few(start):
    wide = dataclasses.replace(SETTINGS, population=400, spread=2.0, share=0.02)
    wide = dataclasses.replace(wide, sigma=0.01, sigma_end=0.01)
    lines = finish(start(settings=wide, budget=Budget(generations=6)))
    spread = [line["diversity"] for line in lines]
    assert spread[0] == pytest.approx(2.0, rel=0.25)
    assert spread[-1] < 0.5


def test_children_are_counted_by_their_operators(start):
    settings = dataclasses.replace(SETTINGS, cxpb=0.0, mutpb=1.0)
    lines = finish(start(settings=settings))
    assert lines[0]["operators"] == {}
    for line in lines[1:]:
        ((name, (count, better)),) = line["operators"].items()
        assert (name, count) == ("mutGaussian", 18)  # two survive
        assert 0 <= better <= count
    both = finish(start(settings=dataclasses.replace(SETTINGS, cxpb=1.0)))
    assert set(both[-1]["operators"]) == {"cxUniform, mutGaussian"}


def test_a_child_counts_as_better_than_the_better_of_its_parents(start):
    still = dataclasses.replace(SETTINGS, sigma=1e-30, sigma_end=1e-30, cxpb=0.0)
    better = [line["operators"].values() for line in finish(start(settings=still))[1:]]
    assert [count[1] for counts in better for count in counts] == [0, 0, 0, 0]
    settings = dataclasses.replace(SETTINGS, population=100, cxpb=0.0)
    run = finish(start(settings=settings, budget=Budget(generations=20)))
    won = [count[1] for line in run for count in line["operators"].values()]
    assert sum(won) > 20


def test_what_is_traced_changes_no_bit_of_a_run(start, monkeypatch):
    def found(run):
        finish(run)
        log = [{k: v for k, v in line.items() if k != "seconds"} for line in run.directory.log()]
        return log, run.directory.read("best.json")

    traced = found(start(settings=SETTINGS))
    monkeypatch.setattr(trace, "looked_at", lambda generation: False)
    assert found(start(settings=SETTINGS)) == traced


def test_a_memory_that_holds_nobody_changes_no_line(start):
    options = {"settings": SETTINGS}

    def lines(run):
        return [{k: v for k, v in line.items() if k != "phases"} for line in finish(run)]

    assert lines(start(**options, memory=str(22 * 4 * 4))) == lines(start(**options))


def test_a_strategy_has_neither_operators_nor_a_line_of_ancestors(start):
    run = start(algorithm="es", settings=OpenSettings(population=8))
    lines = finish(run)
    assert all(line["operators"] == {} for line in lines)
    assert not run.directory.has("lineage.json")


def test_the_line_of_the_saved_network_ends_with_it(start):
    run = start(settings=SETTINGS, budget=Budget(generations=30))
    finish(run)
    best, lineage = run.directory.read("best.json"), run.directory.read("lineage.json")
    assert lineage["generation"] == best["generation"]
    generations = [generation for generation, _, _ in lineage["line"]]
    assert generations == list(range(best["generation"] + 1))
    log = {record["generation"]: record["best"] for record in run.directory.log()}
    assert lineage["line"][-1][1] == pytest.approx(log[best["generation"]], rel=1e-3)
    assert all(fitness <= log[at] + 1e-3 for at, fitness, _ in lineage["line"])


@pytest.mark.parametrize("settings", [AgingSettings(population=5, tournsize=2), LocalSettings()])
def test_a_search_lists_every_network_it_scored_with_its_parent(start, settings):
    run = start(
        BitString(bits=12), algorithm="search", settings=settings, budget=Budget(evaluations=60)
    )
    networks = [network for line in finish(run) for network in line["networks"]]
    numbers = [network[0] for network in networks]
    scored = 60 if isinstance(settings, AgingSettings) else 51  # the rest scores leaders again
    assert numbers == list(range(1, scored + 1))
    by_number = {network[0]: network for network in networks}
    children = [network for network in networks if network[1] is not None]
    assert children
    for number, parent, _, _, _, _, text, reason in children:
        assert parent < number
        assert reason is None
        differs = sum(a != b for a, b in zip(text, by_number[parent][6], strict=True))
        assert differs <= 1


def test_weights_that_are_not_finite_are_null(start, monkeypatch):
    monkeypatch.setattr(trace.Trace, "_some", lambda *_: torch.full((3,), torch.nan))
    assert finish(start())[0]["weights"] == [None, None, None]
