"""Programs for people: what is printed computes what the program computes."""

import pytest
import torch
from deap import gp

from deapnets.errors import OptionError
from deapnets.programs import printing
from deapnets.programs.reducing import reduced

X, Y = torch.linspace(-2, 2, 40, dtype=torch.float64), torch.linspace(3, -1, 40).double()


def test_source_computes_the_same_bits(many, space):
    for program in many[:40]:
        names: dict = {}
        exec(printing.source(program, space.pset), names)
        output = names["program"](X, Y).expand(40)
        assert torch.equal(output.nan_to_num(), program.function()(X, Y).nan_to_num())


def test_mathematics_is_simplified(individual, space):
    program = individual("add(mul(x, sub(x, -1.0)), sub(y, y))")
    assert printing.mathematics(program, space.pset) in ("x*(x + 1.0)", "x*(x + 1)")
    assert printing.latex(individual("div(x, y)"), space.pset) == r"\frac{x}{y}"


def test_formula_has_the_programs_values(individual, space):
    program = individual("div(sin(add(x, 0.5)), add(2.5, cos(y)))")
    formula = printing.formula(program, space.pset, digits=15)
    given = {"x": 0.3, "y": 1.7}
    value = formula.subs({symbol: given[symbol.name] for symbol in formula.free_symbols})
    inputs = torch.tensor(0.3).double(), torch.tensor(1.7).double()
    assert float(value) == pytest.approx(float(program.function()(*inputs)))


def test_notes_say_what_is_protected(individual):
    assert printing.notes(individual("div(x, y)")) == ["div: 1 where the divisor is 0"]
    assert printing.notes(individual("add(x, y)")) == []


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_picture_is_a_file_of_its_kind(individual, tmp_path, ending):
    path = printing.draw(individual("add(sin(x), 0.25)"), tmp_path / f"tree.{ending}")
    assert path.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")


def test_what_is_no_known_function_is_named():
    pset = gp.PrimitiveSet("own", 1)
    pset.addPrimitive(torch.acos, 1)
    tree = [pset.mapping["acos"], pset.mapping["ARG0"]]
    with pytest.raises(OptionError, match='"acos" cannot be printed'):
        printing.mathematics(tree, pset)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("add(mul(x, 1.0), sub(y, y))", "x"),
        ("add(x, sin(sub(0.5, 0.5)))", "x"),
        ("sub(mul(x, y), 0.0)", "mul(x, y)"),
        ("div(x, x)", "1.0"),
    ],
)
def test_what_does_not_matter_is_cut(space, text, expected):
    assert space.text(reduced(space.parse_genes(text), space)) == expected


def test_a_reduced_program_has_its_key_and_is_no_larger(many, space):
    for program in many[:25]:
        smaller = reduced(program, space)
        assert space.key(smaller) == program.key
        assert len(smaller) <= len(program)
