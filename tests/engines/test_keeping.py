"""What stays in memory: never more than the budget, whoever is selected."""

from __future__ import annotations

import functools
import gc
import itertools
import random

import pytest
import torch
from deap import tools
from torch import nn

import deapnets as dn
from deapnets.errors import MemoryBudgetError
from deapnets.machine.freed import FreedMemory

WIDE = 260 * 129 + 129  # weights of the net below: a row has a tensor of its own
ROW = 4 * WIDE


@pytest.fixture
def net() -> nn.Module:
    return nn.Linear(260, 129)


class Weighed(dn.Evaluator):
    """Fitness is the sum of the weights; notes how much memory weights take at each end."""

    def __init__(self, net: nn.Module) -> None:
        self.net, self.rows = net, 0.0

    def genome(self):
        return self.net

    def evaluate(self, networks):
        return networks.weights().sum(1)

    def prepare(self, population, generation, rng):
        self.rows = max(self.rows, held_bytes() / ROW)

    def conclude(self, population, scores):
        self.rows = max(self.rows, held_bytes() / ROW)


def held_bytes() -> int:
    """Return the bytes of all tensors that are as large as a network."""
    blocks = {}
    for found in gc.get_objects():
        dense = type(found) is torch.Tensor and found.layout is torch.strided
        if dense and found.nbytes >= ROW // 2:
            storage = found.untyped_storage()
            blocks[storage.data_ptr()] = storage.nbytes()
    return sum(blocks.values())


def evolve(make_toolbox, individual_class, net, rows, select, ngen=6, seed=5, **more) -> Weighed:
    """Run a genetic algorithm of 60 on a budget of so many rows; return the evaluator.

    Its ``rows`` are what was held beside what was there before, the tables of noise for one.
    """
    warm = dn.initWeights(individual_class, nn.Linear(1, 1), 0.1)
    dn.mutGaussian(warm, sigma=0.1, indpb=0.1)
    assert len(warm.weights) == 2
    random.seed(seed)
    gc.collect()
    before = held_bytes() / ROW
    evaluator = Weighed(net)
    mapping = dn.PopulationMap(device="cpu", memory=rows * ROW, chunk=1)
    toolbox = make_toolbox(select=select, evaluate=evaluator, map=mapping)
    toolbox.register("individual", dn.initWeights, individual_class, net, sigma=0.1, **more)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    dn.eaGenerational(toolbox.population(n=60), toolbox, 1.0, 1.0, ngen).run()
    evaluator.rows -= before
    return evaluator


def tournaments(individuals, k):
    return tools.selTournament(individuals, k, tournsize=3)


def the_best_three(individuals, k):
    return dn.selTruncation(individuals, k, share=0.05)


def by_rank(individuals, k):
    return dn.selRank(individuals, k, pressure=2.0)


@pytest.fixture
def one_row_at_a_time(monkeypatch):
    """Make one row at a time, as those of large networks are, so that budgets can be small."""
    monkeypatch.setattr("deapnets.engines.scoring._CACHE", 1)
    monkeypatch.setattr("deapnets.genomes.making.BLOCK", 1)


@pytest.mark.usefixtures("one_row_at_a_time")
@pytest.mark.parametrize(("select", "rows"), [(tournaments, 80), (the_best_three, 12)])
def test_a_run_never_holds_more_than_its_budget(make_toolbox, individual_class, net, select, rows):
    evaluator = evolve(make_toolbox, individual_class, net, rows, select)
    assert 3 < evaluator.rows <= rows


@pytest.mark.usefixtures("one_row_at_a_time")
@pytest.mark.parametrize("seed", range(4))
def test_chance_does_not_end_a_run_near_its_budget(make_toolbox, individual_class, net, seed):
    """Ranks make three quarters of them parents: 90 rows on the average."""
    evaluator = evolve(make_toolbox, individual_class, net, 98, by_rank, ngen=3, seed=seed)
    assert evaluator.rows <= 98


@pytest.mark.usefixtures("one_row_at_a_time")
def test_bfloat16_needs_half_of_the_budget(make_toolbox, individual_class, net):
    half = evolve(make_toolbox, individual_class, net, 40, tournaments, dtype=torch.bfloat16)
    assert 3 < half.rows <= 40


@pytest.mark.usefixtures("one_row_at_a_time")
@pytest.mark.parametrize("select", [tournaments, the_best_three])
def test_a_budget_changes_no_score(make_toolbox, individual_class, net, select):
    def scores(rows: int) -> list[tuple[float, ...]]:
        random.seed(5)
        mapping = dn.PopulationMap(device="cpu", memory=rows * ROW)
        toolbox = make_toolbox(select=select, evaluate=Weighed(net), map=mapping)
        toolbox.register("individual", dn.initWeights, individual_class, net, sigma=0.1)
        toolbox.register("population", tools.initRepeat, list, toolbox.individual)
        run = dn.eaGenerational(toolbox.population(n=40), toolbox, 1.0, 1.0, ngen=4)
        return [one.fitness.values for one in run.run()[0]]

    assert scores(60) == scores(4000)


def test_parents_that_do_not_fit_are_said_with_what_to_do(individual_class, net):
    population = [dn.initWeights(individual_class, net, sigma=0.1) for _ in range(30)]
    for individual in population:
        individual.weights = individual.weights
    said = (
        r"^The individuals, and the parents they are made from, are 30 networks of 134,676 bytes, "
        r"more than memory=1,346,760 holds\. Give memory= more, breed from fewer parents "
        r"\(selTruncation\), or store weights in bfloat16"
    )
    with pytest.raises(MemoryBudgetError, match=said):
        dn.PopulationMap(device="cpu", memory=10 * ROW)(Weighed(net), population)


@pytest.mark.usefixtures("one_row_at_a_time")
def test_breeding_ends_where_its_parents_are_more_than_the_budget_holds(individual_class, net):
    population = [dn.initWeights(individual_class, net, sigma=0.1) for _ in range(40)]
    gc.collect()
    before = held_bytes() / ROW
    mapping = dn.PopulationMap(device="cpu", memory=10 * ROW, chunk=1)
    mapping(Weighed(net), population)
    for _ in range(2):
        for one in population:
            dn.mutGaussian(one, sigma=0.1, indpb=0.1)
    pairs = zip(population[::2], population[1::2], strict=True)
    with pytest.raises(MemoryBudgetError, match="are 11 networks of 134,676 bytes, more than"):
        list(itertools.starmap(functools.partial(dn.cxUniform, indpb=0.5), pairs))
    assert held_bytes() / ROW - before <= 12
    del mapping
    gc.collect()
    dn.cxUniform(population[-2], population[-1], indpb=0.5)  # nobody counts any more


def test_the_operands_of_a_crossover_are_kept_and_not_its_children(individual_class, net):
    parents = [dn.initWeights(individual_class, net, sigma=0.1) for _ in range(2)]
    for parent in parents:
        dn.mutGaussian(parent, sigma=0.1, indpb=0.1)
    children = [parents[0].__deepcopy__({}) for _ in range(10)]
    mates = [parents[1].__deepcopy__({}) for _ in range(10)]
    for child, mate in zip(children, mates, strict=True):
        dn.cxUniform(child, mate, indpb=0.5)
        dn.mutGaussian(child, sigma=0.1, indpb=0.1)
        dn.mutReset(child, sigma=0.1, indpb=0.1)
    assert all(parent.node.recipe is None for parent in parents)
    assert {child.node.depth for child in children} == {3}


def test_freed_memory_is_bounded_before_after_and_at_every_lot_of_wide_rows(
    make_toolbox, individual_class, net, monkeypatch
):
    told = []
    monkeypatch.setattr(FreedMemory, "bound", lambda self, held, limit: told.append((held, limit)))
    mapping = dn.PopulationMap(device="cpu", memory=1000 * ROW)
    individuals = [dn.initWeights(individual_class, net, 0.1) for _ in range(130)]
    list(mapping(Weighed(net), individuals))
    kept = [held - ROW for held, _ in told]  # without the row all come from
    assert kept == [rows * ROW for rows in (0, 62, 124, 130, 130)]
    *during, last = [limit for _, limit in told]
    assert set(during) == {1000 * ROW + (256 << 20)}
    assert last == 750 * ROW
