"""Spaces of programs: draws, mutations within limits, and names by what is computed."""

import copy
import itertools
import operator
import random

import pytest
import torch
from deap import gp, tools

import deapnets as dn
from deapnets.errors import ArchitectureError, OperatorError, OptionError


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("add(x, y)", "add(y, x)"),
        ("sub(x, x)", "sub(y, y)"),
        ("mul(x, 2.0)", "add(x, x)"),
        ("add(sub(x, y), y)", "x"),
        ("neg(neg(x))", "x"),
        ("mul(x, 0.5)", "mul(x, 0.50000001)"),
        ("sub(add(x, mul(y, y)), mul(y, y))", "x"),
    ],
)
def test_what_computes_the_same_has_one_key(individual, first, second):
    assert individual(first).key == individual(second).key


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("x", "y"),
        ("sub(x, y)", "sub(y, x)"),
        ("mul(x, 0.5)", "mul(x, 0.501)"),
        ("div(x, sub(x, x))", "x"),
        ("sin(x)", "x"),
        ("mul(x, 0.000001)", "mul(x, 0.000002)"),
    ],
)
def test_what_computes_something_else_has_another_key(individual, first, second):
    assert individual(first).key != individual(second).key


def test_keys_of_many_are_the_keys_of_each(many, space):
    fresh = dn.ProgramSpace(space.pset)
    together = fresh.keys(many)
    again = dn.ProgramSpace(space.pset)
    assert together == [again.key(program) for program in many]


def test_children_are_within_the_limits():
    random.seed(3)
    space = dn.ProgramSpace(dn.primitive_set("small", ["x"]), height=4, size=12, most=2)
    genes = space.draw()
    for _ in range(300):
        genes = space.vary(genes)
        assert space.within(genes)
        space.checked(genes)


def test_crossover_keeps_the_limits_and_the_types():
    random.seed(3)
    space = dn.ProgramSpace(dn.primitive_set("small", ["x"]), height=4, size=12, most=3)
    kind = type("One", (dn.ProgramGenome,), {"space": space})
    for _ in range(200):
        pair = dn.initProgram(kind, space), dn.initProgram(kind, space)
        for child in dn.cxProgram(*pair):
            assert space.within(child) or child in pair
            space.checked(child)


def test_deaps_own_operators_and_static_limit_work_on_programs(many):
    random.seed(5)
    limit = gp.staticLimit(operator.attrgetter("height"), max_value=5)
    mate = limit(gp.cxOnePoint)
    for first, second in itertools.pairwise(many):
        for child in mate(copy.deepcopy(first), copy.deepcopy(second)):
            assert isinstance(child, dn.ProgramGenome)
            child.space.checked(child)


def test_a_clone_shares_nodes_and_has_its_own_fitness(many):
    program = copy.deepcopy(many[0])
    program.fitness.values = (1.0,)
    clone = copy.deepcopy(program)
    clone.fitness.values = (2.0,)
    dn.mutProgram(clone)
    assert program.fitness.values == (1.0,)
    assert program == many[0]
    assert clone.space is program.space
    assert all(a is b for a, b in zip(copy.deepcopy(program), program, strict=True))


def test_individuals_come_from_init_iterate_as_with_deap(space, individual):
    kind = type(individual("x"))
    made = tools.initIterate(kind, lambda: gp.genHalfAndHalf(space.pset, 1, 2))
    assert made.key
    assert not made.fitness.valid


def test_a_program_above_the_limits_is_said_with_its_size():
    space = dn.ProgramSpace(dn.primitive_set("small", ["x"]), height=2, size=4, most=1)
    with pytest.raises(ArchitectureError, match=r"of 7 nodes and height 2 .* limits of small: 4"):
        space.require_limits(space.parse_genes("add(add(x, x), add(x, x))"))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"least": 3, "most": 2}, "least <= most"),
        ({"height": 1, "most": 2}, "most <= height"),
        ({"size": 0}, "size is at least 1"),
        ({"probe": []}, "a tensor for each of x, y; got 0"),
    ],
)
def test_limits_that_cannot_be_used_are_refused(space, keywords, message):
    with pytest.raises(OptionError, match=message):
        dn.ProgramSpace(space.pset, **keywords)


def test_a_genome_without_a_space_says_how_to_make_one(space):
    with pytest.raises(ArchitectureError, match=r"space=dn\.ProgramSpace\(pset\)"):
        _ = dn.ProgramGenome(space.draw()).key


def test_operators_refuse_other_individuals(space):
    with pytest.raises(OperatorError, match="ProgramGenome individuals, got list"):
        dn.mutProgram([1])
    with pytest.raises(OperatorError, match="ProgramGenome individuals, got list"):
        dn.cxProgram([1], [2])
    with pytest.raises(OperatorError, match="from a ProgramSpace, got int"):
        dn.initProgram(list, 3)


def test_unknown_functions_and_sets_without_arguments_are_refused():
    with pytest.raises(OptionError, match='Did you mean "sqrt"'):
        dn.primitive_set("wrong", ["x"], ["sqrtt"])
    with pytest.raises(OptionError, match="needs an argument"):
        dn.primitive_set("empty", [])


def test_a_primitive_set_that_lacks_a_type_is_told_what_to_add():
    pset = gp.PrimitiveSetTyped("lacking", [float], float)
    pset.addPrimitive(torch.where, [bool, float, float], float)
    space = dn.ProgramSpace(pset, most=1)
    with pytest.raises(ArchitectureError, match=r"lacking can .*bool.* pset\.addTerminal"):
        space.draw()
