"""`TrainedEvaluator`: programs that are a part of training a small network."""

from __future__ import annotations

import functools
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from deapnets_mnist.evaluator import DatasetName, Mnist

from deapnets.errors import OptionError, at_least_one
from deapnets.evaluators.architectures import Outcome
from deapnets.evaluators.programs import ProgramEvaluator

if TYPE_CHECKING:
    import torch

    from deapnets.evaluators.splits import Split
    from deapnets.programs.spaces import ProgramGenome, ProgramSpace
    from deapnets.randomness import Stream
    from deapnets_programs.training import Activation, Course, Loss

HELD_OUT = 0.25
"""Part of the training images whose accuracy is the score."""

FRESH = 1_000_000_003
"""Added to the seed for the networks that report a program: none of them was searched with."""

CHOOSING, CHOSEN_BY = 500_002_003, 8
"""Added to the seed for the networks that choose which program is saved, and how many they are."""

REPORTED = 10
"""Networks that report a program."""


class TrainedEvaluator(ProgramEvaluator):
    """Programs by the validation accuracy of networks that are trained with them.

    Parameters
    ----------
    dataset
        "digits" (1,797 of 8x8 pixels, bundled) or "mnist".
    data
        A folder with four IDX files instead of "mnist".
    hidden
        Units of the hidden layers: "32", "32-32".
    steps
        Steps of Adam on 64 images each.
    networks
        Networks, of other initial weights, whose mean accuracy is the score.
    seed
        Of initial weights and mini-batches.
    height, size
        Limits of programs: levels and nodes.
    """

    fidelities: ClassVar[tuple[float, ...]] = (0.25, 1.0)

    settings: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "gp": {"population": 20, "tournsize": 3},
        "aging": {"population": 20, "tournsize": 5, "rescore": 0.1, "leaders": 5},
        "nonaging": {"population": 20, "tournsize": 5, "rescore": 0.1, "leaders": 5},
        "random": {"rescore": 0.1, "leaders": 5},
    }

    def __init__(
        self,
        *,
        dataset: DatasetName = "digits",
        data: str | None = None,
        hidden: str = "32-32",
        steps: int = 300,
        networks: int = 4,
        seed: int = 1,
        height: int = 5,
        size: int = 15,
    ) -> None:
        at_least_one(steps=steps, networks=networks)
        self._hidden = _sizes(hidden)
        self._source = Mnist(dataset=dataset, data=data, pixels="unit", validation=HELD_OUT)
        self._steps, self._networks, self._seed = steps, networks, seed
        self._space = self.make_space(height, size)

    @abstractmethod
    def make_space(self, height: int, size: int) -> ProgramSpace:
        """Return the programs within limits."""

    def space(self) -> ProgramSpace:
        """Return the space of programs."""
        return self._space

    def open(self) -> None:
        """Read the images."""
        _ = self.course

    @functools.cached_property
    def course(self) -> Course:
        """How networks are trained."""
        from deapnets_programs.training import Course

        splits = self._source.splits
        classes = int(splits.train.targets.max()) + 1
        return Course(splits, self._hidden, classes, self._steps)

    @property
    def validation(self) -> Split:
        """The rows that score programs."""
        return _there(self.course.splits.validation)

    @property
    def test(self) -> Split:
        """The rows that report them."""
        return _there(self.course.splits.test)

    @abstractmethod
    def parts(self, program: Sequence[Any]) -> tuple[Activation, Loss]:
        """Return activation and loss of networks that are trained with a program."""

    def evaluate_programs(
        self, programs: Sequence[ProgramGenome], fidelity: float, rngs: Sequence[Stream]
    ) -> list[Outcome]:
        """Return the accuracies on the validation split; ``cases`` are those of each network."""
        return [self._outcome(one, fidelity, rng) for one, rng in zip(programs, rngs, strict=True)]

    def _outcome(self, program: ProgramGenome, fidelity: float, rng: Stream) -> Outcome:
        began = time.perf_counter()
        first = self._seed + 1000 * (rng.integer() % 1000)
        seeds = [first + at for at in range(self._networks)]
        scores = self.scores(program, seeds, self.validation, fidelity)
        cases = {"cases": [round(value, 6) for value in scores.tolist()]}
        return Outcome((float(scores.mean()),), time.perf_counter() - began, cases)

    def validate(self, networks: Any) -> dict[str, torch.Tensor]:
        """Return the accuracies of eight further networks each, also on the validation split.

        They choose which program is saved: the best of many scores of few networks is a lucky one.
        """
        import torch

        seeds = [self._seed + CHOOSING + at for at in range(CHOSEN_BY)]
        means = [self.scores(one, seeds, self.validation).mean() for one in networks]
        scores = torch.stack(means)
        return {"fitness": scores, "validation_accuracy": scores}

    def scores(
        self, program: Sequence[Any], seeds: Sequence[int], split: Split, fidelity: float = 1.0
    ) -> torch.Tensor:
        """Return the accuracies ``[S]`` of a network a seed on a split."""
        activation, loss = self.parts(program)
        return self.train_and_test(seeds, split, activation, loss, fidelity)

    def train_and_test(
        self,
        seeds: Sequence[int],
        split: Split,
        activation: Activation,
        loss: Loss,
        fidelity: float = 1.0,
    ) -> torch.Tensor:
        """Return the accuracies ``[S]`` of networks trained with an activation and a loss."""
        from deapnets_programs.training import Course, accuracies, train

        course = self.course
        steps = max(1, round(fidelity * course.steps))
        shorter = Course(course.splits, course.hidden, course.classes, steps)
        weights = train(shorter, seeds, activation, loss)
        return accuracies(weights, course, split, activation)

    @property
    def reporting(self) -> list[int]:
        """The seeds of the networks that report a program."""
        return [self._seed + FRESH + at for at in range(REPORTED)]

    def measure(self, individual: Any) -> dict[str, float]:
        """Return test accuracy and deviation of ten networks of fresh seeds, and nodes."""
        scores = self.scores(individual, self.reporting, self.test)
        return {
            "test_accuracy": float(scores.mean()),
            "test_accuracy_deviation": float(scores.std()),
            "nodes": len(individual),
        }


def _there(split: Split | None) -> Split:
    assert split is not None  # the evaluator of the images has all three
    return split


def _sizes(text: str) -> tuple[int, ...]:
    parts = text.split("-")
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise OptionError(f'hidden is the units of each layer, such as "32-32", got {text!r}.')
    return tuple(map(int, parts))
