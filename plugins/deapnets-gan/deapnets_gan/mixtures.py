"""Mixtures: generators of several runs as one, each drawn as often as its weight says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, final

import numpy as np
import torch
from deap import algorithms, base, cma

from deapnets.errors import OptionError, RunError, at_least_one
from deapnets.metrics.frechet import frechet_of_moments, mixed_moments, moments_of
from deapnets_gan.sampling import opened
from deapnets_gan.task import GenerativeTask

GENERATIONS = 1000
"""Generations of the weights' evolution; one of them takes milliseconds."""

SHOWN, _MEASURED = 100, 5000
"""Images of a mixture for a picture, and for the report."""

_LOOKED_AT = 5000  # images of a member, by which weights are judged
_REACH = 0.5  # deviation of the first children, in parts of an even weight
_SEED = 30_000  # of the latents of these: not those of validation and report


class _Smaller(base.Fitness):
    weights = (-1.0,)


class _Weights(list):  # of floats; what DEAP's strategies copy
    def __init__(self, values: Any) -> None:
        super().__init__(values)
        self.fitness = _Smaller()


@final
class Mixture:
    """Several generators of one image set: an image is drawn from one of them, by its weight.

    Parameters
    ----------
    runs
        Directories of two runs or more, of generators of the same images.

    Raises
    ------
    OptionError
        When there are fewer than two runs, or one comes twice.
    RunError
        When one is no run of generators, has saved none yet, or is of other images.
    """

    def __init__(self, runs: Sequence[str]) -> None:
        if len(runs) < 2:
            raise OptionError(f"A mixture is of two runs or more, got {len(runs)}.")
        if len(set(runs)) < len(runs):
            raise OptionError("A mixture takes each run once.")
        self.runs = list(runs)
        self._tasks = [opened(run) for run in runs]
        first, images = self._tasks[0], self._tasks[0].images
        for run, task in zip(runs[1:], self._tasks[1:], strict=True):
            if not (torch.equal(task.images.train, images.train) and first.latent == task.latent):
                raise RunError(
                    f"{run} makes images of {_described(task)}, {runs[0]} of {_described(first)}: "
                    "a mixture is of generators of the same images and latents."
                )

    @property
    def task(self) -> GenerativeTask:
        """The first run's task: its images, its judge's classifiers, its report."""
        return self._tasks[0]

    def images(self, weights: Sequence[float], count: int, seed: int) -> torch.Tensor:
        """Return images ``[count, channels, height, width]``; the same ones for the same seed.

        An image's latents do not depend on the weights: only its generator does.
        """
        latents = self.task.latents(count, seed)
        generator = torch.Generator().manual_seed(seed)
        chances = torch.tensor(weights, dtype=torch.float64).cumsum(0)
        drawn = torch.rand(count, generator=generator, dtype=torch.float64) * chances[-1]
        which = torch.searchsorted(chances, drawn, right=True).clamp_max(len(self._tasks) - 1)
        images = torch.empty(count, *self.task.images.shape)
        for index, task in enumerate(self._tasks):
            rows = which == index
            if rows.any():
                images[rows] = task.generated(latents[rows])
        return images

    def distance(self) -> Callable[[Sequence[float]], float]:
        """Return a function from weights to the Frechet distance to the validation split.

        In the features of the judge's classifiers, their mean, as `GenerativeTask.validate` has it.
        It is computed of each member's mean and covariance: nothing is drawn.
        """
        held_out = self.task.images.validation
        latents = self.task.latents(_LOOKED_AT, _SEED)
        made = [task.generated(latents) for task in self._tasks]
        seen = [
            (moments_of(one.features(held_out)), [moments_of(one.features(own)) for own in made])
            for one in self.task.classifiers
        ]

        def distance(weights: Sequence[float]) -> float:
            return fmean(
                frechet_of_moments(real, mixed_moments(members, weights)) for real, members in seen
            )

        return distance


def evolved_weights(
    distance: Callable[[Sequence[float]], float],
    count: int,
    generations: int = GENERATIONS,
    seed: int = 0,
) -> list[float]:
    """Return the weights ``[count]`` of the smallest distance that a (1+1)-ES found: a sum of 1.

    It is `deap.cma.StrategyOnePlusLambda` with one child, from even weights on; negative numbers
    count as 0, so that a member can be left out. numpy's generator is left as it was.

    Parameters
    ----------
    distance
        Of weights; minimised.
    count
        How many weights there are.
    generations
        Children, one each.
    seed
        Of the children.
    """
    at_least_one(count=count, generations=generations)
    parent = _Weights([1.0 / count] * count)
    parent.fitness.values = (distance(_shares(parent)),)
    strategy = cma.StrategyOnePlusLambda(parent, sigma=_REACH / count, lambda_=1)
    toolbox = base.Toolbox()
    toolbox.register("generate", strategy.generate, _Weights)
    toolbox.register("update", strategy.update)
    toolbox.register("evaluate", lambda weights: (distance(_shares(weights)),))
    before = np.random.get_state()
    np.random.seed(seed % 2**32)  # numpy takes no others
    try:
        algorithms.eaGenerateUpdate(toolbox, ngen=generations, verbose=False)
    finally:
        np.random.set_state(before)
    return _shares(strategy.parent)


def measured(
    mixture: Mixture,
    weights: Sequence[float],
    distance: Callable[[Sequence[float]], float],
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """Return the figures of each run alone, of even weights, and of those that evolved.

    The report's, of 5,000 images each, and ``validation_frechet_distance``. The report's classifier
    and the test images are opened here alone.
    """
    count = len(mixture.runs)
    alone = [[float(row == other) for other in range(count)] for row in range(count)]
    rows = dict(zip(mixture.runs, alone, strict=True))
    rows |= {"even weights": [1.0 / count] * count, "evolved weights": list(weights)}
    report = mixture.task.report()
    return {
        name: {
            "validation_frechet_distance": distance(row),
            **report.measure(mixture.images(row, _MEASURED, seed)),
        }
        for name, row in rows.items()
    }


def _shares(values: Sequence[float]) -> list[float]:
    """Return numbers as parts of 1; negative ones are 0, and all are equal where none is left."""
    kept = [max(float(value), 0.0) for value in values]
    total = sum(kept)
    return [value / total for value in kept] if total > 0.0 else [1.0 / len(kept)] * len(kept)


def _described(task: GenerativeTask) -> str:
    images = task.images
    size = "x".join(map(str, images.shape[1:]))
    return f'"{images.name}", {len(images.train):,} of {size} pixels, by {task.latent} latents'
