import base64

import pytest
import torch
from torch import nn

import deapnets as dn
from deapnets.evaluators.mistakes import SHOWN, find_mistakes


def split(inputs, targets):
    return dn.Split(torch.as_tensor(inputs), torch.as_tensor(targets))


def test_counts_stand_in_the_row_of_the_true_class_and_the_column_of_the_answer():
    rows = split(torch.eye(3)[[0, 1, 2, 2, 2]], [0, 1, 2, 1, 0])
    found = find_mistakes(lambda inputs: inputs, rows, "test")
    assert found["confusion"] == [[1, 0, 1], [0, 1, 1], [0, 0, 1]]
    assert (found["split"], found["rows"]) == ("test", 5)


def test_the_worst_mistakes_are_those_it_was_surest_of():
    scores = torch.tensor([[9.0, 0.0], [0.0, 1.0], [3.0, 0.0], [5.0, 0.0]])
    found = find_mistakes(lambda inputs: inputs, split(scores, [0, 0, 1, 1]), "test")
    assert [one["row"] for one in found["worst"]] == [3, 2, 1]
    first = found["worst"][0]
    assert (first["target"], first["predicted"]) == (1, 0)
    assert first["probability"] == pytest.approx(
        float(torch.tensor([5.0, 0.0]).softmax(0)[0]), abs=1e-4
    )
    assert "pixels" not in first


def test_pictures_are_bytes_from_the_darkest_to_the_brightest():
    inputs = torch.linspace(-1, 1, 2 * 3 * 8 * 6).reshape(2, 3, 8, 6)
    net = nn.Sequential(nn.Flatten(), nn.Linear(144, 2))
    with torch.no_grad():
        net[1].weight.zero_()
        net[1].bias.copy_(torch.tensor([1.0, 0.0]))
    found = find_mistakes(net, split(inputs, [1, 1]), "test")
    pictures = {one["row"]: one for one in found["worst"]}
    assert pictures[0]["shape"] == [8, 6, 3]
    first, last = (base64.b64decode(pictures[row]["pixels"]) for row in (0, 1))
    assert (len(first), first[0], last[-1]) == (144, 0, 255)


def test_large_pictures_are_made_smaller():
    net = nn.Sequential(nn.Flatten(), nn.Linear(200 * 100, 2))
    found = find_mistakes(net, split(torch.rand(9, 1, 200, 100), [0, 1] * 4 + [0]), "test")
    assert all(one["shape"] == [50, 25, 1] for one in found["worst"])


def test_of_many_mistakes_some_are_shown():
    rows = split(torch.tensor([[1.0, 0.0]]).repeat(100, 1), torch.ones(100, dtype=torch.int64))
    assert len(find_mistakes(lambda inputs: inputs, rows, "test")["worst"]) == SHOWN


@pytest.mark.parametrize(
    ("network", "targets"),
    [
        (lambda inputs: inputs[:, 0], [0, 1]),
        (lambda inputs: (inputs, inputs), [0, 1]),
        (lambda inputs: inputs, [[0, 1], [1, 0]]),
        (lambda inputs: inputs, [0.0, 1.0]),
        (lambda inputs: inputs[:, :1], [0, 0]),
        (lambda inputs: torch.zeros(2, 300), [0, 1]),
    ],
)
def test_what_tells_no_classes_has_no_mistakes(network, targets):
    assert find_mistakes(network, split(torch.eye(2), targets), "test") is None


def test_a_task_finds_mistakes_on_the_test_split_and_agrees_with_what_it_measures(individual_class):
    inputs, targets = torch.randn(60, 4), torch.randint(3, (60,))
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    task = dn.Supervised(net, inputs, targets, test=(inputs[:40], targets[:40]))
    individual = dn.initWeights(individual_class, net, sigma=1.0)
    found = task.mistakes(individual)
    right = sum(found["confusion"][at][at] for at in range(3))
    assert (found["split"], found["rows"]) == ("test", 40)
    assert right / 40 == pytest.approx(task.measure(individual)["test_accuracy"])


def test_without_a_test_split_the_validation_split_or_the_training_rows_serve(individual_class):
    inputs, targets = torch.randn(20, 4), torch.arange(20) % 2
    net = nn.Linear(4, 2)
    individual = dn.initWeights(individual_class, net, sigma=1.0)
    assert dn.Supervised(net, inputs, targets).mistakes(individual)["split"] == "train"
    held = dn.Supervised(net, inputs, targets, validation=0.5)
    assert held.mistakes(individual)["split"] == "validation"


def test_a_solved_readout_is_part_of_the_network(individual_class):
    inputs = torch.randn(80, 4)
    targets = (inputs[:, 0] > 0).long()
    net = nn.Linear(4, 6)
    task = dn.Supervised(net, inputs, targets, readout="ridge", test=(inputs, targets))
    individual = dn.initWeights(individual_class, net, sigma=1.0)
    (a, _), (_, d) = task.mistakes(individual)["confusion"]
    assert a + d > 70


def test_a_regression_has_no_mistakes(individual_class):
    net = nn.Linear(4, 2)
    task = dn.Supervised(net, torch.randn(20, 4), torch.randn(20, 2), loss="mse")
    assert task.mistakes(dn.initWeights(individual_class, net, sigma=1.0)) is None
