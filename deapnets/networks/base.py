"""`Path`: one way to send inputs through the networks of a chunk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch


class Path(ABC):
    """One way to send inputs through ``n`` networks of one module.

    A path is *row-invariant* on a CPU: the bits of a network's outputs depend neither on the
    networks beside it nor on the number of threads.
    """

    name: str
    thread_invariant = False
    """Whether a row's bits are known not to depend on the number of threads, for every module."""

    @abstractmethod
    def forward(
        self, parameters: Mapping[str, torch.Tensor], inputs: tuple[torch.Tensor, ...], each: bool
    ) -> torch.Tensor:
        """Return the outputs ``[n, batch, ...]``.

        Parameters
        ----------
        parameters
            ``[n, *shape]`` under the names of the evolved parameters.
        inputs
            ``[batch, ...]`` shared by all, or ``[n, batch, ...]`` when ``each``.
        """
