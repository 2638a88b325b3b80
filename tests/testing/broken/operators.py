"""Operators that are broken, and the clause of the contract that is about each."""

from __future__ import annotations

import copy
import random

import torch

import deapnets as dn
from deapnets.operators.contract import Operator
from deapnets.testing import OperatorContract


@dn.operator(parents=1)
def mutSound(rows, draw):
    return rows[0] + draw.noise()


@dn.operator(parents=1)
def mutEndless(rows, draw):
    return (rows[0] + draw.noise()) / 0


@dn.operator(parents=1)
def mutByCompany(rows, draw):
    return rows[0] - rows[0].mean(0) + draw.noise()


@dn.operator(parents=1)
def mutInPlace(rows, draw):
    return rows[0].add_(1.0)


@dn.operator(parents=1)
def mutByStride(rows, draw):
    return rows[0] + draw.noise() + rows[0].stride(0)


@dn.operator(parents=1)
def mutByTorch(rows, draw):
    return rows[0] + torch.randn_like(rows[0])


class Copying(Operator):
    def __call__(self, *individuals, **parameters):
        return super().__call__(*copy.deepcopy(individuals), **parameters)


class Wasteful(Operator):
    def __call__(self, *individuals, **parameters):
        random.random()
        return super().__call__(*individuals, **parameters)


class Stubborn(Operator):
    def __call__(self, *individuals, **parameters):
        random.seed(5)
        return super().__call__(*individuals, **parameters)


def of(kind):
    """Return a decorator that makes a core an operator of a kind."""
    return lambda core: kind(core, 1, False, {})


@of(Copying)
def mutCopying(rows, draw):
    return rows[0] + draw.noise()


@of(Wasteful)
def mutWasteful(rows, draw):
    return rows[0] + draw.noise()


@of(Stubborn)
def mutStubborn(rows, draw):
    return rows[0] + draw.noise()


def mutHidden(rows, draw):
    return rows[0] + draw.noise()


renamed = dn.operator(parents=1)(mutHidden)  # under its own name stands a plain function

SOUND = mutSound
BROKEN = {
    mutEndless: "test_children_have_their_parents_shape_and_are_finite",
    mutByCompany: "test_a_child_alone_is_the_child_in_company",
    mutInPlace: "test_parents_are_left_as_they_were_and_lent_to_no_child",
    mutByStride: "test_one_row_that_stands_for_all_is_as_good_as_copies",
    mutByTorch: "test_it_draws_from_nothing_but_its_seed",
    mutCopying: "test_individuals_change_in_place_and_their_old_nodes_stay",
    mutWasteful: "test_a_call_draws_one_seed_and_makes_no_weights",
    mutStubborn: "test_pythons_random_decides_the_child",
    renamed: "test_a_child_survives_a_pickle",
}


class TestOperators(OperatorContract):
    cases = [(operator, {}) for operator in (SOUND, *BROKEN)]
