"""Operators of search spaces: what they change, what they draw, what they refuse."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from deap import algorithms, base, creator, tools
from hypothesis import given
from hypothesis import strategies as st

import deapnets as dn
from deapnets.errors import OperatorError, OptionError


@pytest.fixture(scope="module")
def cell_class() -> type:
    creator.create("FitnessOfChoices", base.Fitness, weights=(1.0,))
    creator.create("CellOfChoices", dn.CellGenome, fitness=creator.FitnessOfChoices)
    return creator.CellOfChoices


SPACES = [dn.NASBENCH201, dn.NASNET]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@given(seed=st.integers(0, 2**32))
def test_a_mutation_changes_one_gene_in_place_and_leaves_the_parent(cell_class, space, seed):
    random.seed(seed)
    individual = dn.initCell(cell_class, space)
    before = individual.genes
    (child,) = dn.mutCell(individual, identity=0.0)
    assert child is individual
    assert sum(a != b for a, b in zip(before, child.genes, strict=True)) == 1
    assert space.checked(child.genes) == child.genes


def test_five_percent_of_mutations_are_the_identity():
    genome = dn.CellGenome(dn.NASNET, dn.NASNET.draw())
    same = 0
    for _ in range(4000):
        before = genome.genes
        dn.mutCell(genome)
        same += genome.genes == before
    assert 150 < same < 255


def test_operations_and_hidden_states_mutate_equally_often():
    genome = dn.CellGenome(dn.NASNET, dn.NASNET.draw())
    kinds = Counter()
    for _ in range(2000):
        before = genome.genes
        dn.mutCell(genome, identity=0.0)
        (at,) = [i for i, gene in enumerate(genome.genes) if gene != before[i]]
        kinds[dn.NASNET.kinds[at]] += 1
    assert 900 < kinds["source"] < 1100


def test_a_mutation_takes_every_other_operation_equally_often():
    counts = Counter()
    for _ in range(3000):
        genome = dn.CellGenome(dn.NASBENCH201, (2,) * 6)
        dn.mutCell(genome, identity=0.0)
        counts.update(gene for gene in genome.genes if gene != 2)
    assert set(counts) == {0, 1, 3, 4}
    assert max(counts.values()) < 850


def test_initial_cells_are_drawn_uniformly():
    counts = Counter(dn.initCell(dn.CellGenome, dn.NASBENCH201).genes[3] for _ in range(2500))
    assert min(counts.values()) > 420


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_a_crossover_swaps_whole_terms_and_loses_none(space):
    first, second = (dn.CellGenome(space, space.draw()) for _ in range(2))
    before = first.genes, second.genes
    dn.cxCell(first, second)
    swapped = 0
    for start, end in space.units():
        here = first.genes[start:end], second.genes[start:end]
        there = before[0][start:end], before[1][start:end]
        assert here in (there, there[::-1])
        swapped += here != there
    assert swapped > 0


def test_a_crossover_of_probability_one_swaps_everything():
    first, second = (dn.CellGenome(dn.NASNET, dn.NASNET.draw()) for _ in range(2))
    before = first.genes, second.genes
    dn.cxCell(first, second, indpb=1.0)
    assert (second.genes, first.genes) == before


def test_deaps_own_algorithm_evolves_cells(cell_class):
    toolbox = base.Toolbox()
    toolbox.register("individual", dn.initCell, cell_class, dn.NASBENCH201)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", dn.cxCell)
    toolbox.register("mutate", dn.mutCell)
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("evaluate", lambda individual: (individual.genes.count(3),))
    population, _ = algorithms.eaSimple(
        toolbox.population(n=30), toolbox, 0.5, 0.5, 20, None, None, False
    )
    assert tools.selBest(population, 1)[0].fitness.values == (6,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dn.mutCell([1, 2]), "mutCell works on CellGenome individuals, got list. See"),
        (lambda: dn.mutChoice("x"), "mutChoice works on ChoiceGenome individuals, got str"),
        (lambda: dn.initCell(dn.CellGenome, "nasnet"), "draws from a CellSpace, got str"),
        (lambda: dn.initChoices(dn.ChoiceGenome, 3), "draws from a ChoiceSpace, got int"),
        (
            lambda: dn.cxCell(*(dn.CellGenome(space, space.draw()) for space in SPACES)),
            "two spaces: .*'nasbench201'.* and .*'nasnet'",
        ),
    ],
)
def test_genomes_of_another_kind_or_space_are_refused(call, message):
    with pytest.raises(OperatorError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda one: dn.mutCell(one, identity=1.5),
        lambda one: dn.mutChoice(one, identity=-0.1),
        lambda one: dn.cxCell(one, one, indpb=2),
    ],
)
def test_what_is_no_probability_is_refused(call):
    with pytest.raises(OptionError, match=r"is a probability in \[0, 1\]"):
        call(dn.CellGenome(dn.NASBENCH201, (0,) * 6))
