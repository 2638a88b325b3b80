"""Losses of a whole chunk: ``outputs [n, batch, ...]`` and ``targets [batch, ...]`` to ``[n]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from deapnets.errors import OptionError, unknown

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def cross_entropy(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of logits and classes.

    Logits ``[n, batch, classes, ...]``, targets ``[batch, ...]``: torch's shapes behind ``n``.
    """
    logits = outputs.transpose(1, 2)  # classes before the batch: contiguous after a stacked path
    chosen = targets.expand(len(logits), 1, *targets.shape)
    return -torch.log_softmax(logits, 1).gather(1, chosen).flatten(1).mean(1)


def mse(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error."""
    return (outputs - targets).square().flatten(1).mean(1)


def l1(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute error."""
    return (outputs - targets).abs().flatten(1).mean(1)


def bce_with_logits(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean binary cross-entropy of logits and targets in [0, 1] of one shape."""
    wanted = targets.to(outputs.dtype).expand_as(outputs)
    losses = F.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
    return losses.flatten(1).mean(1)


LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy,
    "mse": mse,
    "l1": l1,
    "bce_with_logits": bce_with_logits,
}


def resolve(loss: str | Callable[[torch.Tensor, torch.Tensor], Any]) -> Loss:
    """Return the chunk's loss for a name, or for any torch loss of one network.

    A callable gets the outputs ``[batch, ...]`` and the targets of one network and returns a
    scalar, as `torch.nn.functional` and the modules of `torch.nn` do.

    Raises
    ------
    OptionError
        When the name is unknown.
    """
    if callable(loss):
        one = loss
        return lambda outputs, targets: torch.stack(
            [torch.as_tensor(one(output, targets)) for output in outputs]
        )
    if loss not in LOSSES:
        raise OptionError(unknown("loss", loss, LOSSES))
    return LOSSES[loss]


def hits(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return how often the largest logit is the target's, as counts ``[n]``.

    ``outputs`` is ``[n, batch, classes]``, or ``[n, batch]`` and ``[n, batch, 1]`` for one logit
    of a binary class. Of equal logits the first counts, as in `torch.argmax`.
    """
    if outputs.dim() == 2 or outputs.shape[2] == 1:
        decided = outputs.reshape(len(outputs), -1) > 0
        return (decided == (targets.reshape(-1) > 0.5)).sum(1)
    best = outputs[:, :, 0].clone()
    winner = torch.zeros_like(best, dtype=torch.int16)
    for label in range(1, outputs.shape[2]):  # torch.argmax is twenty times slower on a CPU
        logit = outputs[:, :, label]
        winner = torch.maximum(winner, (logit > best).to(torch.int16).mul_(label))
        best = torch.maximum(best, logit)
    return (winner == targets.to(torch.int16)).sum(1)
