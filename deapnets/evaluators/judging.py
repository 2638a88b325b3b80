"""`Judge`: what the outputs of a chunk are worth beside their targets: mean loss, and hits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

from deapnets.evaluators import losses
from deapnets.evaluators.splits import Split, Splits, require_classes, require_integers

if TYPE_CHECKING:  # a plugin's class needs this: importing it loads nothing heavy
    import torch


@final
class Judge:
    """Mean loss and hits of each network of a chunk; what cannot be judged is refused.

    Parameters
    ----------
    loss
        The name of a loss, or a torch loss of one network.
    fitness
        ``"loss"`` or ``"accuracy"``: which of the two is to be maximised.

    Attributes
    ----------
    loss
        The chunk's loss: ``outputs [n, rows, ...]`` and ``targets [rows, ...]`` to ``[n]``.
    named
        Whether it is one of the library's own: a mean over rows, so that the mean of slices is it.
    counts
        Whether hits are counted where nobody asks for the loss alone.
    """

    def __init__(
        self, loss: str | Callable[[torch.Tensor, torch.Tensor], Any], fitness: str
    ) -> None:
        self.loss = losses.resolve(loss)
        self.named = self.loss in losses.LOSSES.values()
        self.counts = loss == "cross_entropy" or fitness == "accuracy"
        self._middle = losses.middle_of(loss) if fitness == "accuracy" else 0.0
        self._checked = False

    def joins(self, only: str) -> bool:
        """Whether the outputs of all rows are judged together: a loss may be no mean over rows."""
        return only != "accuracy" and not self.named

    def judge(
        self, outputs: Any, count: int, part: Split, splits: Splits, only: str = ""
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean loss and hits ``[n], [n]`` of ``outputs [n, rows, ...]``, float64.

        Parameters
        ----------
        outputs
            What ``count`` networks return for the rows of ``part``.
        part
            Rows of a split.
        splits
            All that will be judged: their classes are looked at once.
        only
            ``"loss"`` or ``"accuracy"``; the one not asked for stays zero.
        """
        import torch

        self._require_tensor(outputs, only)
        self._require_classes(outputs, part.targets, splits)
        nothing = torch.zeros(count, dtype=torch.float64, device=part.inputs.device)
        loss = nothing if only == "accuracy" else self.loss(outputs, part.targets).double()
        counts = only != "loss" and self.counts
        return loss, losses.hits(outputs, part.targets, self._middle) if counts else nothing

    def _require_tensor(self, outputs: Any, only: str) -> None:
        """Raise an `EvaluationError` where a tuple or dict meets what takes one tensor."""
        if only != "accuracy" and self.named:
            losses.require_tensor(outputs, f'loss "{self.loss.__name__}"')
        if only != "loss" and self.counts:
            losses.require_tensor(outputs, "accuracy")

    def _require_classes(
        self, outputs: torch.Tensor, targets: torch.Tensor, splits: Splits
    ) -> None:
        """Raise a `DataError` when a target is no class of the outputs; looks once."""
        if self._checked or self.loss is not losses.cross_entropy:
            return
        named = {name: getattr(splits, name) for name in ("train", "validation", "test")}
        lots = {name: split.targets for name, split in named.items() if split is not None}
        for name, lot in lots.items():
            require_integers(name, lot)
        losses.require_logits(outputs, targets)
        for name, lot in lots.items():
            require_classes(name, lot, outputs.shape[2])
        self._checked = True
