"""Activations and losses: trained networks, seeds as one batch, bad programs the worst."""

import json
import math

import pytest
import torch
from click.testing import CliRunner
from deapnets_programs.activation import ActivationFunction, baselines
from deapnets_programs.loss import BASELINES, LossFunction
from deapnets_programs.training import Course, accuracies, cross_entropy, forward, train

import deapnets as dn
from deapnets.algorithms.ga import individual_class
from deapnets.cli import main
from deapnets.errors import OptionError
from deapnets.evaluators.splits import Split, Splits
from deapnets.programs.printing import source

TINY = {"steps": 8, "networks": 2, "hidden": "8"}


def individual(evaluator, text):
    return evaluator.space().parse(text, individual_class(evaluator, dn.ProgramGenome))


@pytest.fixture(scope="module")
def activation():
    return ActivationFunction(**TINY)


@pytest.fixture(scope="module")
def loss():
    return LossFunction(**TINY)


@pytest.fixture(scope="module")
def course():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(200, 4, generator=generator)
    split = Split(inputs, (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long())
    return Course(Splits(split, split, split), (8, 6), 3, 200, 0.02)


def test_the_networks_of_several_seeds_are_those_of_each_alone(course):
    together = train(course, [3, 4], torch.tanh)
    alone = train(course, [3], torch.tanh)
    assert torch.allclose(together[0], alone[0], atol=1e-4)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_networks_learn_and_are_those_of_torch(course):
    weights = train(course, [1], torch.relu)
    assert accuracies(weights, course, course.splits.test, torch.relu)[0] > 0.6
    layers, at = [], 0
    for before, after in ((4, 8), (8, 6), (6, 3)):
        layer = torch.nn.Linear(before, after)
        layer.weight.data = weights[0, at : at + before * after].view(before, after).T
        at += before * after
        layer.bias.data = weights[0, at : at + after]
        at += after
        layers += [layer, torch.nn.ReLU()]
    inputs = course.splits.test.inputs
    expected = torch.nn.Sequential(*layers[:-1])(inputs)
    assert torch.allclose(
        forward(weights, inputs, [4, 8, 6, 3], torch.relu)[0], expected, atol=1e-5
    )


def test_a_function_of_people_as_a_program_scores_the_same(activation):
    program = individual(activation, "mul(x, sigmoid(x))")
    seeds, split = activation.reporting[:2], activation.validation
    expected = activation.train_and_test(seeds, split, baselines()["silu"], cross_entropy)
    assert torch.allclose(activation.scores(program, seeds, split), expected, atol=0.01)


def test_an_activation_from_its_printed_source_scores_the_same(activation):
    program = individual(activation, "max(mul(0.1, x), tanh(add(x, 0.25)))")
    names: dict = {}
    exec(source(program, activation.space().pset, "activation"), names)
    seeds, split = activation.reporting[:2], activation.validation
    by_hand = activation.train_and_test(seeds, split, names["activation"], cross_entropy)
    assert torch.equal(activation.scores(program, seeds, split), by_hand)


def test_the_cross_entropy_as_a_program_is_torchs(loss):
    _, ours = loss.parts(individual(loss, BASELINES["cross-entropy"]))
    outputs, labels = torch.randn(2, 16, 10), torch.arange(16) % 10
    expected = cross_entropy(outputs, labels, 0.5) / 10  # the mean over classes too
    assert torch.allclose(ours(outputs, labels, 0.5), expected, atol=1e-5)


def test_a_loss_from_its_printed_source_has_the_same_values(loss):
    program = individual(loss, "add(mul(step, square(sub(target, prediction))), log(prediction))")
    names: dict = {}
    exec(source(program, loss.space().pset, "loss"), names)
    outputs, labels = torch.randn(2, 16, 10), torch.arange(16) % 10
    prediction = outputs.softmax(-1)
    target = torch.nn.functional.one_hot(labels, 10).float()
    by_hand = names["loss"](prediction, target, torch.tensor(0.3)).mean((-2, -1))
    assert torch.allclose(loss.parts(program)[1](outputs, labels, 0.3), by_hand, atol=1e-5)


@pytest.mark.parametrize("text", ["1.0", "mul(exp(exp(x)), exp(exp(x)))", "mul(0.0, x)"])
def test_a_useless_activation_is_scored_and_harms_nobody(activation, text):
    outcome = activation.outcome(individual(activation, text), 1.0, 3)
    assert 0.0 <= outcome.values[0] < 0.4
    assert math.isfinite(outcome.values[0])


@pytest.mark.parametrize(
    "text", ["1.0", "step", "log(sub(prediction, prediction))", "sqrt(target)"]
)
def test_a_useless_loss_is_scored_and_harms_nobody(loss, text):
    outcome = loss.outcome(individual(loss, text), 1.0, 3)
    assert 0.0 <= outcome.values[0] < 0.4


@pytest.mark.parametrize("name", ["activation", "loss"])
def test_a_run_saves_a_program_and_reports_ten_networks(tmp_path, name):
    words = ["run", name, "--algorithm", "gp", "--population", "4", "--generations", "1"]
    words += ["--seed", "1", "--out", str(tmp_path / "run")]
    for option in ("steps=4", "networks=1", "hidden=4"):
        words += ["-o", option]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    metrics = json.loads((tmp_path / "run" / "result.json").read_text())["metrics"]
    assert 0.0 <= metrics["test_accuracy"] <= 1.0
    assert metrics["nodes"] >= 1


def test_reporting_seeds_are_none_of_the_searchs(activation):
    searched = {1 + 1000 * number + at for number in range(1000) for at in range(2)}
    assert not searched & set(activation.reporting)


def test_other_networks_than_those_of_the_score_choose_what_is_saved(activation):
    programs = [individual(activation, text) for text in ("x", "mul(0.0, x)")]
    figures = activation.validate(programs)
    assert torch.equal(figures["fitness"], figures["validation_accuracy"])
    assert figures["fitness"][0] > figures["fitness"][1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": "32x32"}, r'such as "32-32", got .32x32'),
        ({"hidden": "0"}, "units of each layer"),
        ({"steps": 0}, "steps is at least 1"),
        ({"networks": 0}, "networks is at least 1"),
        ({"dataset": "mnits"}, 'Did you mean "mnist"'),
        ({"height": 1}, "most <= height"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        ActivationFunction(**options)
