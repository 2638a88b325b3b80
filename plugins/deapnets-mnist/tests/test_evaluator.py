import re

import numpy as np
import pytest
import torch
from deap import base, creator
from deapnets_mnist import datasets
from deapnets_mnist.evaluator import Mnist

import deapnets as dn
from deapnets.errors import DataError, OptionError
from deapnets.genomes.layout import Layout
from deapnets.plugins import EVALUATORS, get
from deapnets.testing import EvaluatorContract


@pytest.fixture
def population_of():
    """Return a function that makes individuals of an evaluator's network."""
    fitness = type("Fitness", (base.Fitness,), {"weights": (1.0,)})
    kind = creator.MetaCreator("Individual", dn.WeightGenome, {"fitness": fitness})

    def population_of(evaluator, n):
        return [dn.initWeights(kind, evaluator.genome(), sigma=0.5) for _ in range(n)]

    return population_of


@pytest.fixture
def folder_of(tmp_path, encode_idx):
    """Return a function that writes a data set of this image size and these classes."""

    def folder_of(height, width, classes, train=40, test=10):
        rng = np.random.default_rng(3)
        for part, count in (("train", train), ("t10k", test)):
            images = rng.integers(0, 256, (count, height, width), dtype=np.uint8)
            labels = (np.arange(count) % classes).astype(np.uint8)
            (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(encode_idx(images))
            (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(encode_idx(labels))
        return str(tmp_path)

    return folder_of


@pytest.fixture(scope="module")
def digits():
    return Mnist(dataset="digits")


def shapes(evaluator):
    return [tuple(parameter.shape) for parameter in evaluator.genome().parameters()]


def width(evaluator):
    return Layout.of(evaluator.genome()).width


class TestMnist(EvaluatorContract):
    cases = [
        (Mnist, {"dataset": "digits"}),
        (Mnist, {"dataset": "digits", "network": "strided-2"}),
        (Mnist, {"dataset": "digits", "batch_size": None, "fitness": "accuracy"}),
        (Mnist, {"dataset": "digits", "network": "conv-2", "readout": "ridge", "batch_size": 50}),
    ]


# --- found, and cheap until it is used ---


def test_it_is_found_under_its_name():
    assert get(EVALUATORS, "mnist").load().target is Mnist


def test_data_are_read_once(monkeypatch, idx_folder):
    read = []
    load = datasets.load_mnist

    def noted(folder):
        read.append(folder)
        return load(folder)

    monkeypatch.setattr(datasets, "load_mnist", noted)
    evaluator = Mnist(data=str(idx_folder))
    assert read == []
    assert evaluator.genome() is evaluator.genome()
    assert evaluator.splits is evaluator.splits
    assert read == [str(idx_folder)]


# --- options that cannot be used ---


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"dataset": "digit"},
            'Unknown dataset "digit". Did you mean "digits"? Valid: digits, mni',
        ),
        (
            {"dataset": "digits", "data": "here"},
            "dataset=digits is bundled; leave out data=, or dataset=digits.",
        ),
        *[
            ({"pool": pool}, f'pool is a size in pixels such as "14x14", got "{pool}".')
            for pool in ("14", "14x", "0x14", "14X14", "14x14x1", "-1x3", "")
        ],
        *[
            (
                {"validation": part},
                f"validation is a part of the training images in (0, 1), got {part}.",
            )
            for part in (0.0, 1.0, -0.1, 2.0)
        ],
        ({"pixels": "standart"}, 'Unknown pixels "standart". Did you mean "standard"?'),
        ({"batch_size": 0}, "batch_size is at least 1, got 0."),
        ({"fitness": "acuracy"}, 'Unknown fitness "acuracy". Did you mean "accuracy"?'),
    ],
)
def test_an_option_that_cannot_be_used_is_told_before_data_are_read(options, message):
    with pytest.raises(OptionError, match=f"^{re.escape(message)}"):
        Mnist(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"network": "mpl-32"},
            'Unknown network "mpl-32". Did you mean "mlp-32"? Valid: conv-16, deep, mlp',
        ),
        ({"network": "mlp-0"}, 'Network "mlp-0": the size of a hidden layer must be positive.'),
        ({"pool": "9x8"}, "Images of 8x8 pixels cannot be shrunk to 9x8: "),
        (
            {"network": "deep", "pool": "3x3"},
            'Network "deep" halves its input twice and needs at least 4x4 pixels, got 3x3.',
        ),
        ({"validation": 0.0001}, "Cannot hold 0 of 1437 images out for validation: "),
    ],
)
def test_what_does_not_fit_the_data_is_told_when_the_network_is_made(options, message):
    with pytest.raises(OptionError, match=f"^{re.escape(message)}"):
        Mnist(dataset="digits", **options).genome()


def test_a_folder_without_data_is_named(tmp_path):
    with pytest.raises(DataError, match=re.escape(f"Looked in {tmp_path}")):
        Mnist(data=str(tmp_path)).genome()


# --- networks and sizes ---


def test_digits_go_into_the_network_as_they_are(digits):
    assert digits.splits.train.inputs.shape[1:] == (1, 8, 8)
    assert shapes(digits) == [(32, 64), (32,), (10, 32), (10,)]


def test_hidden_layers_are_those_of_the_name():
    evaluator = Mnist(dataset="digits", network="mlp-16-12")
    assert shapes(evaluator)[::2] == [(16, 64), (12, 16), (10, 12)]


@pytest.mark.parametrize(
    ("size", "options", "first"),
    [
        ((28, 28), {}, (16, 1, 5, 5)),
        ((14, 14), {}, (16, 1, 5, 5)),
        ((14, 13), {}, (32, 14 * 13)),
        ((28, 28), {"pool": "13x28"}, (32, 13 * 28)),
        ((3, 4), {}, (32, 12)),
    ],
)
def test_filters_by_default_where_there_are_places_for_them(folder_of, size, options, first):
    assert shapes(Mnist(data=folder_of(*size, 3), **options))[0] == first


def test_deep_on_images_of_mnists_size_has_the_tutorials_weights(folder_of):
    evaluator = Mnist(data=folder_of(28, 28, 10), network="deep")
    assert width(evaluator) == 3_274_634
    assert evaluator.splits.train.inputs.shape[1:] == (1, 28, 28)


@pytest.mark.parametrize(
    ("size", "options", "inputs"),
    [
        ((28, 28), {}, (14, 14)),
        ((28, 28), {"pool": "28x28"}, (28, 28)),
        ((28, 28), {"network": "deep"}, (28, 28)),
        ((28, 28), {"network": "deep", "pool": "8x12"}, (8, 12)),
        ((15, 40), {}, (14, 14)),
        ((14, 40), {}, (14, 40)),
        ((5, 7), {}, (5, 7)),
        ((5, 7), {"pool": "2x3"}, (2, 3)),
        ((28, 28), {"network": "strided-2"}, (14, 14)),
        ((28, 28), {"network": "strided-2", "pool": "28x28"}, (28, 28)),
    ],
)
def test_an_mlp_sees_large_images_small_unless_pool_says_otherwise(
    folder_of, size, options, inputs
):
    evaluator = Mnist(data=folder_of(*size, 3), **{"network": "mlp-4", **options})
    splits = evaluator.splits
    for split in (splits.train, splits.validation, splits.test):
        assert split.inputs.shape[1:] == (1, *inputs)
    outputs = evaluator.genome()(splits.test.inputs)
    assert outputs.shape == (10, 3)


# --- data of one's own ---


def test_a_folder_of_ones_own_with_odd_images_and_three_classes_is_evolved_on(
    idx_folder, population_of
):
    evaluator = Mnist(data=str(idx_folder), network="mlp-5", validation=0.25)
    assert shapes(evaluator) == [(5, 24), (5,), (3, 5), (3,)]
    assert [len(split.targets) for split in vars(evaluator.splits).values()] == [9, 3, 5]
    population = population_of(evaluator, 6)
    scores = dn.PopulationMap(device="cpu", seed=1)(evaluator, population)
    assert len(set(scores)) == 6
    assert evaluator.measure(population[0]).keys() == {
        "validation_loss",
        "validation_accuracy",
        "test_loss",
        "test_accuracy",
    }


def test_standard_pixels_have_mean_0_and_deviation_1_over_the_training_images(idx_folder, parts):
    data = {"data": str(idx_folder), "validation": 0.25}
    unit, standard = Mnist(**data, pixels="unit").splits, Mnist(**data).splits
    values = unit.train.inputs.double()
    mean, deviation = float(values.mean()), float(values.std(correction=0))
    assert float(standard.train.inputs.double().mean()) == pytest.approx(0, abs=1e-6)
    for name in ("train", "validation", "test"):
        expected = (getattr(unit, name).inputs - mean) / deviation
        torch.testing.assert_close(getattr(standard, name).inputs, expected)


def test_new_images_are_scaled_as_those_of_the_task(idx_folder, parts):
    task = Mnist(data=str(idx_folder), validation=0.25)
    inputs, done = task.preprocess(parts["t10k-images-idx3-ubyte"])
    assert torch.equal(inputs, task.splits.test.inputs)
    assert done[-1].startswith("less 0.")


def test_images_of_one_brightness_stay_finite(tmp_path, folder_of, encode_idx):
    folder_of(5, 5, 2)
    for part, count in (("train", 40), ("t10k", 10)):
        grey = np.full((count, 5, 5), 7, np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(encode_idx(grey))
    splits = Mnist(data=str(tmp_path)).splits
    assert torch.equal(splits.test.inputs, torch.zeros_like(splits.test.inputs))


def test_inputs_are_the_images_as_fractions(idx_folder, parts):
    splits = Mnist(data=str(idx_folder), validation=0.25, pixels="unit").splits
    expected = torch.from_numpy(parts["t10k-images-idx3-ubyte"]).unsqueeze(1) / 255
    assert torch.equal(splits.test.inputs, expected)
    assert splits.test.targets.tolist() == parts["t10k-labels-idx1-ubyte"].tolist()


# --- splits ---


@pytest.mark.parametrize("part", [0.1, 0.25])
def test_every_class_gives_its_part_to_the_validation_split(part):
    splits = Mnist(dataset="digits", validation=part).splits
    kept, held = splits.train.targets.bincount(), splits.validation.targets.bincount()
    assert len(splits.validation) == round(part * 1437)
    assert (held - part * (kept + held)).abs().max() <= 1


def test_the_splits_of_digits_are_apart_and_complete(digits):
    splits = digits.splits
    assert [len(split) for split in (splits.train, splits.validation, splits.test)] == [
        1293,
        144,
        360,
    ]
    rows = torch.cat([splits.train.inputs, splits.validation.inputs, splits.test.inputs])
    assert len(rows.flatten(1).unique(dim=0)) == 1797


# --- fitness ---


def test_fitness_is_minus_the_loss_on_the_mini_batch_or_the_accuracy(population_of):
    for fitness in ("loss", "accuracy"):
        evaluator = Mnist(dataset="digits", fitness=fitness, batch_size=None)
        (individual,) = population_of(evaluator, 1)
        train = evaluator.splits.train
        with torch.no_grad():
            outputs = individual.module(evaluator.genome())(train.inputs)
        loss = torch.nn.functional.cross_entropy(outputs, train.targets).item()
        accuracy = (outputs.argmax(1) == train.targets).double().mean().item()
        expected = -loss if fitness == "loss" else accuracy
        assert evaluator(individual) == pytest.approx((expected,), rel=1e-4)


def test_scores_hold_for_one_generation_where_there_is_a_mini_batch(digits, population_of):
    assert digits.fresh
    assert not Mnist(dataset="digits", batch_size=None).fresh
    assert not Mnist(dataset="digits", batch_size=1293).fresh
    population = population_of(digits, 3)
    mapping = dn.PopulationMap(device="cpu", seed=1)
    with mapping.generation():
        first = mapping(digits, population)
    with mapping.generation():
        assert mapping(digits, population) != first


def test_a_mini_batch_is_of_the_size_that_was_asked_for(population_of):
    evaluator = Mnist(dataset="digits", batch_size=50)
    mapping = dn.PopulationMap(device="cpu", seed=1)
    mapping(evaluator, population_of(evaluator, 3))
    assert mapping.forwards == 3 * 50


# --- the real MNIST ---


def test_mnist_is_found_where_deapnets_data_names_it(mnist_folder, population_of):
    evaluator = Mnist()
    splits = evaluator.splits
    assert [len(split) for split in (splits.train, splits.validation, splits.test)] == [
        54_000,
        6_000,
        10_000,
    ]
    assert splits.train.inputs.shape[1:] == (1, 14, 14)
    assert width(evaluator) == 16 * 25 + 16 + 16 * 25 * 10 + 10
    held, kept = splits.validation.targets.bincount(), splits.train.targets.bincount()
    assert (held - 0.1 * (kept + held)).abs().max() <= 1
    scores = dn.PopulationMap(device="cpu", seed=1)(evaluator, population_of(evaluator, 4))
    assert all(-200 < score < 0 for (score,) in scores)


def test_presets_are_options_that_it_takes():
    for algorithm, options in Mnist.presets.items():
        task = Mnist(**{**options, "dataset": "digits"})
        assert task.fresh, algorithm


# --- the readout in closed form ---


def test_solved_readout_leaves_the_filters_to_be_evolved():
    evaluator = Mnist(dataset="digits", network="conv-16", readout="ridge")
    assert shapes(evaluator) == [(16, 1, 5, 5)]
    assert shapes(Mnist(dataset="digits", network="conv-16"))[-2:] == [(10, 1024), (10,)]
    assert evaluator.settings["ga"]["population"] < 100
    assert "ga" not in Mnist(dataset="digits").settings


def test_random_filters_with_a_solved_readout_know_most_digits(population_of):
    evaluator = Mnist(dataset="digits", network="conv-4", readout="ridge")
    (individual,) = population_of(evaluator, 1)
    assert evaluator.measure(individual)["test_accuracy"] > 0.9
