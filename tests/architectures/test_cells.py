"""Spaces of cells and their genomes: notation, JSON, individuals, errors."""

from __future__ import annotations

import copy
import csv
import gzip
import os
from pathlib import Path

import pytest
from deap import base, creator

import deapnets as dn
from deapnets.errors import ArchitectureError, OptionError
from deapnets.testing import GenomeContract, SpaceContract

TEXT = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|none~1|skip_connect~2|"


class TestSpaces(SpaceContract):
    cases = [
        (dn.CellSpace, {"name": "pairs", "wiring": "pairs", "combinations": 3}),
        (lambda: dn.NASBENCH201, {}),
        (lambda: dn.NASNET, {}),
    ]


class TestCells(GenomeContract):
    genome = dn.CellGenome
    cases = [(dn.initCell, {"space": dn.NASBENCH201}), (dn.initCell, {"space": dn.NASNET})]

    def vary(self, individual):
        dn.mutCell(individual)


@pytest.fixture(scope="module")
def cell_class() -> type:
    creator.create("FitnessOfCells", base.Fitness, weights=(1.0,))
    creator.create("CellOfTests", dn.CellGenome, fitness=creator.FitnessOfCells)
    return creator.CellOfTests


def test_text_of_nasbench201_comes_back():
    assert str(dn.NASBENCH201.parse(TEXT)) == TEXT


def test_sizes_of_the_spaces():
    assert dn.NASBENCH201.size() == 15625
    assert dn.NASNET.size() == (8**10 * (2 * 3 * 4 * 5 * 6) ** 2) ** 2


def test_parse_takes_the_class_of_individuals(cell_class):
    individual = dn.NASBENCH201.parse(TEXT, cell_class)
    assert type(individual) is cell_class
    assert not individual.fitness.valid


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("avg_pool", "agv_pool"), 'Unknown operation .*Did you mean "avg_pool_3x3"'),
        (TEXT.replace("skip_connect~1", "skip_connect~0"), "'skip_connect~0' must be 1 there"),
        (TEXT.rpartition("+")[0], "3 combinations between . signs, got 2"),
        (TEXT.replace("|skip_connect~1|", "|"), "Combination 1 .* has 2 term.s., got 1"),
        (TEXT[1:], "A combination is .*, got 'avg_pool_3x3~0.' in"),
        (f"{TEXT} {TEXT}", "has 1 cell.s., got 2"),
        ("", "has 1 cell.s., got 0"),
    ],
)
def test_a_text_that_is_none_of_the_space_is_refused(text, message):
    with pytest.raises(OptionError, match=message):
        dn.NASBENCH201.parse(text)


def test_cells_in_the_wrong_order_are_refused(pairs):
    normal, reduction = str(dn.CellGenome(pairs, pairs.draw())).split()
    with pytest.raises(OptionError, match='Expected "normal:'):
        pairs.parse(f"{reduction} {normal}")


def test_a_source_that_comes_later_is_refused(pairs):
    cell = "|identity~0|identity~2|+|identity~0|identity~1|+|identity~0|identity~1|"
    with pytest.raises(OptionError, match="source of 'identity~2' must be 0 to 1 there"):
        pairs.parse(f"normal:{cell} reduction:{cell}")


@pytest.mark.parametrize(
    ("genes", "message"),
    [
        ((0,) * 5, "has 6 genes, got 5"),
        ((0, 0, 0, 0, 0, 5), "Gene 5 of nasbench201 is a number from 0 to 4, got 5"),
        ((0, 0, 0, 0, 0, "1"), "Gene 5 .*got '1'"),
    ],
)
def test_genes_that_are_none_of_the_space_are_refused(genes, message):
    with pytest.raises(ArchitectureError, match=message):
        dn.CellGenome(dn.NASBENCH201, genes)


def test_json_of_another_space_names_both(small):
    text = dn.NASBENCH201.parse(TEXT).to_json()
    with pytest.raises(ArchitectureError, match=r"'nasbench201'.* cannot be one of .*'small'"):
        small.from_json(text)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"space": 1}'])
def test_what_is_no_json_of_a_genome_is_refused(text):
    with pytest.raises(ArchitectureError, match="expected JSON with space and architecture"):
        dn.NASBENCH201.from_json(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wiring": "pair"}, 'Unknown wiring "pair". Did you mean "pairs"'),
        ({"combinations": 0}, "combinations is at least 1, got 0"),
        ({"stack": 0}, "stack is at least 1, got 0"),
        ({"width": -1}, "width is at least 1, got -1"),
    ],
)
def test_a_space_of_unusable_sizes_is_refused(options, message):
    with pytest.raises(OptionError, match=message):
        dn.CellSpace("mine", **options)


def test_a_clone_shares_genes(cell_class):
    individual = dn.NASBENCH201.parse(TEXT, cell_class)
    assert copy.deepcopy(individual).genes is individual.genes


def test_individuals_are_equal_by_genes(cell_class):
    first, second = dn.NASBENCH201.parse(TEXT, cell_class), dn.NASBENCH201.parse(TEXT)
    assert first == second
    assert first != "text"


def test_spaces_of_other_sizes_are_others_and_have_other_keys(small):
    assert small != dn.NASBENCH201
    genes = dn.NASBENCH201.parse(TEXT).genes
    assert dn.CellGenome(small, genes).key != dn.CellGenome(dn.NASBENCH201, genes).key
    assert dn.CellGenome(small, genes) != dn.CellGenome(dn.NASBENCH201, genes)


def test_published_string_is_for_cells_of_nasbench201_alone(pairs):
    with pytest.raises(ArchitectureError, match=r"not of pairs\. Use key"):
        _ = dn.CellGenome(pairs, pairs.draw()).unique_string


def test_parameters_and_flops_of_the_published_table():
    data = os.environ.get("DEAPNETS_DATA")
    path = Path(data or "") / "nasbench201" / "cifar10.csv.gz"
    if not data or not path.is_file():
        pytest.skip("needs nasbench201/cifar10.csv.gz in the folder of DEAPNETS_DATA")
    with gzip.open(path, "rt", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))[1:4000:1300]
    for row in rows:
        genome = dn.NASBENCH201.parse(row["architecture"])
        assert round(genome.parameters() / 1e6, 5) == float(row["params_millions"])
        assert genome.flops() / 2e6 == pytest.approx(float(row["flops_millions"]), abs=2e-5)


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_cells_are_drawn(tmp_path, pairs, ending):
    path = dn.CellGenome(pairs, pairs.draw()).draw(tmp_path / f"cells.{ending}")
    assert path.stat().st_size > 1000
