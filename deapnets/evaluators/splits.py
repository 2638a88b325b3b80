"""`Split` and `Splits`: inputs and targets that belong together, and what each part is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deapnets.errors import DataError, OptionError

if TYPE_CHECKING:  # a plugin imports this: it loads nothing heavy
    import numpy as np
    import torch

    Array = torch.Tensor | np.ndarray | Sequence[Any]

SLICE = 1000
"""Rows that go through a chunk at once: bounds the activations whatever the size of the split."""


@dataclass(frozen=True)
class Split:
    """Inputs ``[rows, ...]`` and targets ``[rows, ...]`` that belong together.

    Parameters
    ----------
    inputs, targets
        Tensors of as many rows each.
    more
        What a module takes besides ``inputs``: tensors ``[rows, ...]``, in the order of its
        ``forward``.

    Examples
    --------
    >>> import torch
    >>> split = Split(torch.arange(6.0).view(3, 2), torch.tensor([0, 1, 0]))
    >>> len(split), split.take(torch.tensor([2])).inputs.tolist()
    (3, [[4.0, 5.0]])
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    more: tuple[torch.Tensor, ...] = ()

    @classmethod
    def of(cls, inputs: Array | tuple[Array, ...], targets: Array, name: str) -> Split:
        """Return a split of tensors or arrays; a tuple of inputs is what a module takes several of.

        Raises
        ------
        DataError
            When there are no rows, or more of one than of another; or what is no array of numbers.
        """
        several = inputs if _are_several(inputs) else (inputs,)
        first, *more = (_tensor(part, f"The {name} split's inputs") for part in several)
        split = cls(first, _tensor(targets, f"The {name} split's targets"), tuple(more))
        counts = [len(tensor) for tensor in split.arguments]
        if set(counts) != {len(split.targets)} or not len(split):
            raise DataError(
                f"The {name} split has {' and '.join(map(str, counts))} inputs and "
                f"{len(split.targets)} targets; it needs as many of each, and at least one."
            )
        return split

    @property
    def arguments(self) -> tuple[torch.Tensor, ...]:
        """What the module's ``forward`` takes, in its order."""
        return (self.inputs, *self.more)

    def __len__(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device) -> Split:
        """Return the split on a device."""
        if self.inputs.device == device:
            return self
        return self._each(lambda tensor: tensor.to(device))

    def take(self, rows: torch.Tensor) -> Split:
        """Return the rows of these indices ``[k]``."""
        at = rows.to(self.inputs.device)
        return self._each(lambda tensor: tensor[at])

    def first(self, rows: int | None) -> Split:
        """Return the first rows; all of them for None."""
        return self._each(lambda tensor: tensor[:rows])

    def is_cut(self, rows: int | None = None) -> bool:
        """Whether `slices` cuts it."""
        return len(self) > (SLICE if rows is None else rows)

    def slices(self, rows: int | None = None) -> Iterator[Split]:
        """Yield the split in order, a thousand ``rows`` at a time unless told otherwise."""
        height = SLICE if rows is None else rows
        for start in range(0, len(self), height):
            part = slice(start, start + height)
            yield Split(self.inputs[part], self.targets[part], tuple(x[part] for x in self.more))

    def _each(self, function: Callable[[torch.Tensor], torch.Tensor]) -> Split:
        more = tuple(map(function, self.more))
        return Split(function(self.inputs), function(self.targets), more)


@dataclass(frozen=True)
class Splits:
    """The three splits of a task.

    Parameters
    ----------
    train
        What fitness comes from.
    validation
        What decides which network is saved; None for nothing.
    test
        What is opened once, at the end of a run; None for nothing.

    Examples
    --------
    >>> import torch
    >>> rows = Split(torch.zeros(10, 1), torch.zeros(10))
    >>> splits = Splits(rows).hold_out(0.2)
    >>> len(splits.train), len(splits.validation)
    (8, 2)
    """

    train: Split
    validation: Split | None = None
    test: Split | None = None

    def hold_out(self, share: float) -> Splits:
        """Return splits whose validation split is the last ``share`` of the training rows."""
        if not 0.0 < share < 1.0:
            raise OptionError(f"validation is a part of the training rows in (0, 1), got {share}.")
        first = len(self.train) - max(1, round(share * len(self.train)))
        if first < 1:
            raise DataError(f"{len(self.train)} training rows are too few to hold some out.")
        import torch

        rows = torch.arange(len(self.train))
        return Splits(self.train.take(rows[:first]), self.train.take(rows[first:]), self.test)


def _are_several(inputs: Any) -> bool:
    """Whether inputs are a tuple of tensors or arrays; lists of numbers are rows."""
    return isinstance(inputs, tuple) and all(hasattr(part, "shape") for part in inputs)


def _tensor(values: Array, what: str) -> torch.Tensor:
    """Return rows as a tensor, floats as float32; ``what`` is what an error calls them."""
    import numpy as np
    import torch

    if isinstance(values, torch.Tensor):
        tensor = values.detach()
    else:  # torch takes neither read-only arrays nor negative strides
        _require_no_loader(values, what)
        try:
            tensor = torch.from_numpy(np.require(np.asarray(values), requirements=["C", "W"]))
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{what} are no numbers that make an array: {type(values).__name__}. Give a tensor "
                "or array [rows, ...], with as many numbers in each row."
            ) from error
    _require_plain(tensor, what)
    return tensor.float() if tensor.is_floating_point() else tensor


def _require_no_loader(values: Any, what: str) -> None:
    from torch.utils.data import DataLoader, Dataset

    if isinstance(values, Dataset | DataLoader):
        raise DataError(
            f"{what} are a {type(values).__name__}, and tensors or arrays [rows, ...] are needed: "
            "inputs, targets = map(torch.stack, zip(*((x, torch.as_tensor(y)) for x, y in "
            "dataset)))."
        )


def _require_plain(tensor: torch.Tensor, what: str) -> None:
    """Raise a `DataError` for a tensor whose rows cannot be cut."""
    import torch

    if tensor.is_nested:
        raise DataError(f"{what} are a nested tensor. Pad it: torch.nested.to_padded_tensor.")
    if tensor.layout != torch.strided:
        raise DataError(f"{what} are a sparse tensor, whose rows cannot be cut: give to_dense().")
    if not tensor.dim():
        raise DataError(f"{what} are one number, and tensors or arrays [rows, ...] are needed.")


def require_integers(name: str, targets: torch.Tensor) -> None:
    """Raise a `DataError` unless the targets of a split can be classes."""
    import torch

    if targets.is_floating_point() or targets.dtype == torch.bool:
        rows = " For rows of probabilities use torch.nn.CrossEntropyLoss()."
        raise DataError(
            f"cross_entropy needs integer classes as targets, the {name} split has "
            f'{targets.dtype}. For numbers use loss="mse", for yes and no loss="bce_with_logits".'
            f"{rows if targets.dim() > 1 and targets.is_floating_point() else ''}"
        )


def require_classes(name: str, targets: torch.Tensor, classes: int) -> None:
    """Raise a `DataError` unless the targets of a split are classes from 0 to ``classes - 1``."""
    low, high = int(targets.min()), int(targets.max())
    if low < 0 or high >= classes:
        yes = ' For yes and no use loss="bce_with_logits".' if classes == 1 else ""
        raise DataError(
            f"The {name} split's targets run from {low} to {high}, but the network has {classes} "
            f"outputs: classes 0 to {classes - 1}.{yes}"
        )
