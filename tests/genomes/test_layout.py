"""Which parameters a genome covers, and where each one stands."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from deapnets.errors import LayoutError
from deapnets.genomes.layout import Layout

shapes = st.lists(st.lists(st.integers(1, 4), max_size=3).map(tuple), min_size=1, max_size=5)


class Holder(nn.Module):
    """A module of nothing but the parameters it is given."""

    def __init__(self, **parameters: torch.Tensor) -> None:
        super().__init__()
        for name, value in parameters.items():
            trainable = value.is_floating_point()
            self.register_parameter(name, nn.Parameter(value, requires_grad=trainable))


def test_parameters_stand_in_the_modules_own_order(net):
    layout = Layout.of(net)
    assert layout.names == ("0.weight", "0.bias", "2.weight", "2.bias")
    assert layout.shapes == ((4, 3), (4,), (2, 4), (2,))
    assert layout.sizes == (12, 4, 8, 2)
    assert layout.width == 26


def test_vector_holds_the_parameters_one_after_the_other(net):
    flat = Layout.of(net).flatten(net)
    assert flat.dtype == torch.float32
    assert not flat.requires_grad
    assert torch.equal(flat, torch.cat([p.detach().reshape(-1) for p in net.parameters()]))


def test_vector_is_a_copy(net):
    flat = Layout.of(net).flatten(net)
    before = copy.deepcopy(net.state_dict())
    flat.zero_()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_vector_of_a_single_parameter_is_a_copy():
    module = nn.Linear(2, 3, bias=False)
    Layout.of(module).flatten(module).zero_()
    assert module.weight.any()


def test_equal_modules_share_one_layout(net):
    assert Layout.of(net) is Layout.of(copy.deepcopy(net))


def test_layout_survives_pickling(net):
    layout = Layout.of(net)
    back = pickle.loads(pickle.dumps(layout))
    assert back == layout
    assert hash(back) == hash(layout)
    back.require(layout, "nowhere")


def test_frozen_parameters_stand_in_no_vector(net):
    net[0].requires_grad_(False)
    assert Layout.of(net).names == ("2.weight", "2.bias")


def test_buffers_stand_in_no_vector():
    assert Layout.of(nn.BatchNorm1d(3)).names == ("weight", "bias")


def test_tied_parameters_stand_in_the_vector_once():
    tied = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    tied[1].weight = tied[0].weight
    layout = Layout.of(tied)
    assert layout.names == ("0.weight",)
    layout.load(tied, torch.arange(9.0))
    assert tied[1].weight is tied[0].weight
    assert tied[1].weight[2, 2] == 8


def test_module_without_parameters_is_refused():
    message = "^Tanh has no parameter to evolve: 0 parameters, none of which requires a gradient.$"
    with pytest.raises(LayoutError, match=message):
        Layout.of(nn.Tanh())


def test_module_that_is_frozen_is_refused(net):
    message = "^Sequential has no parameter to evolve: 4 parameters, none of which requires a"
    with pytest.raises(LayoutError, match=message):
        Layout.of(net.requires_grad_(False))


@given(shapes=shapes, rows=st.lists(st.integers(1, 3), max_size=2))
def test_split_gives_every_parameter_its_shape_and_elements(shapes, rows):
    layout = Layout(tuple(f"p{i}" for i in range(len(shapes))), tuple(shapes))
    vectors = torch.randn(*rows, layout.width)
    parts = layout.split(vectors)
    assert [tuple(part.shape) for part in parts.values()] == [(*rows, *shape) for shape in shapes]
    flat = [part.reshape(*rows, -1) for part in parts.values()]
    assert torch.equal(torch.cat(flat, dim=-1), vectors)


def test_split_gives_views(net):
    rows = torch.zeros(2, 26)
    Layout.of(net).split(rows)["2.bias"].fill_(1)
    assert rows.sum() == 4
    assert rows[:, 24:].all()


@given(shapes=shapes)
def test_loading_what_was_flattened_changes_nothing(shapes):
    values = {f"p{i}": torch.randn(shape) for i, shape in enumerate(shapes)}
    module = Holder(**values)
    layout = Layout.of(module)
    other = Holder(**{name: torch.zeros_like(value) for name, value in values.items()})
    layout.load(other, layout.flatten(module))
    assert all(torch.equal(value, values[name]) for name, value in other.state_dict().items())


def test_loading_keeps_the_modules_own_precision():
    module = nn.Linear(2, 2).double()
    Layout.of(module).load(module, torch.arange(6.0))
    assert module.weight.dtype == torch.float64
    assert module.bias.tolist() == [4, 5]
    assert Layout.of(module).flatten(module).dtype == torch.float32


def test_module_without_a_parameter_of_the_genome_is_refused(net):
    message = (
        r"^The genome does not belong to this Linear: it has 0\.weight\[4, 3\], the module has no "
        r"such parameter\. Genome: 26 weights \(0\.weight\[4, 3\], 0\.bias\[4\], "
        r"2\.weight\[2, 4\], 2\.bias\[2\]\)\.$"
    )
    with pytest.raises(LayoutError, match=message):
        Layout.of(net).load(nn.Linear(3, 4), torch.zeros(26))


def test_module_with_a_parameter_of_another_shape_is_refused():
    message = (
        r"^The genome does not belong to this Linear: it has weight\[4, 3\], the module has "
        r"\[5, 3\]\. Genome: 16 weights \(weight\[4, 3\], bias\[4\]\)\.$"
    )
    with pytest.raises(LayoutError, match=message):
        Layout.of(nn.Linear(3, 4)).require_in(nn.Linear(3, 5))


def test_module_may_hold_more_than_the_genome(net):
    layout = Layout.of(net[:2])
    layout.require_in(net)
    layout.load(net, torch.zeros(16))
    assert not net[0].weight.any()
    assert net[2].weight.all()


def test_two_layouts_that_differ_are_both_named(net):
    message = (
        r"^Here: 26 weights \(0\.weight\[4, 3\], 0\.bias\[4\], 2\.weight\[2, 4\], 2\.bias\[2\]\) "
        r"and 4 weights \(weight\[1, 4\]\)\.$"
    )
    with pytest.raises(LayoutError, match=message):
        Layout.of(net).require(Layout.of(nn.Linear(4, 1, bias=False)), "Here")


def test_description_of_a_deep_net_is_cut():
    deep = nn.Sequential(*(nn.Linear(10, 10, bias=False) for _ in range(12)))
    parts = ", ".join(f"{i}.weight[10, 10]" for i in range(5))
    assert Layout.of(deep).describe() == f"1,200 weights ({parts}, 7 more)"
