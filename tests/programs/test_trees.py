"""Trees as text, and back: nothing is evaluated, and what is wrong is said."""

import json
import pickle
import random

import pytest
from deap import gp

import deapnets as dn
from deapnets.errors import ArchitectureError, OptionError
from deapnets.programs.trees import constants_of, parse, require_tree, subtrees, with_constants


def test_text_and_json_come_back_to_the_last_digit(many, space):
    for program in many:
        assert space.parse(str(program)) == program
        assert space.from_json(program.to_json()) == program


def test_a_constant_that_was_read_is_an_ephemeral_that_mutates(space, individual):
    random.seed(1)
    program = individual("mul(x, 0.25)")
    gp.mutEphemeral(program, "all")
    assert constants_of(program) != [0.25]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is an expression, got nothing"),
        ("add(x, z)", r"Unknown word 'z' .* Valid: add, .*numbers"),
        ("ad(x, y)", 'Did you mean "add"'),
        ("__import__('os')", "Unknown word"),
        ("add(x, y", r"Expected '\)', got 'the end'"),
        ("add(x)", r"Expected ',', got '\)'"),
        ("add(x, y) x", "ends before 'x'"),
        ("add x, y)", r"Expected '\(', got 'x'"),
        ("mul(x, nan)", "a finite number, got 'nan'"),
        ("mul(x, 1e999)", "a finite number, got '1e999'"),
        ("constant", "Unknown word 'constant'"),
    ],
)
def test_text_that_is_no_program_is_refused(space, text, message):
    with pytest.raises(OptionError, match=message):
        space.parse(text)


def test_json_of_another_space_is_refused(many):
    other = dn.ProgramSpace(dn.primitive_set("other", ["x", "y"]))
    with pytest.raises(ArchitectureError, match="make the space that it is from"):
        other.from_json(many[0].to_json())
    with pytest.raises(ArchitectureError, match="expected JSON with space and architecture"):
        other.from_json(json.dumps({"pickle": "cos"}))


def test_a_tree_that_is_cut_off_or_too_long_is_refused(space):
    nodes = parse("add(x, y)", space.pset)
    with pytest.raises(ArchitectureError, match="lacks argument 1 of add"):
        require_tree(nodes[:-1], space.pset)
    with pytest.raises(ArchitectureError, match="ends at node 3 of 4"):
        require_tree((*nodes, nodes[-1]), space.pset)


def test_types_that_do_not_fit_are_refused():
    pset = gp.PrimitiveSetTyped("typed", [float, bool], float)
    pset.addPrimitive(pow, [float, float], float)
    pset.addTerminal(1.0, float)
    pset.renameArguments(ARG0="x", ARG1="flag")
    assert next(node.name for node in parse("pow(x, 1.0)", pset)) == "pow"
    with pytest.raises(ArchitectureError, match=r"argument 1 of pow is of float"):
        parse("pow(x, flag)", pset)


def test_constants_are_replaced_in_order(space):
    nodes = parse("add(mul(x, 2.0), sub(y, 3))", space.pset)
    assert constants_of(nodes) == [2.0, 3.0]
    assert constants_of(with_constants(nodes, [5.0, 7.0])) == [5.0, 7.0]
    assert constants_of(nodes) == [2.0, 3.0]


def test_subtrees_are_those_that_deap_finds(many):
    for program in many:
        for begin, end in subtrees(program):
            assert program.searchSubtree(begin) == slice(begin, end)


def test_a_plain_program_is_pickled_as_its_text(many):
    plain = many[0].plain()
    assert pickle.loads(pickle.dumps(plain)) == plain
