"""Judges by name, and their options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final, get_args

from deapnets.errors import OptionError, unknown
from deapnets_gan.features import Distance, FeatureJudge
from deapnets_gan.judge import Judge

if TYPE_CHECKING:
    from deapnets_gan.task import GenerativeTask

JudgeName = Literal["feature"]


@final
@dataclass(frozen=True)
class JudgeOptions:
    """Which judge, and how it judges.

    Parameters
    ----------
    judge
        ``"feature"``.
    distance
        Of a feature judge: ``"kernel"`` or ``"sliced"``.
    directions
        Of a feature judge: random directions of each view and generation.
    """

    judge: JudgeName = "feature"
    distance: Distance = "kernel"
    directions: int = 48

    def __post_init__(self) -> None:
        for name, kind in (("judge", JudgeName), ("distance", Distance)):
            if getattr(self, name) not in get_args(kind):
                raise OptionError(unknown(name, str(getattr(self, name)), get_args(kind)))
        if self.directions < 1:
            raise OptionError(f"directions is at least 1, got {self.directions}.")


def make_judge(options: JudgeOptions, task: GenerativeTask, batch: int) -> Judge:
    """Return a judge of a task's generators."""
    images = task.images.train.flatten(1)
    return FeatureJudge(task.classifier, images, options.distance, options.directions, batch)
