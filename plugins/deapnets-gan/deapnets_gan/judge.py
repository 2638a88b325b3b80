"""`Judge`: who says what generated images are worth, the same for everybody in a generation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from deapnets.genomes.layout import Layout
    from deapnets.genomes.weights import WeightGenome


class Studio(ABC):
    """What a judge may ask for while it gets ready: images, real ones and made ones."""

    @abstractmethod
    def layout(self) -> Layout:
        """Return the layout of the generators' weights."""

    @abstractmethod
    def real(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """Return training images drawn at random: ``[count, pixels]``."""

    @abstractmethod
    def made(
        self, makers: Sequence[WeightGenome], count: int, generator: torch.Generator
    ) -> torch.Tensor:
        """Return ``count`` images by the makers in turn, of new latents: ``[count, pixels]``."""


@dataclass(frozen=True)
class Worth:
    """What the images of ``n`` generators are worth, float64 ``[n]`` each, both maximised.

    Their sum is what a judge of one objective returns.
    """

    quality: torch.Tensor
    diversity: torch.Tensor


class Judge(ABC):
    """Says what images are worth. Changes between generations, never within one."""

    def prepare(self, population: Sequence[WeightGenome], studio: Studio, seed: int) -> None:
        """Get ready for a generation of these individuals, in the parent process."""

    @abstractmethod
    def begin(self, seed: int, device: torch.device) -> None:
        """Draw what the generation of this seed shares; called wherever images are judged."""

    @abstractmethod
    def worth(self, images: torch.Tensor) -> Worth:
        """Return what images ``[n, batch, pixels]`` are worth, each generator's for itself."""

    def loss(self, images: torch.Tensor, diversity: float) -> torch.Tensor:
        """Return what a baseline minimises by gradient: ``[n]``, minus the worth by default."""
        worth = self.worth(images)
        return -(worth.quality + diversity * worth.diversity)

    def conclude(self, best: WeightGenome) -> None:
        """Take note of a generation's best, in the parent process."""

    def figures(self, studio: Studio) -> dict[str, float]:
        """Return what the report says of the judge, and of the way that led there."""
        return {}

    def matrix(self, studio: Studio) -> dict[str, Any] | None:
        """Return who fools whom, as `deapnets.Evaluator.matrix` does; None where nobody does."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """Return what `prepare` and `conclude` change: JSON values and tensors."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state that `state_dict` returned."""
