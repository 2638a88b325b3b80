"""Judges by name, and several of them as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, final

import torch

from deapnets.genomes.weights import WeightGenome
from deapnets_gan.coevolution import CoevolvedJudge
from deapnets_gan.discriminator import DiscriminatorJudge
from deapnets_gan.features import FeatureJudge
from deapnets_gan.judge import Judge, Studio, Worth
from deapnets_gan.options import JudgeOptions

if TYPE_CHECKING:
    from deapnets.metrics.classifiers import ImageClassifier


@final
class CombinedJudge(Judge):
    """Several judges, whose verdicts are added up.

    Parameters
    ----------
    judges
        The judges, under their names.
    """

    def __init__(self, judges: dict[str, Judge]) -> None:
        self._judges = judges

    def prepare(self, population: Sequence[WeightGenome], studio: Studio, seed: int) -> None:
        """Let each get ready."""
        for judge in self._judges.values():
            judge.prepare(population, studio, seed)

    def begin(self, seed: int, device: torch.device) -> None:
        """Let each draw what the generation shares."""
        for judge in self._judges.values():
            judge.begin(seed, device)

    def worth(self, images: torch.Tensor) -> Worth:
        """Return the sum of what images are worth to each."""
        found = [judge.worth(images) for judge in self._judges.values()]
        quality = torch.stack([worth.quality for worth in found]).sum(0)
        return Worth(quality, torch.stack([worth.diversity for worth in found]).sum(0))

    def conclude(self, best: WeightGenome) -> None:
        """Let each take note of the generation's best."""
        for judge in self._judges.values():
            judge.conclude(best)

    def figures(self, studio: Studio) -> dict[str, float]:
        """Return the figures of all."""
        lots = [judge.figures(studio) for judge in self._judges.values()]
        return {name: value for lot in lots for name, value in lot.items()}

    def matrix(self, studio: Studio) -> dict[str, Any] | None:
        """Return the matrix of the first judge that has one."""
        found = (judge.matrix(studio) for judge in self._judges.values())
        return next((matrix for matrix in found if matrix is not None), None)

    def state_dict(self) -> dict[str, Any]:
        """Return each judge's state under its name."""
        return {name: judge.state_dict() for name, judge in self._judges.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state that `state_dict` returned."""
        for name, judge in self._judges.items():
            judge.load_state_dict(state[name])


def make_judge(
    options: JudgeOptions,
    images: torch.Tensor,
    classifiers: Callable[[], Sequence[ImageClassifier]],
    batch: int,
) -> Judge:
    """Return the judge that options name: one, or several as one.

    Parameters
    ----------
    options
        Which ones, and what they take.
    images
        Real images ``[rows, pixels]``.
    classifiers
        Returns the frozen classifiers; called where a judge looks through their features.
    batch
        Images of each generator that are judged.
    """
    judges = {name: _made(name, options, images, classifiers, batch) for name in options.judges}
    return next(iter(judges.values())) if len(judges) == 1 else CombinedJudge(judges)


def _made(
    name: str,
    options: JudgeOptions,
    images: torch.Tensor,
    classifiers: Callable[[], Sequence[ImageClassifier]],
    batch: int,
) -> Judge:
    if name == "feature":
        return FeatureJudge(
            classifiers(), images, options.distance, options.directions, batch, options.balance
        )
    panel: dict[str, Any] = {"opponents": options.opponents, "aggregate": options.aggregate}
    if options.steps is not None:
        panel["steps"] = options.steps
    if name == "discriminator":
        return DiscriminatorJudge(images, **panel)
    return CoevolvedJudge(images, size=options.discriminators, **panel)
