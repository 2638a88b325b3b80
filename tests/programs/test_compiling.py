"""Many trees as one list of steps: each has the outputs that it has alone, and that DEAP gives."""

import pytest
import torch
from deap import gp

import deapnets as dn
from deapnets.errors import EvaluationError, OptionError
from deapnets.programs.compiling import compile_tree

X, Y = torch.linspace(-2, 2, 41, dtype=torch.float64), torch.linspace(3, -1, 41).double()


def test_a_population_has_the_bits_of_each_tree_alone(many, space):
    together = dn.Programs(many, space.pset)(X, Y)
    for program, output in zip(many, together, strict=True):
        alone = compile_tree(program, space.pset)(X, Y)
        assert output.shape == X.shape
        assert torch.equal(output.nan_to_num(), alone.nan_to_num())


def test_a_tree_computes_what_gp_compile_computes_on_tensors(many, space):
    for program in many:
        if not any(node.arity == 0 and isinstance(node.value, str) for node in program):
            continue
        if any(not isinstance(node.value, str) for node in program if node.arity == 0):
            continue  # torch.sin takes no bare number, so DEAP's own way cannot compute these
        expected = gp.compile(program, space.pset)(X, Y)
        output = program.function()(X, Y)
        assert torch.equal(output.nan_to_num(), expected.expand(41).nan_to_num())


def test_what_trees_share_is_one_step(space, individual):
    texts = ["sin(add(x, y))", "cos(add(y, x))", "mul(sin(add(x, y)), 2.0)"]
    programs = dn.Programs([individual(text) for text in texts], space.pset)
    assert programs.nodes == 7
    assert len(programs.steps) == 4  # the sum, its sine, its cosine, the product


def test_a_difference_is_not_its_reverse(space, individual):
    first, second = dn.Programs([individual("sub(x, y)"), individual("sub(y, x)")], space.pset)(
        X, Y
    )
    assert torch.equal(first, -second)


def test_minus_zero_is_not_zero(space, individual):
    programs = [individual("div(1.0, div(x, 0.0))"), individual("mul(y, -0.0)")]
    outputs = dn.Programs(programs, space.pset)(torch.zeros(2), torch.ones(2))
    assert torch.signbit(outputs[1]).all()


def test_a_constant_has_the_inputs_shape_and_is_no_step(space, individual):
    programs = dn.Programs([individual("add(1.0, 2.0)")], space.pset)
    assert programs.steps == []
    assert torch.equal(programs(X, Y)[0], torch.full_like(X, 3.0))


def test_inputs_broadcast(space, individual):
    output = individual("mul(x, y)").function()(torch.ones(3, 1), torch.ones(4))
    assert output.shape == (3, 4)


def test_gradients_pass(individual):
    x = X.clone().requires_grad_()
    individual("mul(x, x)").function()(x, Y).sum().backward()
    assert torch.equal(x.grad, 2 * X)


def test_too_few_inputs_are_named(individual):
    with pytest.raises(EvaluationError, match=r"main take 2 inputs \(x, y\), got 1"):
        individual("x").function()(X)


def test_a_primitive_that_torch_cannot_compute_is_named():
    import math

    pset = gp.PrimitiveSet("maths", 1)
    pset.addPrimitive(math.sin, 1)
    programs = dn.Programs([gp.PrimitiveTree([pset.mapping["sin"], pset.mapping["ARG0"]])], pset)
    with pytest.raises(EvaluationError, match=r'"sin" of maths cannot be computed on cpu'):
        programs(X)


def test_an_automatically_defined_function_is_refused_by_name():
    inner = gp.PrimitiveSet("ADF0", 1)
    pset = gp.PrimitiveSet("outer", 1)
    pset.addADF(inner)
    tree = gp.PrimitiveTree([pset.mapping["ADF0"], pset.mapping["ARG0"]])
    with pytest.raises(OptionError, match='primitive "ADF0" of outer has no function'):
        dn.Programs([tree], pset)
