"""Losses of a whole chunk: ``outputs [n, batch, ...]`` and ``targets [batch, ...]`` to ``[n]``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from deapnets.errors import DataError, EvaluationError, OptionError, unknown

if TYPE_CHECKING:  # a plugin's class needs the names of losses: importing it loads nothing heavy
    import torch

    Loss = Callable[[Any, torch.Tensor], torch.Tensor]

_FEW_CLASSES = 64
"""Up to here one class after the other is faster on a CPU than torch's maximum with indices."""


def _means(losses: torch.Tensor) -> torch.Tensor:
    """Return the mean of each network's losses ``[n, ...]``: ``[n]``.

    One network is taken twice: torch would split a single sum between threads, and round it
    differently than in company.
    """
    rows = losses.flatten(1)
    return (rows if len(rows) > 1 else rows.expand(2, -1)).mean(1)[: len(losses)]


def cross_entropy(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of logits and classes.

    Logits ``[n, batch, classes, ...]``, targets ``[batch, ...]``: torch's shapes behind ``n``.
    """
    import torch

    require_logits(outputs, targets)
    logits = outputs.transpose(1, 2)  # classes before the batch: contiguous after a stacked path
    chosen = targets.long().expand(len(logits), 1, *targets.shape)
    return -_means(torch.log_softmax(logits, 1).gather(1, chosen))


def require_logits(outputs: torch.Tensor, targets: torch.Tensor) -> None:
    """Raise a `DataError` unless there is a target for each row and place of the logits.

    `torch.Tensor.gather` would take fewer of them, and score what nobody meant.
    """
    shape = outputs.shape[1:]
    if len(shape) < 2 or (shape[0], *shape[2:]) != targets.shape:
        raise DataError(
            "cross_entropy needs a network's outputs [rows, classes, ...] and targets [rows, ...], "
            f"got {list(shape)} and {list(targets.shape)}. {_remedy(shape, targets.shape)}"
        )


def _remedy(outputs: torch.Size, targets: torch.Size) -> str:
    """Return what to do about a network's outputs that do not fit their classes."""
    if outputs == targets and len(outputs) > 1:
        return "Give classes in place of one-hot rows: targets.argmax(1)."
    if len(outputs) < 2:
        return 'Return a score for each class; for yes and no use loss="bce_with_logits".'
    if outputs[0] == targets.numel() != targets[0] and len(outputs) == 2:
        places = ", ".join(map(str, (-1, *targets[1:])))
        return f"Keep the places apart: outputs.unflatten(0, ({places})).movedim(-1, 1)."
    if outputs[0] != targets[0]:
        return "Return scores for each row of the inputs, and no others."
    if targets[1:2] == (1,) and targets[2:] == outputs[2:]:
        return "Give one class a row: targets.squeeze(1)."
    if outputs[:-1] == targets:
        return "Put the classes behind the rows: outputs.movedim(-1, 1)."
    return "Each place of the outputs needs a class: pool, crop or resize one of them."


def _alike(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return targets to compare with every network's outputs; a `DataError` on other shapes.

    Broadcasting would compare ``[batch, 1]`` with ``[batch]`` as every row with every other.
    """
    if outputs.shape[1:] != targets.shape:
        same = outputs.shape[1:].numel() == targets.numel()
        remedy = "Reshape the targets." if same else "Return a value for each target."
        raise DataError(
            f"This loss compares outputs and targets of one shape: a network's outputs are "
            f"{list(outputs.shape[1:])}, the targets {list(targets.shape)}. {remedy}"
        )
    return targets.to(outputs.dtype)


def mse(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error; outputs ``[n, *shape]``, targets ``[*shape]``."""
    return _means((outputs - _alike(outputs, targets)).square())


def l1(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute error; outputs ``[n, *shape]``, targets ``[*shape]``."""
    return _means((outputs - _alike(outputs, targets)).abs())


def bce_with_logits(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean binary cross-entropy of logits and targets in [0, 1] of one shape."""
    from torch.nn import functional

    wanted = _alike(outputs, targets).expand_as(outputs)
    return _means(functional.binary_cross_entropy_with_logits(outputs, wanted, reduction="none"))


LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy,
    "mse": mse,
    "l1": l1,
    "bce_with_logits": bce_with_logits,
}


def resolve(loss: str | Callable[[torch.Tensor, torch.Tensor], Any]) -> Loss:
    """Return the chunk's loss for a name, or for any torch loss of one network.

    A callable gets the outputs ``[batch, ...]`` and the targets of one network and returns a
    scalar, as `torch.nn.functional` and the modules of `torch.nn` do. Where a network returns a
    tuple, list or dict of tensors, the callable gets that.

    Raises
    ------
    OptionError
        When the name is unknown, or the loss is a class or one of no reduction.
    """
    if isinstance(loss, type):
        name = loss.__name__
        raise OptionError(f"loss={name} is a class: give an instance of it, loss={name}().")
    if type(loss).__module__.startswith("torch.nn.") and getattr(loss, "reduction", "") == "none":
        name = type(loss).__name__
        raise OptionError(
            f'loss={name}(reduction="none") returns a number a row, and fitness is one a network: '
            'use reduction="mean".'
        )
    if callable(loss):
        return _each_by(loss)
    if not isinstance(loss, str) or loss not in LOSSES:
        raise OptionError(unknown("loss", str(loss), LOSSES))
    return LOSSES[loss]


def _each_by(one: Callable[[torch.Tensor, torch.Tensor], Any]) -> Loss:
    import torch

    return lambda outputs, targets: torch.stack(
        [_number(one(output, targets)) for output in _of_each(outputs)]
    )


def _number(value: Any) -> torch.Tensor:
    """Return what a loss of one's own returned as a tensor of no dimension.

    Raises
    ------
    EvaluationError
        When it is not one real number.
    """
    import torch

    try:
        number = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise EvaluationError(
            f"The loss returned {type(value).__name__}; it returns one number for a network."
        ) from error
    if number.is_complex():
        raise EvaluationError(
            "The loss returned a complex number, which has no order: take its real part or its "
            "size, abs()."
        )
    if number.numel() != 1:
        raise EvaluationError(
            f"The loss returned numbers of shape {list(number.shape)}; it returns one for a "
            'network, such as their mean: reduction="mean".'
        )
    return number.reshape(())


def _of_each(outputs: Any) -> list[Any]:
    """Return the outputs of each network: of a tensor ``[n, ...]``, or of a tree of them."""
    from deapnets.networks.trees import tensors_of, with_tensors

    tensors = tensors_of(outputs)
    return [with_tensors(outputs, iter(own)) for own in zip(*tensors, strict=True)]


_LOSS_FOR_IT = "Give loss= a function of (outputs, targets), or"


def require_tensor(outputs: Any, what: str, give: str = _LOSS_FOR_IT) -> None:
    """Raise an `EvaluationError` unless networks return a plain tensor of real numbers.

    ``what`` is what needs one, ``give`` what the remedy begins with.
    """
    import torch

    if not isinstance(outputs, torch.Tensor):
        raise EvaluationError(
            f"The network returns a {type(outputs).__name__}, and {what} takes one tensor. {give} "
            "a module that picks the output."
        )
    kind = _unfit(outputs)
    if kind:
        raise EvaluationError(
            f"The network returns {kind}, and {what} takes a plain one of real numbers. {give} "
            "a module that turns the output into one."
        )


def _unfit(outputs: torch.Tensor) -> str:
    """Return in words what keeps a tensor from being compared with targets; "" for nothing."""
    import torch

    if outputs.is_complex():
        return "a complex tensor"
    return "" if outputs.layout == torch.strided else "a sparse tensor"


def middle_of(loss: str | Callable[[torch.Tensor, torch.Tensor], Any]) -> float:
    """Return above which output a binary class is yes: 0 for logits, 0.5 for probabilities.

    Outputs are probabilities where the loss is torch's for them.

    Raises
    ------
    OptionError
        When the loss compares numbers, which are no classes.
    """
    if isinstance(loss, str) and loss in ("mse", "l1"):
        raise OptionError(
            f'fitness="accuracy" counts classes, and loss="{loss}" compares numbers. Use '
            'loss="cross_entropy", loss="bce_with_logits" or a function, or fitness="loss".'
        )
    if isinstance(loss, str):
        return 0.0
    from torch import nn
    from torch.nn import functional

    chances = isinstance(loss, nn.BCELoss) or loss is functional.binary_cross_entropy
    return 0.5 if chances else 0.0


def hits(outputs: torch.Tensor, targets: torch.Tensor, middle: float = 0.0) -> torch.Tensor:
    """Return how often the largest logit is the target's, float64 ``[n]``; NaN beside NaN logits.

    Logits ``[n, batch, classes, ...]``, targets ``[batch, ...]``; or ``[n, batch]`` and
    ``[n, batch, 1]`` for one output of a binary class, which is yes above the ``middle``. Of equal
    logits the first counts.
    """
    if outputs.dim() < 3 or outputs.shape[2] == 1:
        values = outputs.reshape(len(outputs), -1)
        if values.shape[1] != targets.numel():
            raise _no_class_each(outputs, outputs.shape[1:], targets)
        right = (values > middle) == (targets.reshape(-1) > 0.5)
    else:
        values, labels = _largest(outputs)
        if labels.shape[1:] != targets.shape:
            raise _no_class_each(outputs, labels.shape[1:], targets)
        right = labels == targets
    broken = values.isnan().flatten(1).any(1)
    return right.flatten(1).sum(1).double().masked_fill_(broken, math.nan)


def _no_class_each(outputs: torch.Tensor, wanted: torch.Size, targets: torch.Tensor) -> DataError:
    return DataError(
        f"Accuracy needs one class a row: targets {list(wanted)} for a network's outputs "
        f"{list(outputs.shape[1:])}, got {list(targets.shape)}."
    )


def _largest(outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the largest logit and its class, the first of equals: ``[n, batch, ...]`` each."""
    if outputs.shape[2] > _FEW_CLASSES:
        values, labels = outputs.max(2)
        return values, labels
    import torch

    best = outputs[:, :, 0]
    winner = torch.zeros_like(best, dtype=torch.int16)
    for label in range(1, outputs.shape[2]):
        logit = outputs[:, :, label]
        winner = torch.maximum(winner, (logit > best).to(torch.int16).mul_(label))
        best = torch.maximum(best, logit)
    return best, winner
