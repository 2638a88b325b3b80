import math
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from deapnets.errors import DataError, EvaluationError, OptionError
from deapnets.evaluators import losses

TORCH = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "bce_with_logits": F.binary_cross_entropy_with_logits,
}


def rows_of(one, outputs, targets):
    return torch.stack([one(output, targets) for output in outputs])


@pytest.mark.parametrize("extra", [(), (3,), (3, 2)])
@pytest.mark.parametrize("features_first", [False, True])
def test_cross_entropy_is_torchs_own_for_every_row(extra, features_first):
    outputs = torch.randn(4, 6, 5, *extra)
    if features_first:  # as a stacked path returns them
        outputs = outputs.transpose(1, 2).contiguous().transpose(1, 2)
    targets = torch.randint(0, 5, (6, *extra))
    expected = rows_of(F.cross_entropy, outputs, targets)
    torch.testing.assert_close(losses.cross_entropy(outputs, targets), expected)


@pytest.mark.parametrize(
    ("outputs", "targets", "remedy"),
    [
        ([50, 7, 9], [50, 7], "Put the classes behind the rows: outputs.movedim(-1, 1)."),
        ([5, 3, 4, 9], [5, 3, 4], "Put the classes behind the rows: outputs.movedim(-1, 1)."),
        ([35, 9], [5, 7], "Keep the places apart: outputs.unflatten(0, (-1, 7)).movedim(-1, 1)."),
        ([8, 2], [8, 1], "Give one class a row: targets.squeeze(1)."),
        ([4, 3, 8, 8], [4, 1, 8, 8], "Give one class a row: targets.squeeze(1)."),
        ([8, 2], [8, 2], "Give classes in place of one-hot rows: targets.argmax(1)."),
        ([16, 2], [8], "Return scores for each row of the inputs, and no others."),
        ([4, 2], [8], "Return scores for each row of the inputs, and no others."),
        ([8], [8], 'Return a score for each class; for yes and no use loss="bce_with_logits".'),
        ([], [8], 'Return a score for each class; for yes and no use loss="bce_with_logits".'),
        ([4, 3, 8, 8], [4, 6, 6], "Each place of the outputs needs a class: pool, crop or"),
        ([5, 7, 9], [5], "Each place of the outputs needs a class: pool, crop or resize one"),
    ],
)
def test_classes_that_do_not_fit_the_logits_are_refused_with_the_remedy(outputs, targets, remedy):
    said = (
        "cross_entropy needs a network's outputs [rows, classes, ...] and targets [rows, ...], "
        f"got {outputs} and {targets}. {remedy}"
    )
    with pytest.raises(DataError, match=re.escape(said)):
        losses.cross_entropy(torch.zeros(3, *outputs), torch.zeros(targets, dtype=torch.int64))


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 3), (6, 3, 2)])
def test_a_loss_of_one_shape_is_torchs_own_for_every_row(name, shape):
    outputs, targets = torch.randn(4, *shape), torch.rand(*shape)
    expected = rows_of(TORCH[name], outputs, targets)
    torch.testing.assert_close(losses.resolve(name)(outputs, targets), expected)


@pytest.mark.parametrize("name", TORCH)
def test_integer_targets_count_as_numbers(name):
    outputs, targets = torch.randn(4, 6), torch.randint(0, 2, (6,))
    expected = rows_of(TORCH[name], outputs, targets.float())
    torch.testing.assert_close(losses.resolve(name)(outputs, targets), expected)


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.parametrize(
    ("outputs", "targets", "remedy"),
    [
        ([6, 1], [6], "Reshape the targets."),
        ([6], [6, 1], "Reshape the targets."),
        ([6, 2], [6, 3], "Return a value for each target."),
        ([], [6], "Return a value for each target."),
        ([12], [6], "Return a value for each target."),
    ],
)
def test_shapes_that_would_be_broadcast_are_refused(name, outputs, targets, remedy):
    said = (
        "This loss compares outputs and targets of one shape: a network's outputs are "
        f"{outputs}, the targets {targets}. {remedy}"
    )
    with pytest.raises(DataError, match=re.escape(said)):
        losses.resolve(name)(torch.zeros(4, *outputs), torch.zeros(targets))


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (F.cross_entropy, "cross_entropy"),
        (nn.CrossEntropyLoss(), "cross_entropy"),
        (F.mse_loss, "mse"),
        (nn.MSELoss(), "mse"),
        (nn.BCEWithLogitsLoss(), "bce_with_logits"),
    ],
    ids=str,
)
def test_torchs_callable_gives_what_its_name_gives(loss, name):
    outputs = torch.randn(4, 6, 5)
    classes = torch.randint(0, 5, (6,))
    targets = classes if name == "cross_entropy" else F.one_hot(classes, 5).float()
    torch.testing.assert_close(
        losses.resolve(loss)(outputs, targets), losses.resolve(name)(outputs, targets)
    )


def test_a_callable_may_return_a_plain_number():
    loss = losses.resolve(lambda output, target: float(output.sum() - target.sum()))
    assert loss(torch.ones(3, 2, 1), torch.ones(2)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("value", [torch.ones(1), torch.ones(1, 1), np.float64(1.0), 1])
def test_one_number_is_taken_in_any_shape(value):
    loss = losses.resolve(lambda output, target: value)
    assert loss(torch.ones(3, 2), torch.ones(2)).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            torch.ones(8),
            "The loss returned numbers of shape [8]; it returns one for a network, such",
        ),
        (None, "The loss returned NoneType; it returns one number for a network."),
        ((1.0, torch.ones(2)), "The loss returned tuple; it returns one number for a network."),
        (torch.tensor(1j), "The loss returned a complex number, which has no order: take its real"),
        (1j, "The loss returned a complex number, which has no order: take its real part or"),
    ],
)
def test_a_loss_that_returns_no_real_number_is_refused(value, said):
    loss = losses.resolve(lambda output, target: value)
    with pytest.raises(EvaluationError, match=re.escape(said)):
        loss(torch.ones(3, 2), torch.ones(2))


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (nn.CrossEntropyLoss, "loss=CrossEntropyLoss is a class: give an instance of it, loss=Cro"),
        (
            nn.MSELoss(reduction="none"),
            'loss=MSELoss(reduction="none") returns a number a row, and',
        ),
        (None, 'Unknown loss "None". Valid: bce_with_logits, cross_entropy, l1, mse.'),
        (["mse"], "Did you mean"),
    ],
    ids=["class", "none", "None", "list"],
)
def test_what_is_no_loss_of_a_network_is_refused_at_once(loss, said):
    with pytest.raises(OptionError, match=re.escape(said)):
        losses.resolve(loss)


def test_a_loss_that_reduces_by_itself_is_taken():
    class Focal(nn.CrossEntropyLoss):
        def __init__(self):
            super().__init__(reduction="none")

        def forward(self, outputs, targets):
            entropy = super().forward(outputs, targets)
            return ((1 - torch.exp(-entropy)) ** 2 * entropy).mean()

    outputs, targets = torch.randn(2, 4, 3), torch.tensor([0, 2, 1, 1])
    found = losses.resolve(Focal())(outputs, targets)
    torch.testing.assert_close(found, torch.stack([Focal()(one, targets) for one in outputs]))


@pytest.mark.parametrize(
    ("outputs", "kind"),
    [
        (torch.ones(3, 4) * 1j, "a complex tensor"),
        (torch.ones(3, 4).to_sparse(), "a sparse tensor"),
    ],
)
def test_outputs_that_are_not_plain_are_refused_by_name(outputs, kind):
    said = f'The network returns {kind}, and loss "mse" takes a plain one of real numbers. Give'
    with pytest.raises(EvaluationError, match=re.escape(said)):
        losses.require_tensor(outputs, 'loss "mse"')


def test_an_unknown_loss_is_refused_with_the_near_one():
    said = (
        'Unknown loss "cross_entrpy". Did you mean "cross_entropy"? '
        "Valid: bce_with_logits, cross_entropy, l1, mse."
    )
    with pytest.raises(OptionError, match=re.escape(said)):
        losses.resolve("cross_entrpy")


@pytest.mark.parametrize("classes", [2, 3, 10, 64, 65, 40_000])
@pytest.mark.parametrize("features_first", [False, True])
def test_hits_count_where_argmax_is_the_target(classes, features_first):
    outputs = torch.randn(4, 6, classes)
    if features_first:
        outputs = outputs.transpose(1, 2).contiguous().transpose(1, 2)
    targets = outputs[0].argmax(1)
    expected = (outputs.argmax(2) == targets).sum(1)
    assert losses.hits(outputs, targets).tolist() == expected.tolist()
    assert expected[0] == 6


@pytest.mark.parametrize("classes", [5, 70])
@pytest.mark.parametrize("features_first", [False, True])
def test_of_equal_logits_the_first_counts(features_first, classes):
    outputs = torch.randint(-1, 2, (50, 40, classes)).float()
    if features_first:
        outputs = outputs.transpose(1, 2).contiguous().transpose(1, 2)
    first = torch.from_numpy(outputs.numpy().argmax(2))  # numpy promises the first
    targets = torch.randint(0, 5, (40,))  # where the first of so many is likely to be
    assert losses.hits(outputs, targets).tolist() == (first == targets).sum(1).tolist()


def test_hits_count_every_position_of_extra_dimensions():
    outputs, targets = torch.randn(4, 6, 5, 3, 2), torch.randint(0, 5, (6, 3, 2))
    expected = [int((output.argmax(1) == targets).sum()) for output in outputs]
    assert losses.hits(outputs, targets).tolist() == expected


@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 1)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.bool])
def test_one_logit_decides_by_its_sign(shape, dtype):
    logits = torch.tensor([[-1.0, 1.0, 2.0, -2.0], [1.0, 1.0, 1.0, 0.0]]).reshape(shape)
    targets = torch.tensor([0, 1, 0, 1]).to(dtype)
    assert losses.hits(logits, targets).tolist() == [2, 1]


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3)])
def test_logits_that_are_nan_score_nan_not_chance(shape):
    logits = torch.ones(3, *shape)
    logits[1, -1] = torch.nan
    right, broken, other = losses.hits(logits, torch.zeros(4, dtype=torch.int64)).tolist()
    assert math.isnan(broken)
    assert right == other


def test_targets_that_are_no_class_a_row_are_refused():
    said = "Accuracy needs one class a row: targets [4] for a network's outputs [4, 3], got [4, 3]."
    with pytest.raises(DataError, match=re.escape(said)):
        losses.hits(torch.zeros(2, 4, 3), torch.zeros(4, 3))


@pytest.mark.parametrize(
    ("outputs", "targets"), [([16, 1], [8]), ([16], [8]), ([4, 1], [8]), ([], [8])]
)
def test_logits_of_other_rows_than_the_targets_are_refused(outputs, targets):
    said = f"targets {outputs} for a network's outputs {outputs}, got {targets}."
    with pytest.raises(DataError, match=re.escape(said)):
        losses.hits(torch.zeros(2, *outputs), torch.zeros(targets))


@pytest.mark.parametrize("name", losses.LOSSES)
def test_the_bits_of_a_loss_depend_neither_on_its_chunk_nor_on_threads(name, threads):
    outputs = torch.randn(4, 50, 10, 700)
    targets = (
        torch.randint(0, 10, (50, 700)) if name == "cross_entropy" else torch.rand(50, 10, 700)
    )
    loss = losses.resolve(name)
    expected = loss(outputs, targets)
    for count in (1, 2):
        threads(count)
        for chunk in (1, 3, 4):
            lots = [loss(lot, targets) for lot in outputs.split(chunk)]
            assert torch.equal(torch.cat(lots), expected), f"chunk {chunk}, {count} threads"
