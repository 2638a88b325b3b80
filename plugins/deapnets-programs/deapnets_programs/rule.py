"""The evaluator ``rule``: learning rules, scored on several small tasks at once."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, final

from deapnets.errors import at_least_one
from deapnets.evaluators.architectures import Outcome
from deapnets.evaluators.programs import ProgramEvaluator

if TYPE_CHECKING:
    import torch

    from deapnets.programs.spaces import ProgramGenome, ProgramSpace
    from deapnets.randomness import Stream
    from deapnets_programs.learning import Lesson

LESSONS = 8
"""Initial weights, rows and noise that there are of the known tasks: an evaluation draws one."""

VALIDATION, UNSEEN = 1_000_003, 2_000_003
"""Added to the seed for the tasks that choose what is saved, and for those that report it."""


@final
class Rule(ProgramEvaluator):
    """Learning rules for a two-layer network, from what a weight has at hand.

    A rule is a program of ``x, y, w, noise, step, cost, change`` (see
    `deapnets_programs.learning`), with neither an error nor a gradient among them. Its score is the
    mean over tasks of 1 - cost / cost of the trivial answer, on rows that were not learned from, at
    least -1 each.

    Parameters
    ----------
    tasks
        Known tasks: regressions and classifications in turn.
    steps
        Steps in which a network learns.
    unseen
        Tasks that no rule has seen: the report's, and as many others choose what is saved.
    seed
        What all tasks are drawn from.
    height, size
        Limits of programs: levels and nodes.
    """

    fidelities: ClassVar[tuple[float, ...]] = (0.25, 1.0)
    infeasible = -1.0

    settings: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "gp": {"initial": 800, "immigrants": 0.1},
        "aging": {"population": 100, "tournsize": 10, "rescore": 0.15, "leaders": 10},
        "nonaging": {"population": 100, "tournsize": 10, "rescore": 0.15, "leaders": 10},
        "random": {"rescore": 0.15, "leaders": 10},
    }

    def __init__(
        self,
        *,
        tasks: int = 12,
        steps: int = 200,
        unseen: int = 24,
        seed: int = 1,
        height: int = 7,
        size: int = 30,
    ) -> None:
        at_least_one(tasks=tasks, steps=steps, unseen=unseen)
        from deapnets_programs.learning import rule_space

        self._tasks, self._steps, self._unseen, self._seed = tasks, steps, unseen, seed
        self._space = rule_space(height, size)

    def space(self) -> ProgramSpace:
        """Return the space of rules."""
        return self._space

    @functools.cached_property
    def known(self) -> list[Lesson]:
        """The lessons that rules are scored by."""
        from deapnets_programs.learning import Lesson
        from deapnets_programs.tasks import make_tasks

        tasks = make_tasks(self._tasks, self._seed)
        return [Lesson(tasks, self._steps, self._seed + 2 * at) for at in range(LESSONS)]

    @functools.cached_property
    def validation(self) -> list[Lesson]:
        """Two lessons that choose which rule a run saves."""
        return self._lessons(VALIDATION, 2)

    @functools.cached_property
    def unseen(self) -> list[Lesson]:
        """Four lessons of tasks that no rule has seen."""
        return self._lessons(UNSEEN, 4)

    def _lessons(self, offset: int, count: int) -> list[Lesson]:
        from deapnets_programs.learning import Lesson
        from deapnets_programs.tasks import make_tasks

        seed = self._seed + offset
        tasks = make_tasks(self._unseen, seed)
        return [Lesson(tasks, self._steps, seed + 2 * at) for at in range(count)]

    def evaluate_programs(
        self, programs: Sequence[ProgramGenome], fidelity: float, rngs: Sequence[Stream]
    ) -> list[Outcome]:
        """Return the scores; ``records["cases"]`` holds that of each task."""
        from deapnets_programs.learning import Lesson, learn

        drawn = [rng.integer() % LESSONS for rng in rngs]
        found: list[Any] = [None] * len(programs)
        for number in sorted(set(drawn)):
            lesson = self.known[number]
            part = Lesson(lesson.tasks, max(1, round(fidelity * lesson.steps)), lesson.seed)
            own = [at for at, other in enumerate(drawn) if other == number]
            scores = learn([programs[at] for at in own], self._space, part).double()
            for at, row in zip(own, scores, strict=True):
                cases = {"cases": [round(value, 6) for value in row.tolist()]}
                found[at] = Outcome((float(row.mean()),), 0.0, cases)
        return found

    def validate(self, networks: Any) -> dict[str, torch.Tensor]:
        """Return the scores on tasks that nothing breeds by: they choose which rule is saved."""
        scores = self.score(networks, self.validation)
        return {"fitness": scores, "validation_score": scores}

    def score(self, rules: Sequence[Sequence[Any]], lessons: Sequence[Lesson]) -> torch.Tensor:
        """Return the mean scores ``[n]`` of rules over lessons and their tasks."""
        import torch

        from deapnets_programs.learning import learn

        return torch.stack([learn(rules, self._space, one).mean(1) for one in lessons]).mean(0)

    def measure(self, individual: Any) -> dict[str, float]:
        """Return ``test_score``, on unseen tasks, and how many nodes the rule has."""
        score = float(self.score([individual], self.unseen)[0])
        return {"test_score": score, "nodes": len(individual)}
