from __future__ import annotations

import functools
import itertools
import json
import random
import re

import pytest
import torch
from deap import algorithms, base, tools

import deapnets as dn
from deapnets.errors import LayoutError, OptionError


@pytest.fixture
def toolbox(individual_class, net):
    toolbox = base.Toolbox()
    inputs = torch.randn(40, 3)
    targets = (inputs[:, 0] > 0).long()
    toolbox.register("individual", dn.initWeights, individual_class, net, sigma=0.1)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", dn.cxUniform, indpb=0.5)
    toolbox.register("mutate", dn.mutGaussian, sigma=0.1, indpb=0.5)
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("evaluate", dn.Supervised(net, inputs, targets))
    toolbox.register("map", dn.PopulationMap(seed=1))
    toolbox.register("migrate", tools.migRing, k=1, selection=tools.selBest)
    return toolbox


def islands_of(toolbox, *sizes):
    return [toolbox.population(n=size) for size in sizes or (6, 6, 6)]


def state_of(islands):
    return [[(one.digest, one.fitness.values) for one in island] for island in islands]


def by_hand(islands, toolbox, cxpb, mutpb, ngen, every, elites):
    """Return the islands of the docstring's pseudo-code."""

    def evaluate(islands):
        waiting = [one for one in itertools.chain(*islands) if not one.fitness.valid]
        scores = toolbox.map(toolbox.evaluate, waiting)
        for one, values in zip(waiting, scores, strict=True):
            one.fitness.values = values

    evaluate(islands)
    for g in range(1, ngen + 1):
        if every is not None and g % every == 0:
            toolbox.migrate(islands)
        for number, island in enumerate(islands):
            parents = toolbox.select(island, len(island) - elites)
            offspring = algorithms.varAnd(parents, toolbox, cxpb, mutpb)
            survivors = [toolbox.clone(one) for one in tools.selBest(island, elites)]
            islands[number] = survivors + offspring
        evaluate(islands)
    return islands


@pytest.mark.parametrize("every", [None, 1, 2, 5])
@pytest.mark.parametrize("elites", [0, 2])
def test_it_does_what_its_pseudo_code_says(toolbox, every, elites):
    random.seed(7)
    expected = by_hand(islands_of(toolbox, 6, 4, 9), toolbox, 0.5, 0.8, 5, every, elites)
    random.seed(7)
    ea = dn.eaIslands(
        islands_of(toolbox, 6, 4, 9), toolbox, 0.5, 0.8, 5, every=every, elites=elites
    )
    population, _ = ea.run()
    assert state_of(ea.islands) == state_of(expected)
    assert state_of([population]) == state_of([list(itertools.chain(*ea.islands))])


def test_all_islands_are_one_generation_of_the_map(toolbox):
    mapping = toolbox.map.func
    for generation in dn.eaIslands(islands_of(toolbox), toolbox, 0.5, 1.0, 4, every=2):
        assert mapping.number == generation.number
        assert generation.evaluations == len(generation.population) == 18


def test_all_islands_see_one_mini_batch(toolbox, net):
    evaluator = dn.Supervised(net, torch.randn(40, 3), torch.randint(0, 2, (40,)), batch_size=5)
    toolbox.register("evaluate", evaluator)
    for generation in dn.eaIslands(islands_of(toolbox), toolbox, 0.5, 0.3, 4, every=2, elites=1):
        assert generation.evaluations == 18  # survivors too
        rows = evaluator._batches.present
        for one in generation.population:
            loss = torch.nn.functional.cross_entropy(one.module(net)(rows.inputs), rows.targets)
            assert one.fitness.values == (pytest.approx(-loss.item(), rel=1e-5),)


def origins(ea, islands):
    """Return from which islands the present individuals of each island descend."""
    homes = {one.digest: number for number, island in enumerate(islands) for one in island}
    return [{homes[one.digest] for one in island} for island in ea.islands]


def test_islands_that_never_meet_stay_apart_and_others_mix(toolbox):
    for every, expected in ((None, [{0}, {1}, {2}]), (2, [{2, 0}, {0, 1}, {1, 2}])):
        islands = islands_of(toolbox)
        ea = dn.eaIslands(islands, toolbox, 0.0, 0.0, 2, every=every, elites=5)
        ea.run()
        assert origins(ea, islands) == expected


def test_migrants_leave_at_every_multiple_and_not_before(toolbox):
    seen = []
    ring = functools.partial(tools.migRing, k=1, selection=tools.selBest)

    def migrate(islands):
        seen.append(len(islands))
        ring(islands)

    toolbox.register("migrate", migrate)
    counts = [len(seen) for _ in dn.eaIslands(islands_of(toolbox), toolbox, 0.5, 1.0, 7, every=3)]
    assert counts == [0, 0, 0, 1, 1, 1, 2, 2]


def test_an_emigrant_that_replaces_somebody_is_two_individuals_from_then_on(toolbox):
    toolbox.register(
        "migrate", tools.migRing, k=2, selection=tools.selBest, replacement=tools.selWorst
    )
    for generation in dn.eaIslands(islands_of(toolbox), toolbox, 0.2, 0.2, 6, every=1, elites=2):
        assert len({id(one) for one in generation.population}) == 18


def test_islands_may_be_of_individuals_that_are_no_networks(toolbox):
    individual = type("Plain", (list,), {})
    islands = []
    for _ in range(2):
        islands.append([individual([random.random()]) for _ in range(4)])
        for one in islands[-1]:
            one.fitness = type("Fitness", (base.Fitness,), {"weights": (1.0,)})()
    toolbox.register("mate", tools.cxUniform, indpb=0.5)
    toolbox.register("mutate", tools.mutGaussian, mu=0, sigma=0.1, indpb=0.5)
    toolbox.register("evaluate", lambda one: (one[0],))
    toolbox.register("map", map)
    population, _ = dn.eaIslands(islands, toolbox, 0.0, 1.0, 3, every=1).run()
    assert all(one.fitness.values == (one[0],) for one in population)


def test_one_seed_gives_one_run_bit_for_bit(toolbox):
    def run(seed, **options):
        random.seed(seed)
        toolbox.register("map", dn.PopulationMap(seed=1, **options))
        ea = dn.eaIslands(islands_of(toolbox), toolbox, 0.5, 0.8, 4, every=2, elites=1)
        ea.run()
        return state_of(ea.islands)

    assert run(3) == run(3) == run(3, chunk=1)
    assert run(3) != run(4)


def test_it_goes_on_from_its_state_as_if_nothing_had_happened(toolbox):
    def begin(seed):
        random.seed(seed)
        hall = tools.HallOfFame(2)
        return dn.eaIslands(islands_of(toolbox), toolbox, 0.5, 0.8, 6, every=2, halloffame=hall)

    whole = begin(3)
    whole.run()
    first = begin(3)
    for generation in first:
        if generation.number == 3:
            break
    state, number, drawn = first.state_dict(), toolbox.map.func.number, random.getstate()
    second = begin(5)
    second.load_state_dict(state)
    random.setstate(drawn)
    toolbox.map.func.number = number
    second.run()
    assert state_of(second.islands) == state_of(whole.islands)
    assert second.logbook == whole.logbook
    assert json.dumps(state["number"]) == "3"


def test_statistics_and_hall_of_fame_are_of_all_islands(toolbox):
    hall = tools.HallOfFame(1)
    stats = tools.Statistics(lambda one: one.fitness.values[0])
    stats.register("best", max)
    best = []
    ea = dn.eaIslands(
        islands_of(toolbox), toolbox, 0.5, 1.0, 3, every=2, stats=stats, halloffame=hall
    )
    for generation in ea:
        best.append(max(one.fitness.values[0] for one in generation.population))
        assert generation.record == {"best": best[-1]}
    assert ea.logbook.select("best") == best
    assert hall[0].fitness.values == (max(best),)


def test_a_generation_that_cannot_be_scored_leaves_the_last_one(toolbox):
    ea = dn.eaIslands(islands_of(toolbox), toolbox, 0.5, 1.0, every=1)
    next(ea)
    before = state_of(ea.islands)

    def fails(function, individuals):
        raise ValueError("no")

    toolbox.register("map", fails)
    with pytest.raises(ValueError, match="no"):
        next(ea)
    assert state_of(ea.islands) == before
    assert ea.number == 0


# What is refused


def test_islands_of_different_networks_are_refused(toolbox, individual_class):
    other = torch.nn.Linear(3, 2)
    strangers = [dn.initWeights(individual_class, other, sigma=0.1) for _ in range(3)]
    said = (
        "Islands 0 and 2 hold different networks, which cannot mate: 26 weights (0.weight[4, 3], "
        "0.bias[4], 2.weight[2, 4], 2.bias[2]) and 8 weights (weight[2, 3], bias[2])."
    )
    with pytest.raises(LayoutError, match=f"^{re.escape(said)}$"):
        dn.eaIslands([*islands_of(toolbox, 3, 3), strangers], toolbox, 0.5, 0.5)


@pytest.mark.parametrize("sizes", [(), (4,)])
def test_fewer_than_two_islands_are_refused(toolbox, sizes):
    islands = [toolbox.population(n=size) for size in sizes]
    said = f"eaIslands needs at least 2 islands, got {len(sizes)}: a list of populations, such as"
    with pytest.raises(OptionError, match=f"^{re.escape(said)}"):
        dn.eaIslands(islands, toolbox, 0.5, 0.5)


def test_an_empty_island_is_refused(toolbox):
    with pytest.raises(OptionError, match=r"^The population is empty: create it with"):
        dn.eaIslands([toolbox.population(n=2), []], toolbox, 0.5, 0.5)


@pytest.mark.parametrize("every", [0, -1])
def test_migration_less_than_every_generation_is_refused(toolbox, every):
    said = f"every is at least 1 generation, or None for never; got {every}."
    with pytest.raises(OptionError, match=f"^{re.escape(said)}$"):
        dn.eaIslands(islands_of(toolbox), toolbox, 0.5, 0.5, every=every)


def test_a_toolbox_without_migration_is_refused_unless_islands_never_meet(toolbox):
    toolbox.unregister("migrate")
    said = (
        'eaIslands needs toolbox.migrate: toolbox.register("migrate", tools.migRing, k=2, '
        "selection=tools.selBest), or every=None for never."
    )
    with pytest.raises(OptionError, match=f"^{re.escape(said)}$"):
        dn.eaIslands(islands_of(toolbox), toolbox, 0.5, 0.5)
    next(dn.eaIslands(islands_of(toolbox), toolbox, 0.5, 0.5, every=None))


@pytest.mark.parametrize("elites", [-1, 4])
def test_elites_must_leave_room_on_the_smallest_island(toolbox, elites):
    said = f"elites must leave room for offspring: from 0 to 3 of a population of 4, got {elites}."
    with pytest.raises(OptionError, match=f"^{re.escape(said)}$"):
        dn.eaIslands(islands_of(toolbox, 4, 6), toolbox, 0.5, 0.5, elites=elites)


def test_without_ngen_it_cannot_be_run_to_its_end(toolbox):
    with pytest.raises(OptionError, match=r"^eaIslands.run needs ngen; without it, iterate and st"):
        dn.eaIslands(islands_of(toolbox), toolbox, 0.5, 0.5).run()


def test_one_population_in_place_of_islands_is_refused(toolbox):
    said = (
        "eaIslands takes a list of populations, got one population of 6: divide it, or make "
        "several, such as [toolbox.population(n=50) for _ in range(4)]."
    )
    with pytest.raises(OptionError, match=f"^{re.escape(said)}$"):
        dn.eaIslands(toolbox.population(n=6), toolbox, 0.5, 0.5)


def test_an_island_of_fewer_than_are_to_leave_it_is_refused(toolbox):
    toolbox.register("migrate", tools.migRing, k=2, selection=tools.selBest)
    loop = dn.eaIslands(islands_of(toolbox, 6, 1, 6), toolbox, 0.5, 0.5, ngen=2, every=1)
    said = (
        "toolbox.migrate has 2 leave each island, but one has only 1. Register it with k=1, or "
        "make the island larger."
    )
    with pytest.raises(OptionError, match=f"^{re.escape(said)}$"):
        list(loop)


def test_what_else_fails_in_migration_is_told_as_it_is(toolbox):
    def migrate(islands, k):
        raise IndexError("another")

    toolbox.register("migrate", migrate, k=2)
    with pytest.raises(IndexError, match="another"):
        list(dn.eaIslands(islands_of(toolbox), toolbox, 0.5, 0.5, ngen=1, every=1))
