"""Cells have one form when, and only when, they compute the same function."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import deapnets as dn
from deapnets.architectures.canonical import Term, loose_ends

SPACE = dn.NASBENCH201
TERMS = [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
ORDERS = np.array(list(itertools.permutations(range(6))))


def pool(state):
    """Return a function without weights that no sum can be taken out of."""
    return 0.7 * state + 0.2 * state**3


def outputs(genes, weights, pool):
    """Return what a cell makes of 1.3 under all 720 ways to hand six weights to its six edges.

    States are numbers here. That a convolution has weights of its own is all that counts: which
    one got which is averaged out, so that isomorphic cells give the same multiset of outputs.
    """
    states = [np.full(len(ORDERS), 1.3), 0.0, 0.0, 0.0]
    for edge, ((target, source), gene) in enumerate(zip(TERMS, genes, strict=True)):
        state, own = states[source], weights[:, ORDERS[:, edge]]
        made = (
            0.0,
            state,
            np.tanh(own[0] * state),
            np.arctan(own[1] * state) * (1 + own[1] ** 2),
            pool(state),
        )
        states[target] = states[target] + made[gene]
    return states[3] + np.zeros(len(ORDERS))


def classes_by_function(cells, pool):
    """Return the class of each cell: equal for cells whose outputs are the same multiset."""
    weights = np.random.default_rng(5).uniform(0.5, 2.0, (2, 6))
    found = {}
    classes = []
    for genes in cells:
        values = outputs(genes, weights, pool)
        name = (round(np.cos(values).mean(), 9), round((values / (3 + values**2)).mean(), 9))
        classes.append(found.setdefault(name, len(found)))
    return classes


def test_keys_and_functions_agree_both_ways_on_all_cells(every_cell):
    by_function = classes_by_function(every_cell, pool)
    by_key = [SPACE.key(genes) for genes in every_cell]
    assert (
        len(set(by_key)) == len(set(by_function)) == len(set(zip(by_key, by_function, strict=True)))
    )
    assert len(set(by_key)) == 5260


def test_an_average_could_be_taken_out_of_sums_which_the_form_leaves_alone(every_cell):
    assert len(set(classes_by_function(every_cell, lambda state: 0.7 * state))) == 5044


def test_published_rule_has_its_6466_classes(every_cell):
    strings = {dn.CellGenome(SPACE, genes).unique_string for genes in every_cell}
    assert len(strings) == 6466


def test_published_rule_splits_equal_cells_and_merges_unequal_ones(every_cell):
    strings, keys = defaultdict(set), defaultdict(set)
    for genes in every_cell:
        genome = dn.CellGenome(SPACE, genes)
        strings[genome.key].add(genome.unique_string)
        keys[genome.unique_string].add(genome.key)
    assert any(len(names) > 1 for names in strings.values())
    assert any(len(names) > 1 for names in keys.values())


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (
            "|none~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|nor_conv_1x1~2|",
            "out(0)",
        ),
        (
            "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
            "out(x0)",
        ),
        (
            "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|",
            "1=nor_conv_3x3(2*x0) out(1)",
        ),
        (
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|skip_connect~1|skip_connect~2|",
            "1=nor_conv_3x3(x0) 2=nor_conv_3x3(x0) out(1+2)",
        ),
        (
            "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|",
            "1=nor_conv_3x3(x0) out(2*1)",
        ),
        (
            "|avg_pool_3x3~0|+|avg_pool_3x3~0|none~1|+|none~0|skip_connect~1|skip_connect~2|",
            "1=avg_pool_3x3(x0) out(2*1)",
        ),
    ],
)
def test_what_is_folded(text, form):
    assert SPACE.parse(text).canonical == form


def shuffled(cell, inputs):
    """Return the cell with its combinations in another order that works, and terms swapped."""
    waiting = list(enumerate(cell, inputs))
    numbers = {number: number for number in range(inputs)}
    other = []
    while waiting:
        ready = [one for one in waiting if all(term.source in numbers for term in one[1])]
        number, terms = random.choice(ready)
        waiting.remove((number, terms))
        numbers[number] = inputs + len(other)
        moved = [Term(numbers[term.source], term.operation) for term in terms]
        other.append(tuple(random.sample(moved, len(moved))))
    return tuple(other)


def text_of(cells):
    words = []
    for name, cell in cells.items():
        parts = ["".join(f"|{op}~{source}" for source, op in terms) + "|" for terms in cell]
        words.append(f"{name}:{'+'.join(parts)}")
    return " ".join(words)


@given(st.integers(0, 2**32))
def test_order_of_combinations_and_terms_does_not_count(seed):
    random.seed(seed)
    genome = dn.CellGenome(dn.NASNET, dn.NASNET.draw())
    other = {name: shuffled(cell, 2) for name, cell in genome.cells.items()}
    assert dn.NASNET.parse(text_of(other)).key == genome.key


@given(st.integers(0, 2**32))
def test_another_operation_that_is_read_is_another_key(seed):
    random.seed(seed)
    genome = dn.CellGenome(dn.NASNET, dn.NASNET.draw())
    at = random.choice([i for i, kind in enumerate(dn.NASNET.kinds) if kind == "operation"])
    genes = list(genome.genes)
    genes[at] = (genes[at] + 1) % 8
    other = dn.CellGenome(dn.NASNET, genes)
    assert other.key != genome.key


def test_many_symmetric_operations_are_put_in_order_quickly():
    twins = "+".join(["|sep_conv_3x3~0|sep_conv_3x3~0|"] * 5)
    genome = dn.NASNET.parse(f"normal:{twins} reduction:{twins}")
    assert genome.canonical.count("out(") == 10


def test_an_identity_that_shrinks_has_weights_and_one_that_does_not_has_none():
    cell = ((Term(0, "identity"), Term(0, "identity")),) * 5
    form = dn.NASNET.parse(text_of(dict.fromkeys(dn.NASNET.cells, cell))).canonical
    assert form.startswith("out(2*x0) " * 5)
    assert form.count("=identity/2(x0)") == 10


def test_loose_ends_are_combinations_that_nobody_reads():
    cell = ((Term(0, "a"), Term(1, "a")), (Term(0, "a"), Term(2, "a")), (Term(1, "a"),) * 2)
    assert loose_ends(cell, 2) == [3, 4]


def alike(module):
    """Give all convolutions of one shape the same weights."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            torch.manual_seed(layer.weight.numel())
            nn.init.normal_(layer.weight, std=0.3)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return module.eval()


def test_networks_of_one_key_compute_the_same(small, every_cell):
    random.seed(3)
    groups = defaultdict(list)
    for genes in random.sample(every_cell, 2000):
        groups[small.key(genes)].append(genes)
    images = torch.randn(2, 3, 8, 8)
    compared = 0
    for genes in [g for g in groups.values() if len(g) > 1][:15]:
        first, second = (dn.CellGenome(small, g) for g in genes[:2])
        if "out(0)" not in first.canonical:
            one = alike(first.module())(images)
            other = alike(second.module())(images)
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
            compared += 1
    assert compared > 10
