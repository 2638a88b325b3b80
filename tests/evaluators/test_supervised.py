import math
import random
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)
from torch.nn.utils import prune

import deapnets as dn
from deapnets.errors import DataError, EvaluationError, LayoutError, OptionError
from deapnets.evaluators import splits
from deapnets.randomness import Stream

ROWS, FEATURES, CLASSES = 12, 3, 2


@pytest.fixture
def data():
    """Return inputs [12, 3] and classes [12]; the first input of a row is its number."""
    inputs = torch.randn(ROWS, FEATURES)
    inputs[:, 0] = torch.arange(ROWS)
    return inputs, torch.randint(0, CLASSES, (ROWS,))


@pytest.fixture
def individual(individual_class, net):
    return dn.initWeights(individual_class, net, sigma=0.5)


def batch_of(task, generation=0, seed=1):
    """Return the row numbers of the mini-batch that a generation draws."""
    task.prepare([], generation, Stream(seed + generation))
    return task._batches.present.inputs[:, 0].int().tolist()


# What is returned


def test_the_loss_is_returned_negated_so_that_it_is_maximised(net, data, individual):
    (fitness,) = dn.Supervised(net, *data)(individual)
    loss = F.cross_entropy(individual.module(net)(data[0]), data[1])
    assert fitness == pytest.approx(-loss.item())
    assert dn.Supervised.weights == (1.0,)


@pytest.mark.parametrize(
    ("loss", "one"), [("mse", F.mse_loss), ("l1", F.l1_loss), (nn.MSELoss(), F.mse_loss)]
)
def test_any_loss_is_returned_negated(net, data, individual, loss, one):
    inputs, _ = data
    targets = torch.randn(ROWS, CLASSES)
    (fitness,) = dn.Supervised(net, inputs, targets, loss=loss)(individual)
    assert fitness == pytest.approx(-one(individual.module(net)(inputs), targets).item())


def test_accuracy_is_the_fraction_of_rows_that_are_right(net, data, individual):
    (fitness,) = dn.Supervised(net, *data, fitness="accuracy")(individual)
    right = (individual.module(net)(data[0]).argmax(1) == data[1]).sum().item()
    assert fitness == right / ROWS


def test_accuracy_of_one_logit_is_the_fraction_of_signs_that_are_right(individual_class):
    net = nn.Linear(1, 1)
    inputs, targets = torch.tensor([[-1.0], [1.0], [2.0]]), torch.tensor([[0], [1], [0]])
    with torch.no_grad():
        net.weight.fill_(1.0)
        net.bias.fill_(0.0)
    task = dn.Supervised(net, inputs, targets, loss="bce_with_logits", fitness="accuracy")
    assert task(dn.initWeights(individual_class, net, sigma=0.0)) == (2 / 3,)


@pytest.mark.parametrize("loss", [nn.BCELoss(), F.binary_cross_entropy], ids=["module", "function"])
def test_accuracy_of_one_probability_is_decided_at_a_half(individual_class, loss):
    net = nn.Sequential(nn.Linear(1, 1), nn.Sigmoid())
    inputs = torch.tensor([[-1.0], [-2.0], [1.0], [-3.0]])
    with torch.no_grad():
        net[0].weight.fill_(1.0)
        net[0].bias.fill_(0.0)
    task = dn.Supervised(net, inputs, (inputs > 0).float(), loss=loss, fitness="accuracy")
    assert task(dn.initWeights(individual_class, net, sigma=0.0)) == (1.0,)


@pytest.mark.parametrize("loss", ["mse", "l1"])
def test_numbers_have_no_accuracy(net, data, loss):
    said = f'fitness="accuracy" counts classes, and loss="{loss}" compares numbers. Use loss="cross'
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.Supervised(net, *data, loss=loss, fitness="accuracy")


def test_every_position_of_a_segmentation_counts_once(individual_class):
    net = nn.Conv2d(1, 4, 3, padding=1)
    inputs, targets = torch.randn(5, 1, 6, 6), torch.randint(0, 4, (5, 6, 6))
    individual = dn.initWeights(individual_class, net, sigma=0.5)
    outputs = individual.module(net)(inputs)
    (accuracy,) = dn.Supervised(net, inputs, targets, fitness="accuracy")(individual)
    (fitness,) = dn.Supervised(net, inputs, targets)(individual)
    assert accuracy == (outputs.argmax(1) == targets).sum().item() / targets.numel()
    assert fitness == pytest.approx(-F.cross_entropy(outputs, targets).item())


@pytest.mark.parametrize("fitness", ["loss", "accuracy"])
def test_slices_equal_one_pass(net, data, individual, fitness, monkeypatch):
    task = dn.Supervised(net, *data, fitness=fitness)
    whole = task(individual)
    for rows in (1, 5, 11):
        monkeypatch.setattr(splits, "SLICE", rows)
        assert task(individual) == pytest.approx(whole, rel=1e-6)
        assert fitness == "loss" or task(individual) == whole


def test_more_than_a_thousand_rows_are_scored_in_slices(net, individual):
    inputs, targets = torch.randn(2500, FEATURES), torch.randint(0, CLASSES, (2500,))
    (fitness,) = dn.Supervised(net, inputs, targets)(individual)
    loss = F.cross_entropy(individual.module(net)(inputs), targets)
    assert fitness == pytest.approx(-loss.item(), rel=1e-6)


# Data


def test_arrays_and_lists_give_what_tensors_give(net, data, individual):
    inputs, targets = data
    expected = dn.Supervised(net, inputs, targets)(individual)
    read_only = inputs.numpy().copy()
    read_only.flags.writeable = False
    given = [
        (inputs.numpy(), targets.numpy()),
        (inputs.numpy().astype(np.float64), targets.numpy().astype(np.uint8)),
        (inputs.tolist(), targets.tolist()),
        (list(inputs.numpy()), tuple(targets.tolist())),
        (read_only, targets),
        (inputs.numpy()[::-1][::-1], targets.numpy().astype(np.int32)),
        (inputs.double(), targets.int()),
    ]
    for some_inputs, some_targets in given:
        assert dn.Supervised(net, some_inputs, some_targets)(individual) == expected


def test_arrays_in_reverse_are_taken(net, data, individual):
    inputs, targets = data
    task = dn.Supervised(net, inputs.numpy()[::-1], targets.numpy()[::-1])
    assert task(individual) == pytest.approx(dn.Supervised(net, inputs, targets)(individual))


@pytest.mark.parametrize(("inputs", "targets"), [(3, 2), (0, 0), (0, 2), (2, 0)])
@pytest.mark.parametrize("split", ["training", "validation", "test"])
def test_unequal_or_empty_splits_are_refused(net, data, split, inputs, targets):
    lot = (torch.zeros(inputs, FEATURES), torch.zeros(targets, dtype=torch.int64))
    said = (
        f"The {split} split has {inputs} inputs and {targets} targets; "
        "it needs as many of each, and at least one."
    )
    lots = (lot, {}) if split == "training" else (data, {split: lot})
    with pytest.raises(DataError, match=re.escape(said)):
        dn.Supervised(net, *lots[0], **lots[1])


DATASET = torch.utils.data.TensorDataset(torch.zeros(2, FEATURES))
NESTED = torch.nested.nested_tensor([torch.zeros(FEATURES)] * 2, layout=torch.jagged)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (DATASET, "are a TensorDataset, and tensors or arrays [rows, ...] are needed: inputs, tar"),
        (torch.utils.data.DataLoader(DATASET), "are a DataLoader, and tensors or arrays [rows, .."),
        (
            [[1.0, 2.0], [1.0]],
            "are no numbers that make an array: list. Give a tensor or array [ro",
        ),
        (["a", "b"], "are no numbers that make an array: list."),
        (None, "are no numbers that make an array: NoneType."),
        ({"a": [1.0]}, "are no numbers that make an array: dict."),
        (3, "are one number, and tensors or arrays [rows, ...] are needed."),
        (NESTED, "are a nested tensor. Pad it: torch.nested.to_padded_tensor."),
        (
            torch.eye(2).to_sparse(),
            "are a sparse tensor, whose rows cannot be cut: give to_dense().",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_array_of_rows_is_refused(net, values, said):
    with pytest.raises(DataError, match=re.escape(f"The training split's inputs {said}")):
        dn.Supervised(net, values, [0, 1])
    with pytest.raises(DataError, match=re.escape(f"The test split's targets {said}")):
        dn.Supervised(net, torch.zeros(2, FEATURES), [0, 1], test=(torch.zeros(2, 3), values))


def test_the_remedy_for_a_data_set_makes_tensors_of_it():
    dataset = [(torch.full((3,), float(row)), row % 2) for row in range(4)]
    inputs, targets = map(torch.stack, zip(*((x, torch.as_tensor(y)) for x, y in dataset)))  # noqa: B905  (as it is said)
    assert (inputs.shape, targets.tolist()) == ((4, 3), [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("low", "high", "wrong"), [(0, 2, "0 to 2"), (-1, 1, "-1 to 1"), (0, 255, "0 to 255")]
)
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_targets_that_are_no_class_are_refused(net, data, individual, split, low, high, wrong):
    bad = (data[0], data[1].clone())
    bad[1][0], bad[1][1] = low, high
    bad[1][2:].clamp_(0, 1)
    lots = {"train": data, split: bad}
    task = dn.Supervised(net, *lots.pop("train"), **lots)
    said = (
        f"The {split} split's targets run from {wrong}, but the network has 2 outputs: "
        "classes 0 to 1."
    )
    with pytest.raises(DataError, match=re.escape(said)):
        task(individual)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool])
def test_targets_that_are_no_integers_are_refused_by_cross_entropy(net, data, individual, dtype):
    task = dn.Supervised(net, data[0], data[1].to(dtype))
    said = (
        f"cross_entropy needs integer classes as targets, the train split has {dtype}. "
        'For numbers use loss="mse", for yes and no loss="bce_with_logits".'
    )
    with pytest.raises(DataError, match=re.escape(said)):
        task(individual)


def test_shapes_are_looked_at_before_the_range_of_the_classes(individual_class):
    net = nn.Linear(2, 9)  # inputs [5, 4, 2]: four places, and classes that come last
    task = dn.Supervised(net, torch.randn(5, 4, 2), torch.full((5, 4), 8))
    said = r"got \[5, 4, 9\] and \[5, 4\]\. Put the classes behind the rows"
    with pytest.raises(DataError, match=said):
        task(dn.initWeights(individual_class, net, sigma=0.1))


def test_rows_of_probabilities_are_told_which_loss_takes_them(net, data, individual):
    task = dn.Supervised(net, data[0], F.one_hot(data[1], CLASSES).float())
    with pytest.raises(DataError, match=r"probabilities use torch\.nn\.CrossEntropyLoss\(\)\.$"):
        task(individual)


def test_one_output_is_told_which_loss_takes_it(data, individual_class):
    net = nn.Linear(FEATURES, 1)
    task = dn.Supervised(net, data[0], torch.ones(ROWS, dtype=torch.int64))
    with pytest.raises(DataError, match=r'classes 0 to 0\. For yes and no use loss="bce_with_log'):
        task(dn.initWeights(individual_class, net, sigma=0.5))


def test_targets_of_another_shape_are_refused_by_mse(net, data, individual):
    task = dn.Supervised(net, data[0], torch.zeros(ROWS), loss="mse")
    said = r"a network's outputs are \[12, 2\], the targets \[12\]\. Return a value for each"
    with pytest.raises(DataError, match=said):
        task(individual)


def test_whole_numbers_as_inputs_are_refused_by_the_first_layer(net, individual):
    task = dn.Supervised(net, [[0, 0, 1], [0, 1, 0]], [0, 1])
    with pytest.raises(dn.errors.EvaluationError, match=r"of torch.float32, got \[2, 3\] of torch"):
        task(individual)


# Validation and test


@pytest.mark.parametrize(("share", "held"), [(0.25, 3), (0.5, 6), (0.01, 1), (0.9, 11)])
def test_a_share_is_held_out_from_the_end(net, data, share, held):
    splits = dn.Supervised(net, *data, validation=share).splits
    assert (len(splits.train), len(splits.validation)) == (ROWS - held, held)
    assert torch.equal(torch.cat([splits.train.inputs, splits.validation.inputs]), data[0])
    assert torch.equal(torch.cat([splits.train.targets, splits.validation.targets]), data[1])


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 2])
def test_a_share_is_a_part_of_the_rows(net, data, share):
    said = f"validation is a part of the training rows in (0, 1), got {share}."
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.Supervised(net, *data, validation=share)


def test_one_row_is_too_few_to_hold_some_out(net, data):
    with pytest.raises(DataError, match="1 training rows are too few to hold some out"):
        dn.Supervised(net, data[0][:1], data[1][:1], validation=0.5)


def test_fitness_comes_from_the_training_rows_alone(net, data, individual):
    held = (torch.randn(5, FEATURES), torch.randint(0, CLASSES, (5,)))
    alone = dn.Supervised(net, *data)(individual)
    assert dn.Supervised(net, *data, validation=held, test=held)(individual) == alone


@pytest.mark.parametrize("fitness", ["loss", "accuracy"])
def test_validate_returns_fitness_in_its_direction_and_the_figures(net, data, fitness, individual):
    held = (torch.randn(5, FEATURES), torch.randint(0, CLASSES, (5,)))
    task = dn.Supervised(net, *data, validation=held, fitness=fitness)
    figures = task.validate(task.networks(individual))
    outputs = individual.module(net)(held[0])
    loss = F.cross_entropy(outputs, held[1]).item()
    accuracy = (outputs.argmax(1) == held[1]).sum().item() / 5
    assert {name: value.tolist() for name, value in figures.items()} == {
        "fitness": [pytest.approx(-loss if fitness == "loss" else accuracy)],
        "validation_loss": [pytest.approx(loss)],
        "validation_accuracy": [accuracy],
    }


def test_without_a_validation_split_there_is_nothing_to_validate_on(net, data, individual):
    task = dn.Supervised(net, *data)
    assert task.validate(task.networks(individual)) == {}


def test_the_test_split_is_opened_by_measure_alone(net, data, individual):
    held = (torch.randn(5, FEATURES), torch.randint(0, CLASSES, (5,)))
    task = dn.Supervised(net, *data, validation=held, test=held)
    opened = []
    on = task._on
    task._on = lambda name, device: opened.append(name) or on(name, device)
    task(individual)
    task.validate(task.networks(individual))
    assert set(opened) == {"train", "validation"}
    assert set(task.measure(individual)) == {
        "validation_loss",
        "validation_accuracy",
        "test_loss",
        "test_accuracy",
    }
    assert "test" in opened


def test_measure_equals_plain_torch(net, data, individual):
    held = (torch.randn(5, FEATURES), torch.randint(0, CLASSES, (5,)))
    outputs = individual.module(net)(held[0])
    assert dn.Supervised(net, *data, test=held).measure(individual) == {
        "test_loss": pytest.approx(F.cross_entropy(outputs, held[1]).item()),
        "test_accuracy": (outputs.argmax(1) == held[1]).sum().item() / 5,
    }


def test_without_held_out_rows_measure_says_that_its_figures_are_of_training_rows(
    net, data, individual
):
    task = dn.Supervised(net, *data)
    assert set(task.measure(individual)) == {"train_loss", "train_accuracy"}


def test_a_regression_has_no_accuracy(net, data, individual):
    targets = torch.randn(ROWS, CLASSES)
    task = dn.Supervised(net, data[0], targets, loss="mse", test=(data[0], targets))
    assert set(task.measure(individual)) == {"test_loss"}


# Mini-batches


@pytest.mark.parametrize(
    ("batch_size", "fresh"), [(None, False), (ROWS, False), (ROWS + 1, False), (ROWS - 1, True)]
)
def test_scores_are_fresh_only_when_the_batch_is_smaller_than_the_data(
    net, data, batch_size, fresh
):
    assert dn.Supervised(net, *data, batch_size=batch_size).fresh is fresh


def test_all_individuals_of_a_generation_see_one_batch(net, data, individual):
    task = dn.Supervised(net, *data, batch_size=4)
    rows = batch_of(task)
    loss = F.cross_entropy(individual.module(net)(data[0][rows]), data[1][rows])
    assert task(individual) == (pytest.approx(-loss.item()),)
    assert task(individual) == task(individual)


@pytest.mark.parametrize(("batch_size", "batches"), [(4, 3), (5, 2), (1, 12), (11, 1)])
def test_an_epoch_visits_no_row_twice(net, data, batch_size, batches):
    task = dn.Supervised(net, *data, batch_size=batch_size)
    for epoch in range(3):
        rows = []
        for step in range(batches):
            rows += batch_of(task, epoch * batches + step)
        assert len(rows) == len(set(rows)) == batches * batch_size
        assert batches * batch_size < ROWS or set(rows) == set(range(ROWS))


def test_epochs_have_orders_of_their_own(net, data):
    task = dn.Supervised(net, *data, batch_size=6)
    first, second = ([*batch_of(task, 2 * e), *batch_of(task, 2 * e + 1)] for e in (0, 1))
    assert first != second


def test_all_of_the_data_draws_nothing(net, data):
    class Untouched(Stream):
        def words(self, count):
            raise AssertionError("drew")

    task = dn.Supervised(net, *data, batch_size=ROWS)
    task.prepare([], 0, Untouched(1))
    assert task.state_dict() == {"epoch_seed": 0, "cursor": -1}


@pytest.mark.parametrize("generation", range(5))
def test_a_restored_task_draws_what_the_old_one_would_have(net, data, generation):
    old, new = (dn.Supervised(net, *data, batch_size=5) for _ in range(2))
    for earlier in range(generation):
        batch_of(old, earlier)
    new.load_state_dict(old.state_dict())
    for later in range(generation, generation + 4):
        assert batch_of(new, later) == batch_of(old, later)


def test_who_never_prepares_is_told_and_disturbs_no_epoch(net, data, individual):
    task = dn.Supervised(net, *data, batch_size=4)
    before = task.state_dict()
    said = (
        'Evaluator "Supervised" was not prepared, so every generation sees the same 4 rows. '
        "deapnets.PopulationMap as the toolbox's map prepares it once a generation."
    )
    with pytest.warns(UserWarning, match=re.escape(said)) as caught:
        scores = [task(individual), task(individual)]
    assert len(caught) == 1
    assert scores[0] == scores[1]
    assert task.state_dict() == before
    untouched = dn.Supervised(net, *data, batch_size=4)
    assert batch_of(task) == batch_of(untouched)


# Options


@pytest.mark.parametrize(
    ("batch_size", "said"),
    [
        (0, "batch_size is at least 1, got 0."),
        (-3, "batch_size is at least 1, got -3."),
        (2.5, "batch_size is a whole number, got 2.5."),
        ("512", "batch_size is a whole number, got '512'."),
    ],
)
def test_a_batch_has_at_least_one_row(net, data, batch_size, said):
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.Supervised(net, *data, batch_size=batch_size)


def test_an_unknown_fitness_is_refused_with_the_near_one(net, data):
    said = 'Unknown fitness "acuracy". Did you mean "accuracy"? Valid: accuracy, loss.'
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.Supervised(net, *data, fitness="acuracy")


def test_an_unknown_loss_is_refused_before_any_data_is_loaded(net, data):
    with pytest.raises(OptionError, match='Unknown loss "msee"'):
        dn.Supervised(net, *data, loss="msee")


# The base for plugins


class Lazy(dn.SupervisedTask):
    """A task that notes what is opened."""

    def __init__(self, **options):
        super().__init__(**options)
        self.opened = []

    def module(self):
        self.opened.append("module")
        return nn.Linear(FEATURES, CLASSES)

    def load(self):
        self.opened.append("data")
        rows = dn.Split(torch.randn(ROWS, FEATURES), torch.randint(0, CLASSES, (ROWS,)))
        return dn.Splits(rows)


def test_a_task_opens_module_and_data_once_and_on_first_use(individual_class):
    task = Lazy()
    assert task.opened == []
    individual = dn.initWeights(individual_class, task.genome(), sigma=0.1)
    assert task.opened == ["module"]
    assert math.isfinite(task(individual)[0])
    task(individual)
    assert task.opened == ["module", "data"]
    assert task.genome() is task.genome()


def test_the_order_of_an_epoch_does_not_hang_on_pythons_random(net, data):
    first, second = (dn.Supervised(net, *data, batch_size=4) for _ in range(2))
    rows = batch_of(first)
    random.random()
    assert batch_of(second) == rows


class Twin(torch.nn.Module):
    """Two outputs: logits, and a value."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)

    def forward(self, inputs):
        outputs = self.layer(inputs)
        return {"logits": outputs[:, :2], "value": outputs[:, 2]}


def test_a_loss_of_ones_own_gets_all_that_a_network_returns(individual_class):
    net, inputs, targets = Twin(), torch.randn(8, 3), torch.randint(2, (8,))

    def loss(outputs, targets):
        assert sorted(outputs) == ["logits", "value"]
        fit = torch.nn.functional.cross_entropy(outputs["logits"], targets)
        return fit + outputs["value"].square().mean()

    evaluator = dn.Supervised(net, inputs, targets, loss=loss)
    lot = [dn.initWeights(individual_class, net, sigma=0.5) for _ in range(3)]
    fitnesses = dn.PopulationMap(device="cpu")(evaluator, lot)
    for individual, (fitness,) in zip(lot, fitnesses, strict=True):
        with torch.no_grad():
            expected = -float(loss(individual.module(net)(inputs), targets))
        assert fitness == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"loss": "cross_entropy"}, 'loss "cross_entropy"'),
        ({"loss": "mse"}, 'loss "mse"'),
        ({"fitness": "accuracy"}, "accuracy"),
    ],
)
def test_several_outputs_without_a_loss_for_them_are_refused(options, what, individual_class):
    net = Twin()
    evaluator = dn.Supervised(net, torch.randn(8, 3), torch.randint(2, (8,)), **options)
    said = f"The network returns a dict, and {what} takes one tensor. Give loss= a function of"
    with pytest.raises(EvaluationError, match=said):
        evaluator(dn.initWeights(individual_class, net, sigma=0.5))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nn.Linear, "got the class Linear"),
        (lambda: nn.DataParallel(nn.Linear(3, 2)), "net.module"),
        (lambda: nn.Linear(3, 2, device="meta"), "is on the meta device"),
        (lambda: prune.identity(nn.Linear(3, 2), "weight"), "prune.remove"),
    ],
    ids=["a class", "divided", "meta", "pruned"],
)
def test_a_module_of_which_there_can_be_no_copies_is_refused_at_once(make, said):
    with pytest.raises(LayoutError, match=said):
        dn.Supervised(make(), torch.randn(4, 3), torch.tensor([0, 1, 0, 1]))
