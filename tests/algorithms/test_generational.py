import copy
import itertools
import random
import re

import numpy as np
import pytest
import torch
from deap import algorithms, tools

import deapnets as dn
from deapnets.errors import EvaluationError, OptionError


def state_of(population):
    return [(one.digest, one.fitness.values) for one in population]


def by_hand(population, toolbox, cxpb, mutpb, ngen, elites):
    """Return the population of the docstring's pseudo-code."""

    def evaluate(individuals):
        waiting = [one for one in individuals if not one.fitness.valid]
        for one in waiting:
            one.fitness.values = toolbox.evaluate(one)

    evaluate(population)
    for _ in range(1, ngen + 1):
        parents = toolbox.select(population, len(population) - elites)
        offspring = algorithms.varAnd(parents, toolbox, cxpb, mutpb)
        survivors = [toolbox.clone(one) for one in tools.selBest(population, elites)]
        population = survivors + offspring
        evaluate(population)
    return population


@pytest.mark.parametrize("elites", [0, 1, 3])
@pytest.mark.parametrize(("cxpb", "mutpb"), [(0.5, 0.2), (1.0, 1.0), (0.0, 0.0)])
def test_it_does_what_its_pseudo_code_says(toolbox_of, elites, cxpb, mutpb):
    random.seed(7)
    toolbox = toolbox_of(map)
    expected = by_hand(toolbox.population(n=9), toolbox, cxpb, mutpb, 4, elites)
    random.seed(7)
    population, _ = dn.eaGenerational(
        toolbox.population(n=9), toolbox, cxpb, mutpb, 4, elites=elites
    ).run()
    assert state_of(population) == state_of(expected)


def test_without_elites_it_is_deaps_own_loop(toolbox_of):
    random.seed(7)
    toolbox = toolbox_of(dn.PopulationMap(seed=1))
    expected, log = algorithms.eaSimple(
        toolbox.population(n=10), toolbox, 0.5, 0.8, 5, verbose=False
    )
    random.seed(7)
    toolbox = toolbox_of(dn.PopulationMap(seed=1))
    population, logbook = dn.eaGenerational(toolbox.population(n=10), toolbox, 0.5, 0.8, 5).run()
    assert state_of(population) == state_of(expected)
    assert logbook == log


def test_the_built_in_map_gives_what_a_population_map_gives(toolbox_of):
    runs = []
    for mapping in (map, dn.PopulationMap(seed=1)):
        random.seed(7)
        toolbox = toolbox_of(mapping)
        population, _ = dn.eaGenerational(
            toolbox.population(n=8), toolbox, 0.5, 0.8, 4, elites=2
        ).run()
        runs.append(population)
    assert [one.digest for one in runs[0]] == [one.digest for one in runs[1]]
    for one, other in zip(*runs, strict=True):
        assert one.fitness.values == (pytest.approx(other.fitness.values[0], rel=1e-5),)


def test_one_seed_gives_one_run_bit_for_bit(toolbox_of):
    def run(seed, **options):
        random.seed(seed)
        toolbox = toolbox_of(dn.PopulationMap(**options), batch_size=7)
        ea = dn.eaGenerational(toolbox.population(n=8), toolbox, 0.5, 0.8, 4, elites=2)
        return state_of(ea.run()[0])

    assert run(3) == run(3) == run(3, chunk=1) == run(3, memory=2_000)
    assert run(3) != run(4)


# Survivors


@pytest.mark.parametrize("elites", [1, 4, 9])
def test_the_best_survive_unchanged(toolbox, elites):
    ea = dn.eaGenerational(toolbox.population(n=10), toolbox, 0.5, 1.0, 5, elites=elites)
    before = next(ea).population
    for generation in ea:
        best = state_of(tools.selBest(before, elites))
        assert state_of(generation.population[:elites]) == best
        assert generation.evaluations == 10 - elites
        before = generation.population


def test_survivors_are_no_handles_on_those_before(toolbox):
    ea = dn.eaGenerational(toolbox.population(n=4), toolbox, 0.5, 1.0, 1, elites=2)
    first, second = (generation.population for generation in ea)
    assert not {id(one) for one in first} & {id(one) for one in second}


@pytest.mark.parametrize("elites", [0, 3])
def test_where_scores_are_fresh_everybody_is_scored_again(toolbox_of, net, data, elites):
    toolbox = toolbox_of(batch_size=4)
    ea = dn.eaGenerational(toolbox.population(n=6), toolbox, 0.5, 0.3, 6, elites=elites)
    for generation in ea:
        assert generation.evaluations == 6
        rows = toolbox.evaluate.func._batches.present
        for one in generation.population:
            loss = torch.nn.functional.cross_entropy(one.module(net)(rows.inputs), rows.targets)
            assert one.fitness.values == (pytest.approx(-loss.item(), rel=1e-5),)


def test_where_scores_last_nobody_is_scored_twice(toolbox):
    ea = dn.eaGenerational(toolbox.population(n=6), toolbox, 0.0, 0.0, 3, elites=2)
    assert [generation.evaluations for generation in ea] == [6, 0, 0, 0]


def test_those_who_come_with_a_fitness_keep_it(toolbox):
    population = toolbox.population(n=5)
    for one in population[:2]:
        one.fitness.values = (9.0,)
    generation = next(dn.eaGenerational(population, toolbox, 0.5, 0.5))
    assert generation.evaluations == 3
    assert [one.fitness.values for one in generation.population[:2]] == [(9.0,), (9.0,)]


# Iterating


def test_a_generation_says_what_it_is(toolbox):
    start = toolbox.population(n=6)
    generations = list(dn.eaGenerational(start, toolbox, 0.5, 1.0, 2, elites=1))
    assert [generation.number for generation in generations] == [0, 1, 2]
    assert generations[0].population == start
    assert generations[0].parents == []
    for before, after in itertools.pairwise(generations):
        assert len(after.parents) == 5
        assert all(any(parent is one for one in before.population) for parent in after.parents)
        assert all(one.fitness.valid for one in after.population)


def test_stopping_and_going_on_changes_nothing(toolbox_of):
    random.seed(7)
    toolbox = toolbox_of(dn.PopulationMap(seed=1))
    whole = dn.eaGenerational(toolbox.population(n=6), toolbox, 0.5, 0.8, 6)
    expected = state_of(whole.run()[0])
    random.seed(7)
    toolbox = toolbox_of(dn.PopulationMap(seed=1))
    parts = dn.eaGenerational(toolbox.population(n=6), toolbox, 0.5, 0.8, 6)
    assert [generation.number for generation in itertools.islice(parts, 3)] == [0, 1, 2]
    for generation in parts:
        if generation.number == 4:
            break
    population, logbook = parts.run()
    assert state_of(population) == expected
    assert logbook.select("gen") == list(range(7))
    assert list(parts) == []


def test_without_ngen_it_goes_on_until_it_is_left(toolbox):
    ea = dn.eaGenerational(toolbox.population(n=4), toolbox, 0.5, 0.5)
    assert [generation.number for generation in itertools.islice(ea, 30)] == list(range(30))


def test_without_ngen_it_cannot_be_run_to_its_end(toolbox):
    said = "eaGenerational.run needs ngen; without it, iterate and stop."
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.eaGenerational(toolbox.population(n=4), toolbox, 0.5, 0.5).run()


def test_zero_generations_evaluate_the_initial_population(toolbox):
    population, logbook = dn.eaGenerational(toolbox.population(n=4), toolbox, 0.5, 0.5, 0).run()
    assert all(one.fitness.valid for one in population)
    assert logbook.select("nevals") == [4]


def test_the_list_that_was_given_is_not_changed(toolbox):
    start = toolbox.population(n=4)
    before = list(start)
    dn.eaGenerational(start, toolbox, 0.5, 1.0, 3).run()
    assert all(one is other for one, other in zip(start, before, strict=True))


def test_the_map_counts_the_generations_of_the_algorithm(toolbox_of):
    mapping = dn.PopulationMap()
    toolbox = toolbox_of(mapping, batch_size=4)
    for generation in dn.eaGenerational(toolbox.population(n=4), toolbox, 0.5, 0.0, 3, elites=1):
        assert mapping.number == generation.number


# What is noted


def test_statistics_fill_records_and_logbook(toolbox):
    stats = tools.Statistics(lambda one: one.fitness.values)
    stats.register("best", np.max)
    stats.register("mean", np.mean)
    ea = dn.eaGenerational(toolbox.population(n=6), toolbox, 0.5, 1.0, 3, stats=stats)
    for generation in ea:
        values = [one.fitness.values[0] for one in generation.population]
        assert generation.record == {"best": max(values), "mean": pytest.approx(np.mean(values))}
    assert ea.logbook.header == ["gen", "nevals", "best", "mean"]
    assert ea.logbook.select("gen") == [0, 1, 2, 3]
    assert len(ea.logbook.select("best")) == 4


@pytest.mark.parametrize("hall", [tools.HallOfFame(2), tools.ParetoFront()])
def test_a_hall_of_fame_holds_the_best_of_all_generations(toolbox, hall):
    ea = dn.eaGenerational(toolbox.population(n=6), toolbox, 0.5, 1.0, 5, halloffame=hall)
    seen = [one.fitness.values for generation in ea for one in generation.population]
    assert hall[0].fitness.values == max(seen)


def test_verbose_prints_what_deaps_loop_prints(toolbox_of, capsys):
    printed = []
    for run in (
        lambda box: dn.eaGenerational(box.population(n=4), box, 0.5, 0.5, 2, verbose=True).run(),
        lambda box: algorithms.eaSimple(box.population(n=4), box, 0.5, 0.5, 2, verbose=True),
    ):
        random.seed(7)
        run(toolbox_of(dn.PopulationMap(seed=1)))
        printed.append(capsys.readouterr().out.split())
    assert printed[0] == printed[1]
    assert printed[0][:2] == ["gen", "nevals"]


def test_it_is_silent_unless_asked(toolbox, capsys):
    dn.eaGenerational(toolbox.population(n=4), toolbox, 0.5, 0.5, 2).run()
    assert capsys.readouterr().out == ""


# What is refused


def test_an_empty_population_is_refused(toolbox):
    said = "The population is empty: create it with toolbox.population(n=...)."
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.eaGenerational([], toolbox, 0.5, 0.5)


@pytest.mark.parametrize(
    ("cxpb", "mutpb", "said"),
    [
        (1.1, 0.5, "cxpb is a probability in [0, 1], got 1.1."),
        (-0.1, 0.5, "cxpb is a probability in [0, 1], got -0.1."),
        (0.5, 2, "mutpb is a probability in [0, 1], got 2."),
        (0.5, float("nan"), "mutpb is a probability in [0, 1], got nan."),
    ],
)
def test_what_is_no_probability_is_refused(toolbox, cxpb, mutpb, said):
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.eaGenerational(toolbox.population(n=2), toolbox, cxpb, mutpb)


@pytest.mark.parametrize("elites", [-1, 3, 4])
def test_elites_must_leave_room_for_offspring(toolbox, elites):
    said = f"elites must leave room for offspring: from 0 to 2 of a population of 3, got {elites}."
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.eaGenerational(toolbox.population(n=3), toolbox, 0.5, 0.5, elites=elites)


@pytest.mark.parametrize("kept", [2, 4])
def test_a_map_that_returns_too_few_or_too_many_results_is_refused(toolbox, kept):
    toolbox.register("map", lambda function, lot: [(0.0,)] * kept)
    said = (
        f"toolbox.map returned {kept} results for 3 individuals; it must return one each, in order."
    )
    with pytest.raises(EvaluationError, match=re.escape(said)):
        next(dn.eaGenerational(toolbox.population(n=3), toolbox, 0.5, 0.5))


def test_a_generation_that_cannot_be_scored_leaves_the_last_one(toolbox):
    generations = dn.eaGenerational(toolbox.population(n=6), toolbox, 0.5, 1.0)
    last = next(generations).population
    scores = [one.fitness.values for one in last]

    def fails(function, individuals):
        raise EvaluationError("no")

    toolbox.register("map", fails)
    with pytest.raises(EvaluationError, match="no"):
        next(generations)
    assert generations.population is last
    assert generations.number == 0
    assert [one.fitness.values for one in last] == scores


def test_a_hall_of_fame_of_scores_that_cannot_be_compared_is_warned_of(toolbox_of):
    toolbox = toolbox_of(batch_size=5)
    generations = dn.eaGenerational(
        toolbox.population(n=4), toolbox, 0.5, 1.0, halloffame=tools.HallOfFame(1)
    )
    said = "the hall of fame would keep individuals for lucky draws"
    with pytest.warns(UserWarning, match=said):
        next(generations)
    next(generations)  # once: a second warning would be an error here


# --- going on ---


@pytest.mark.parametrize("elites", [0, 3])
def test_a_loop_that_takes_up_a_state_goes_on_as_the_first_one(toolbox_of, elites):
    def loop():
        random.seed(5)
        toolbox = toolbox_of(dn.PopulationMap(device="cpu", seed=1))
        stats = tools.Statistics(lambda individual: individual.fitness.values[0])
        stats.register("max", max)
        hall = tools.HallOfFame(2)
        population = toolbox.population(n=12)
        options = {"elites": elites, "stats": stats, "halloffame": hall}
        return dn.eaGenerational(population, toolbox, 0.7, 0.8, **options), hall

    first, first_hall = loop()
    for _ in range(3):
        next(first)
    state, drawn = copy.deepcopy(first.state_dict()), random.getstate()
    later = [next(first) for _ in range(3)]
    second, second_hall = loop()
    second.load_state_dict(state)
    random.setstate(drawn)
    again = [next(second) for _ in range(3)]
    assert [g.number for g in again] == [g.number for g in later] == [3, 4, 5]
    assert [g.record for g in again] == [g.record for g in later]
    digests = [[one.digest for one in g.population] for g in later]
    assert [[one.digest for one in g.population] for g in again] == digests
    assert second.logbook == first.logbook
    assert [one.digest for one in second_hall] == [one.digest for one in first_hall]
