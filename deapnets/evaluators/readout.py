"""`RidgeReadout`: the last layer of networks, solved by least squares instead of evolved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, final

import torch
from torch.nn import functional

from deapnets.errors import DataError, EvaluationError, OptionError
from deapnets.evaluators.losses import require_tensor
from deapnets.evaluators.splits import Split
from deapnets.networks.chunk import Networks

_SLICE = 100
"""Rows that go through a network at once: what its first layers make of them fits the cache."""

SCALE = 8.0
"""Scores regress towards 0 and 1; times this they serve as logits of a cross-entropy."""


Parts = Callable[[Networks, Split, int | None], Iterator[Split]]


def classes_of(targets: torch.Tensor) -> int:
    """Return how many classes there are among targets ``[rows]``.

    Raises
    ------
    DataError
        When they are no classes: whole numbers from 0 on, one a row.
    """
    whole = not (targets.is_floating_point() or targets.is_complex())
    if not whole or targets.dim() != 1 or int(targets.min()) < 0:
        raise DataError(
            'readout="ridge" needs classes as targets [rows], whole numbers from 0 on; got '
            f"{list(targets.shape)} of {targets.dtype}."
        )
    return int(targets.max()) + 1


def _slices(networks: Networks, split: Split, most: int | None) -> Iterator[Split]:
    return split.slices(most)


@final
class RidgeReadout:
    """A linear layer on a network's outputs, in closed form: ridge regression on the classes.

    The networks give features ``[rows, ...]``; the readout gives scores ``[rows, classes]`` that
    are nearest, in least squares, to 1 for the row's class and 0 for the others. No gradient is
    taken anywhere. Sources: Hoerl & Kennard 1970, "Ridge regression", doi:10.2307/1267351; of
    fixed filters with a solved readout, McDonnell & Vladusich 2015, arXiv:1503.04596.

    Parameters
    ----------
    classes
        How many there are.
    penalty
        Ridge penalty, as a part of the mean square of the features.
    parts
        How rows are cut: networks, a split and the most rows to the parts that go through at once.
    """

    def __init__(self, classes: int, penalty: float, parts: Parts = _slices) -> None:
        if not 0.0 < penalty < float("inf"):
            raise OptionError(f"penalty is more than 0 and finite, got {penalty}.")
        self.classes = classes
        self.penalty = penalty
        self._parts = parts

    @torch.no_grad()
    def solve(self, networks: Networks, split: Split) -> Iterator[torch.Tensor]:
        """Yield each network's layer ``[F + 1, classes]``, the bias last, fitted to all rows.

        The rows go through the networks a slice at a time.
        """
        for one in networks.alone():
            gram: Any = 0.0
            moment: Any = 0.0
            for part in self._parts(one, split, None):
                features = self._features(one, part)
                gram = gram + features.T @ features
                moment = moment + features.T @ self._wanted(part.targets)
            lower = _factor(gram.double(), self._strength(gram.diagonal()))
            yield torch.cholesky_solve(moment.double(), lower).float()

    def scores(self, networks: Networks, split: Split, fitted_to: Split) -> Iterator[torch.Tensor]:
        """Yield each network's scores ``[1, rows, classes]`` by a layer fitted to other rows."""
        layers = self.solve(networks, fitted_to)
        for one, layer in zip(networks.alone(), layers, strict=True):
            parts = self._parts(one, split, None)
            yield SCALE * torch.cat([self._features(one, part) @ layer for part in parts])[None]

    @torch.no_grad()
    def left_out(self, networks: Networks, split: Split) -> Iterator[torch.Tensor]:
        """Yield each network's scores ``[1, rows, classes]``, each row's by all other rows.

        So no row is scored by a layer that it was fitted to, and none is lost to a split. With
        ``h`` the diagonal of the hat matrix, the residual of a row that is left out is
        ``residual / (1 - h)``; where there are more features than rows, the same from the rows'
        inner products: ``(K^-1 wanted) / diagonal of K^-1``. Source: Allen 1974, "The relationship
        between variable selection and data augmentation and a method for prediction",
        doi:10.2307/1267500.
        """
        wanted = self._wanted(split.targets)
        for one in networks.alone():
            features = self._features(one, split)
            rows, count = features.shape
            residual = (_primal if count <= rows else _dual)(
                features, wanted, self._strength(features.square().sum(0))
            )
            yield SCALE * (wanted - residual)[None]

    def _features(self, one: Networks, split: Split) -> torch.Tensor:
        """Return the features ``[rows, F + 1]`` of a single network, the last one constant."""
        lots = []
        for part in self._parts(one, split, _SLICE):
            outputs = one(*part.arguments)
            require_tensor(outputs, 'readout="ridge"', "Evolve")
            lots.append(_rows_of(outputs[0], len(part)))
        values = torch.cat(lots)
        return torch.cat([values, values.new_ones(len(values), 1)], 1)

    def _wanted(self, targets: torch.Tensor) -> torch.Tensor:
        return functional.one_hot(targets.long(), self.classes).float()

    def _strength(self, squares: torch.Tensor) -> torch.Tensor:
        """Return what the penalty adds to the diagonal, for the features' sums of squares."""
        return self.penalty * squares.mean()


def _rows_of(outputs: torch.Tensor, rows: int) -> torch.Tensor:
    """Return a network's outputs as features ``[rows, F]``."""
    if outputs.dim() < 1 or len(outputs) != rows:
        raise EvaluationError(
            f'readout="ridge" needs features for each row [{rows}, ...]; the network returned '
            f"{list(outputs.shape)}."
        )
    return outputs.reshape(rows, -1)


def _primal(features: torch.Tensor, wanted: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Return the residuals ``[rows, classes]`` of rows left out, by a matrix of features."""
    lower = _factor(features.T @ features, strength)
    half = torch.linalg.solve_triangular(lower, features.T, upper=False)
    leverage = half.square().sum(0)
    return (wanted - half.T @ (half @ wanted)) / (1.0 - leverage)[:, None]


def _dual(features: torch.Tensor, wanted: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Return what `_primal` returns, by a matrix of rows."""
    inverse = torch.cholesky_inverse(_factor(features @ features.T, strength))
    return (inverse @ wanted) / inverse.diagonal()[:, None]


def _factor(matrix: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Return the lower Cholesky factor, ``strength`` added to the diagonal, in place.

    NaN where the weights were not finite.
    """
    matrix.diagonal().add_(strength)
    lower, failed = torch.linalg.cholesky_ex(matrix)
    return lower.masked_fill_(failed > 0, torch.nan)
