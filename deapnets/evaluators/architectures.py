"""`ArchitectureEvaluator`: fitness of individuals of a search space, one at a time."""

from __future__ import annotations

import copy
import math
import random
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, final

from deapnets.architectures.spaces import SearchSpace, SpaceGenome
from deapnets.errors import ArchitectureError, EvaluationError, OptionError
from deapnets.evaluators.base import Evaluator

if TYPE_CHECKING:
    import torch
    from torch import nn

    from deapnets.evaluators.census import Census
    from deapnets.randomness import Stream


@final
@dataclass(frozen=True)
class Outcome:
    """What became of one individual.

    Attributes
    ----------
    values
        Fitness, one number an objective.
    seconds
        What the evaluation cost: training time, simulated where a table stands for training.
    records
        What is known beside the fitness; ``"infeasible"`` holds the reason why there is none.
    """

    values: tuple[float, ...]
    seconds: float = 0.0
    records: Mapping[str, Any] = field(default_factory=dict)


class ArchitectureEvaluator(Evaluator):
    """Fitness of individuals whose genes are a network's structure: each is trained, or looked up.

    Implement `space` and `evaluate_one`; the constructor stays cheap. Register an instance, as any
    evaluator: ``toolbox.register("evaluate", evaluator)``. DEAP's own algorithms call it with one
    individual; deapnets' searches (`eaAging`, ...) let executors evaluate several at once.
    """

    fidelities: ClassVar[tuple[float, ...]] = (1.0,)
    """How thoroughly an individual can be evaluated, such as epochs; the last is the full one."""

    infeasible: float = 0.0
    """Fitness, in each objective, of what cannot be trained: the worst there is."""

    @abstractmethod
    def space(self) -> SearchSpace:
        """Return the space that is searched: always the same object."""

    @abstractmethod
    def evaluate_one(self, individual: SpaceGenome, fidelity: float, rng: Stream) -> Outcome:
        """Return the outcome of one individual; all its randomness comes from ``rng``.

        Raise an `ArchitectureError` for one that cannot be trained: it gets `infeasible`, and the
        reason is recorded.
        """

    def open(self) -> None:
        """Open the data: what cannot be used is said before a run begins."""

    def networks(self, *individuals: Any, device: str = "cpu") -> Any:
        """Return the individuals: there are no weights to make."""
        return individuals

    def genome(self) -> SearchSpace:  # type: ignore[override]  # structures are evolved, not weights
        """Return the space that is searched."""
        return self.space()

    def measure(self, individual: SpaceGenome) -> dict[str, float]:  # type: ignore[override]  # as genome
        """Return held-out figures of one individual for the report; never fitness."""
        return {}

    def prototype(self, individual: Any) -> tuple[nn.Module, torch.Tensor]:
        """Return an untrained network of an individual and a batch of inputs, for proxies.

        It follows from the individual alone, whatever torch's generator says.

        Raises
        ------
        OptionError
            By default: nobody knows what the inputs are.
        """
        raise OptionError(f"{self.title} makes no networks for proxies: define prototype.")

    def look_up(self, architecture: str) -> dict[str, float]:
        """Return what `measure` says of an architecture's text, where it costs nothing to know.

        For looking back at a search that is over; nothing that searches uses it. By default empty.
        """
        return {}

    def census(self) -> Census | None:
        """Return all networks with their scores: what random draws find is known then, exactly.

        By default None: nobody knows.
        """
        return None

    def evaluate(self, networks: Any) -> NoReturn:
        """Refuse: there is no chunk of networks of one layout."""
        raise EvaluationError(
            f"{self.title} evaluates one architecture at a time: call it with an individual, or "
            "run one of deapnets' searches."
        )

    def outcome(self, individual: Any, fidelity: float, seed: int) -> Outcome:
        """Return the outcome of one individual, whatever happens to it.

        What cannot be trained, and what diverges, has the worst fitness and a reason.

        Raises
        ------
        EvaluationError
            When the individual is of another space, or has too few values.
        """
        if not isinstance(individual, SpaceGenome) or individual.space != self.space():
            got = getattr(getattr(individual, "space", None), "name", type(individual).__name__)
            raise EvaluationError(
                f"{self.title} evaluates individuals of {self.space().name}, got one of {got}. "
                "See: deapnets.initChoices."
            )
        from deapnets.randomness import Stream

        try:
            outcome = self.evaluate_one(individual, fidelity, Stream(seed))
        except ArchitectureError as error:
            return self.failed(str(error))
        return self.checked(outcome)

    def legacy(self, key: str) -> Any:
        """Return what children of a network inherit, trained weights say; None for nothing.

        JSON values and tensors: it travels between processes, and snapshots of runs hold it.
        """
        return None

    def admit(self, key: str, legacy: Any) -> None:
        """Take in the `legacy` of a network that was evaluated elsewhere."""

    @property
    def bequeaths(self) -> bool:
        """Whether it is of a class that has legacies."""
        return type(self).legacy is not ArchitectureEvaluator.legacy

    def errand(
        self, individual: Any, fidelity: float, seed: int, parent: str | None, legacy: Any
    ) -> tuple[Outcome, Any]:
        """Return the outcome of an individual and its own legacy, in whatever process.

        Both follow from the arguments alone: from the legacy of its ``parent``, a key, and not from
        whatever else was evaluated here.
        """
        if not self.bequeaths:
            return self.outcome(individual, fidelity, seed), None
        alone = copy.copy(self)
        if legacy is not None:
            individual.parent = parent
            alone.admit(str(parent), legacy)
        return alone.outcome(individual, fidelity, seed), alone.legacy(individual.key)

    def failed(self, reason: str, seconds: float = 0.0) -> Outcome:
        """Return the outcome of what could not be evaluated: the worst fitness, and the reason."""
        worst = (self.infeasible,) * len(self.weights)
        return Outcome(worst, seconds, {"infeasible": reason})

    def checked(self, outcome: Outcome) -> Outcome:
        """Return an outcome, or the worst one in place of what is not finite.

        Raises
        ------
        EvaluationError
            When there are too few or too many values.
        """
        if len(outcome.values) != len(self.weights):
            raise EvaluationError(
                f"{self.title} returned {len(outcome.values)} values for {len(self.weights)} "
                "objective(s)."
            )
        if not all(map(math.isfinite, outcome.values)):
            return self.failed(f"fitness {outcome.values} is not finite", outcome.seconds)
        return outcome

    def __call__(self, individual: Any, **keywords: Any) -> tuple[float, ...]:
        """Return one individual's fitness at the full fidelity, as DEAP has it.

        A seed is drawn from Python's `random`; ``fidelity=`` may say another fidelity.
        """
        fidelity = keywords.pop("fidelity", self.fidelities[-1])
        if keywords:
            raise EvaluationError(f"{self.title} takes no keyword {next(iter(keywords))}.")
        outcome = self.outcome(individual, fidelity, random.getrandbits(64))
        individual.records = outcome.records
        return outcome.values
