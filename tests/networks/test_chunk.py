import re
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from deapnets.errors import EvaluationError
from deapnets.networks.chunk import attach


@pytest.fixture
def trio(networks_of):
    """Return three networks of 26 weights."""
    return networks_of(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), 3)


def test_networks_know_how_many_and_where_they_are(trio):
    assert (len(trio), trio.device) == (3, torch.device("cpu"))


def test_outputs_are_one_batch_a_network(trio):
    assert trio(torch.randn(6, 3)).shape == (3, 6, 2)
    assert trio(torch.randn(3, 6, 3), each=True).shape == (3, 6, 2)


@pytest.mark.parametrize("lots", [(), (2,), (5,)])
def test_each_needs_one_lot_a_network(trio, lots):
    said = re.escape(f"each=True needs one lot of inputs a network, [3, ...]; got {[*lots, 4]}.")
    with pytest.raises(EvaluationError, match=said):
        trio(torch.randn(*lots, 4), each=True)


def test_weights_are_the_rows_that_parameters_view(trio):
    assert trio.weights().shape == (3, 26)
    parameters = trio.parameters()
    assert {name: tuple(value.shape) for name, value in parameters.items()} == {
        "0.weight": (3, 4, 3),
        "0.bias": (3, 4),
        "2.weight": (3, 2, 4),
        "2.bias": (3, 2),
    }
    assert torch.equal(torch.cat([p.flatten(1) for p in parameters.values()], 1), trio.weights())


def test_outputs_carry_no_gradient(trio):
    assert not trio(torch.randn(6, 3, requires_grad=True)).requires_grad


@pytest.mark.parametrize(
    ("values", "attached"),
    [
        (torch.tensor([1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]),
        ([1, 2, 3], [1, 2, 3]),
        (torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]),
    ],
)
def test_records_reach_the_individuals_as_numbers_or_tuples(trio, values, attached):
    individuals = [SimpleNamespace(records={"kept": 0}) for _ in range(3)]
    trio.record("figure", values)
    attach(trio.records, individuals)
    assert [one.records for one in individuals] == [
        {"kept": 0, "figure": value} for value in attached
    ]


@pytest.mark.parametrize("shape", [(), (2,), (4,), (1, 3), (3, 2, 2)])
def test_a_record_of_another_shape_is_refused(trio, shape):
    said = f'networks.record("figure") needs [3] or [3, k] values, got {list(shape)}.'
    with pytest.raises(EvaluationError, match=re.escape(said)):
        trio.record("figure", torch.zeros(shape))
    assert trio.records == {}


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_lots_are_the_networks_in_order_and_count_here(trio, size):
    rows = torch.randn(6, 3)
    whole = trio(rows)
    lots = [lot(rows) for lot in trio.lots(size)]
    assert [len(lot) for lot in lots] == [min(size, 3 - first) for first in range(0, 3, size)]
    assert torch.equal(torch.cat(lots), whole)
    assert trio.forwards == 2 * 3 * 6


def test_a_chain_is_known_to_keep_rows_apart(trio, networks_of):
    assert trio.keeps_rows_apart
    assert not networks_of(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)), 2).keeps_rows_apart
