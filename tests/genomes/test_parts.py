"""Which parameters are evolved: those that train, and that a pattern selects."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from deapnets.errors import LayoutError, OptionError
from deapnets.genomes.layout import Layout
from deapnets.genomes.parts import evolved_parameters


class Body(nn.Module):
    """A body of two layers, and a head that is tied to the first."""

    def __init__(self, *, tied: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 3))
        self.head = nn.Linear(3, 4)
        if tied:
            self.head.weight = self.body[0].weight


def names(module: nn.Module, patterns) -> list[str]:
    return [name for name, _ in evolved_parameters(module, patterns)]


@pytest.mark.parametrize(
    ("patterns", "selected"),
    [
        (None, ["body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias"]),
        ("body.*", ["body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias"]),
        ("body.1.*", ["body.1.weight", "body.1.bias"]),
        ("*.bias", ["body.0.bias", "body.1.bias", "head.bias"]),
        ("body.?.weight", ["body.0.weight", "body.1.weight"]),
        ("body.[1].*", ["body.1.weight", "body.1.bias"]),
        ("head.weight", ["head.weight"]),
        (["head.*", "body.0.bias"], ["body.0.bias", "head.weight", "head.bias"]),
        (("*.weight", "head.*"), ["body.0.weight", "body.1.weight", "head.weight", "head.bias"]),
    ],
)
def test_a_pattern_selects_parameters_in_the_modules_own_order(patterns, selected):
    whole = [*selected, "head.weight", "head.bias"] if patterns is None else selected
    assert names(Body(), patterns) == whole


def test_frozen_parameters_are_not_selected():
    module = Body()
    module.head.weight.requires_grad_(False)
    assert names(module, "head.*") == ["head.bias"]


@pytest.mark.parametrize("patterns", ["head.weight", "body.0.weight"])
def test_a_tied_parameter_is_selected_by_any_of_its_names_and_is_there_once(patterns):
    assert names(Body(tied=True), patterns) == ["body.0.weight"]
    assert names(Body(tied=True), ["head.*", "body.*"]) == names(Body(tied=True), None)


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (
            "haed.*",
            'parameters="haed.*" selects no parameter of Body to evolve. Did you mean "head.*"? '
            "Its parameters: body.0.weight, ",
        ),
        (["body.*", "heads"], 'parameters="heads" selects no parameter of Body to evolve.'),
        ("Head.*", 'parameters="Head.*" selects no parameter of Body to evolve.'),
        ([], 'parameters="" selects no parameter of Body to evolve. Its parameters: body.0.weight'),
    ],
)
def test_a_pattern_that_selects_nothing_is_refused_with_the_names(patterns, said):
    with pytest.raises(LayoutError, match="^" + re.escape(said)):
        Layout.of(Body(), patterns)


def test_a_pattern_that_selects_only_frozen_parameters_says_that_they_are():
    module = Body()
    module.head.requires_grad_(False)
    said = (
        'parameters="head.*" selects no parameter of Body to evolve: head.weight, head.bias '
        "requires no gradient. See: requires_grad_(True)."
    )
    with pytest.raises(LayoutError, match="^" + re.escape(said) + "$"):
        Layout.of(module, "head.*")


def test_a_module_that_was_never_called_and_has_no_shapes_is_refused():
    said = 'Parameter "0.weight" of Sequential has no shape yet. Call the module once with inputs'
    with pytest.raises(LayoutError, match=said):
        Layout.of(nn.Sequential(nn.LazyLinear(3)))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # says torch itself
@pytest.mark.parametrize(
    "made", [torch.jit.script, lambda net: torch.jit.trace(net, torch.ones(2))]
)
def test_what_torch_jit_has_made_is_refused_beside_what_to_do(made):
    with pytest.raises(LayoutError, match=r'^Part "1" of Sequential was made by'):
        Layout.of(nn.Sequential(nn.Linear(2, 2), made(nn.Linear(2, 2))))
    with pytest.raises(LayoutError, match=r"^\w+ was made by torch\.jit, .*Evolve the module"):
        Layout.of(made(nn.Linear(2, 2)))


def test_the_layout_of_a_part_is_that_of_its_parameters_alone():
    layout = Layout.of(Body(), "head.*")
    assert (layout.names, layout.width) == (("head.weight", "head.bias"), 16)
    assert layout != Layout.of(Body())
    assert layout is Layout.of(Body(), ["head.bias", "head.weight"])


def test_weights_are_stored_in_two_dtypes_and_no_other():
    whole, half = Layout.of(Body()), Layout.of(Body(), dtype=torch.bfloat16)
    assert (whole.nbytes, half.nbytes) == (4 * whole.width, 2 * whole.width)
    assert whole != half
    assert half.describe().startswith(f"{whole.width} weights in torch.bfloat16 (body.0.weight")
    said = r"^Weights are stored in torch\.float32 or torch\.bfloat16, got torch\.float16\.$"
    with pytest.raises(OptionError, match=said):
        Layout.of(Body(), dtype=torch.float16)
