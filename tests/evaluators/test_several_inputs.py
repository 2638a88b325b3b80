"""A module that takes several inputs, scored on a tuple of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

import deapnets as dn
from deapnets.errors import DataError
from deapnets.evaluators.splits import Split
from deapnets.randomness import Stream
from deapnets.runs.exporting import Best, export
from deapnets.runs.predicting import predict

ROWS = 1100  # more than go through a chunk at once


class Compared(nn.Module):
    """Scores of two classes from a row of numbers and a word."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(5, 3)
        self.layer = nn.Linear(3, 2)

    def forward(self, values: torch.Tensor, word: torch.Tensor) -> torch.Tensor:
        return self.layer(values * self.words(word))


@pytest.fixture
def rows() -> tuple[torch.Tensor, torch.Tensor]:
    values = torch.randn(ROWS, 3)
    values[:, 0] = torch.arange(ROWS)
    return values, torch.arange(ROWS) % 5


@pytest.fixture
def targets() -> torch.Tensor:
    return torch.randint(2, (ROWS,))


@pytest.fixture
def population(individual_class):
    net = Compared()
    return net, [dn.initWeights(individual_class, net, sigma=0.5) for _ in range(3)]


def test_a_population_scores_what_each_network_scores_on_both_inputs(population, rows, targets):
    net, individuals = population
    evaluator = dn.Supervised(net, rows, targets)
    fitnesses = dn.PopulationMap(device="cpu")(evaluator, individuals)
    for individual, (fitness,) in zip(individuals, fitnesses, strict=True):
        with torch.no_grad():
            loss = functional.cross_entropy(individual.module(net)(*rows), targets)
        assert fitness == pytest.approx(-float(loss), rel=1e-5)


def test_a_mini_batch_takes_the_same_rows_of_both(rows, targets):
    task = dn.Supervised(Compared(), rows, targets, batch_size=64)
    task.prepare([], 0, Stream(1))
    values, word = task._batches.present.arguments
    assert torch.equal(values[:, 0].long() % 5, word)
    assert torch.equal(targets[values[:, 0].long()], task._batches.present.targets)


def test_held_out_rows_have_both_inputs_too(population, rows, targets):
    net, (individual, *_) = population
    arrays = tuple(part.numpy() for part in rows)
    task = dn.Supervised(net, arrays, targets, validation=0.2, test=(rows, targets))
    figures = task.measure(individual)
    right = individual.module(net)(*rows).argmax(1) == targets
    assert figures["test_accuracy"] == pytest.approx(float(right.double().mean()))
    last = slice(ROWS - ROWS // 5, None)
    assert figures["validation_accuracy"] == pytest.approx(float(right[last].double().mean()))
    assert task.mistakes(individual)["confusion"][0][0] == int((right & (targets == 0)).sum())


def test_a_readout_is_solved_on_features_of_both(population, rows, targets):
    net, (individual, *_) = population
    wanted = (rows[1] > 2).long()  # the word alone says it
    task = dn.Supervised(net.words, rows[1], wanted, readout="ridge")
    both = dn.Supervised(net, rows, wanted, readout="ridge", test=(rows, wanted))
    assert both.measure(individual)["test_accuracy"] > 0.5
    assert task.splits.train.more == ()


def test_a_list_of_numbers_is_rows_and_a_tuple_of_arrays_is_inputs():
    inputs = np.ones((2, 3), np.float32)
    assert Split.of(([1.0, 2.0], [3.0, 4.0]), [0, 1], "training").more == ()
    assert len(Split.of((inputs, inputs, inputs), [0, 1], "training").arguments) == 3


def test_inputs_of_different_lengths_are_refused(rows, targets):
    with pytest.raises(
        DataError, match="The training split has 1100 and 7 inputs and 1100 targets"
    ):
        dn.Supervised(Compared(), (rows[0], rows[1][:7]), targets)


@pytest.mark.parametrize("ending", ["safetensors", "pt2", "onnx"])
def test_a_network_of_two_inputs_is_written_and_computes_the_same(rows, targets, tmp_path, ending):
    if ending == "onnx":
        pytest.importorskip("onnxscript", reason="needs deapnets[onnx]")
        runtime = pytest.importorskip("onnxruntime", reason="needs deapnets[onnx]")
    net, path = Compared().eval(), tmp_path / f"net.{ending}"
    done = export(Best(dn.Supervised(net, rows, targets), net), path, count=20)
    assert done.inputs == 20
    assert done.difference < 1e-4
    assert done.takes.endswith(" and int64 [n] from 0 to 4")
    few = tuple(part[:7] for part in rows)
    if ending == "safetensors":
        other = Compared()
        other.load_state_dict(load_file(path))
        outputs = other(*few)
    elif ending == "pt2":
        outputs = torch.export.load(path).module()(*few)
    else:
        session = runtime.InferenceSession(str(path))
        named = {"inputs": few[0].numpy(), "inputs_2": few[1].numpy()}
        outputs = torch.from_numpy(session.run(None, named)[0])
    torch.testing.assert_close(outputs, net(*few), rtol=1e-4, atol=1e-4)


def test_one_array_for_a_network_of_two_inputs_is_refused(rows, targets, tmp_path):
    np.save(tmp_path / "rows.npy", rows[0].numpy())
    net = Compared()
    best = Best(dn.Supervised(net, rows, targets), net)
    with pytest.raises(DataError, match="takes 2 inputs, an array is one: define preprocess"):
        predict(best, [str(tmp_path / "rows.npy")])
