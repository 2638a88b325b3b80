"""Protected operators are finite everywhere, and what they say of themselves is what they do."""

import pytest
import torch

from deapnets.programs.functions import FUNCTIONS, div, domains, exp, log

EDGES = torch.tensor([0.0, -0.0, 1.0, -1.0, 1e-30, -1e-30, 50.0, -50.0])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_finite_wherever_its_inputs_are(name):
    function = FUNCTIONS[name]
    arguments = [EDGES, EDGES.flip(0)][: function.arity]
    assert torch.isfinite(function.call(*arguments)).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_source_computes_what_the_function_computes(name):
    function = FUNCTIONS[name]
    arguments = [EDGES, EDGES.flip(0)][: function.arity]
    text = function.source.format("a", "b")
    values = dict(zip("ab", arguments, strict=False))
    assert torch.equal(eval(text, {"torch": torch, **values}), function.call(*arguments))


def test_protected_values_are_those_that_are_stated():
    zero, one = torch.zeros(1), torch.ones(1)
    assert div(one, zero) == 1.0
    assert log(zero) == 0.0
    assert log(-one * torch.e) == pytest.approx(1.0)
    assert exp(40 * one) == exp(30 * one)
    assert domains(["add", "div"]) == {"div": "1 where the divisor is 0"}
