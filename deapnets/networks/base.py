"""`Path`: one way to send inputs through the networks of a chunk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch


class Path(ABC):
    """One way to send inputs through ``n`` networks of one module.

    A path is *row-invariant* on a CPU: the bits of a network's outputs depend neither on the
    networks beside it nor on the number of threads.
    """

    thread_invariant = False
    """Whether a row's bits are known not to depend on the number of threads, for every module."""

    @property
    @abstractmethod
    def name(self) -> str:
        """``"stacked"``, ``"vmap"`` or ``"loop"``."""

    @abstractmethod
    def forward(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[Any, ...], each: bool
    ) -> Any:
        """Return the outputs ``[n, batch, ...]``, or what else the module returns of such tensors.

        Parameters
        ----------
        parameters
            ``[n, *shape]`` under the names of the evolved parameters.
        inputs
            ``[batch, ...]`` shared by all, or ``[n, batch, ...]`` when ``each``; or tuples, lists
            and dicts of such tensors.
        """
