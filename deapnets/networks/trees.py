"""Tensors in tuples, lists and dicts: what a module may take and return instead of one tensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from deapnets.errors import EvaluationError


def tensors_of(tree: Any) -> list[torch.Tensor]:
    """Return the tensors of a tree of tuples, lists and dicts, in order, and no other leaves."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    return [tensor for branch in _branches(tree) for tensor in tensors_of(branch)]


def with_tensors(tree: Any, tensors: Iterator[Any]) -> Any:
    """Return the same tree with the next of ``tensors`` in each tensor's place."""
    if isinstance(tree, torch.Tensor):
        return next(tensors)
    if isinstance(tree, Mapping):
        return {name: with_tensors(branch, tensors) for name, branch in tree.items()}
    if not isinstance(tree, tuple | list):
        return tree
    branches = [with_tensors(branch, tensors) for branch in tree]
    named = getattr(type(tree), "_make", type(tree))  # a namedtuple takes its fields one by one
    return named(branches)


def skeleton_of(tree: Any) -> Any:
    """Return the tree with empty tensors: its form, without what it holds."""
    return with_tensors(tree, (torch.empty(0) for _ in tensors_of(tree)))


def require_tensors(outputs: Any, title: str) -> None:
    """Raise an `EvaluationError` unless there is a tensor, and beside tensors only None."""
    leaf = _stranger(outputs)
    tensors = tensors_of(outputs)
    if any(tensor.is_nested for tensor in tensors):
        raise EvaluationError(
            f"{title} returned a nested tensor, and those of several networks cannot be stacked. "
            "Pad it: torch.nested.to_padded_tensor."
        )
    if leaf is None and tensors:
        return
    got = "None" if leaf is None else type(leaf).__name__
    inside = "" if leaf is outputs or leaf is None else f"{type(outputs).__name__} with "
    raise EvaluationError(
        f"{title} returned {inside}{got}; a network must return a tensor [batch, ...], or a tuple, "
        "list or dict of tensors. Wrap it in a module that picks what you score."
    )


def stack_trees(trees: list[Any], title: str) -> Any:
    """Return one tree whose tensors are those of ``trees``, stacked: ``[n, ...]`` each.

    Raises
    ------
    EvaluationError
        When the tensors of two trees differ in number or shape.
    """
    lots = list(map(tensors_of, trees))
    forms = {tuple(tuple(tensor.shape) for tensor in lot) for lot in lots}
    if len(forms) > 1:
        two = " and ".join(sorted(", ".join(map(str, map(list, form))) for form in forms)[:2])
        raise EvaluationError(
            f"{title} returned outputs of different shapes for different weights: {two}. A chunk's "
            "outputs are stacked, so their shapes must follow from the inputs alone."
        )
    return with_tensors(trees[0], (torch.stack(lot) for lot in zip(*lots, strict=True)))


def near(one: torch.Tensor, other: torch.Tensor, rounding: float) -> bool:
    """Return whether two tensors have one shape, and differ by rounding alone.

    That is at most ``rounding`` times the largest number of the first; nan is like nan.
    """
    if one.shape != other.shape:
        return False
    dense = (t if t.layout == torch.strided else t.to_dense() for t in (one, other))
    first, second = (tensor.detach().double() for tensor in dense)
    largest = float(first.nan_to_num(0.0, 0.0, 0.0).abs().max()) if first.numel() else 0.0
    return torch.allclose(first, second, rtol=0.0, atol=rounding * largest, equal_nan=True)


def join_trees(trees: list[Any], dim: int = 0) -> Any:
    """Return one tree whose tensors are those of ``trees``, one behind the other along ``dim``."""
    if len(trees) == 1:
        return trees[0]
    lots = zip(*map(tensors_of, trees), strict=True)
    return with_tensors(trees[0], (torch.cat(lot, dim) for lot in lots))


def _branches(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return tree.values()
    return tree if isinstance(tree, tuple | list) else ()


def _stranger(tree: Any) -> Any:
    """Return the first leaf that is neither a tensor nor None; None where there is none."""
    if tree is None or isinstance(tree, torch.Tensor):
        return None
    if not isinstance(tree, Mapping | tuple | list):
        return tree
    found = (_stranger(branch) for branch in _branches(tree))
    return next((leaf for leaf in found if leaf is not None), None)
