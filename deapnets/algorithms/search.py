"""`Search`: the steady state that all searches of architectures share, as an iterator."""

from __future__ import annotations

import functools
import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, ClassVar, NamedTuple

from deap import base

from deapnets.algorithms.halving import Halving
from deapnets.algorithms.ledger import Ledger, name_of
from deapnets.algorithms.screening import Screening
from deapnets.algorithms.trials import (
    Place,
    Trial,
    a_model,
    as_outcome,
    pack_individual,
    unpack_individual,
)
from deapnets.errors import OptionError, WorkerLostError, at_least_one
from deapnets.evaluators.architectures import ArchitectureEvaluator, Outcome
from deapnets.evaluators.archive import Score, ScoreArchive


class Evaluation(NamedTuple):
    """One evaluation, and where the search stands after it."""

    number: int  # from 1
    individual: Any  # evaluated; its ``level`` says at which fidelity
    population: list[Any]  # the oldest first; what it means is the algorithm's affair
    outcome: Outcome


class Search(ABC):
    """Proposes individuals, has them evaluated, and applies results in order of submission.

    ``window`` individuals are under way at a time; the next one is proposed when the result of the
    oldest was applied. So a search is the same for one seed on any number of workers, and workers
    are busy as long as there are several times fewer of them than the window holds.

    Derive from it for a search of your own: `propose` and `receive` are all there is to write.

    Parameters
    ----------
    toolbox
        ``individual, evaluate, clone``, and what the algorithm names. With an
        `ArchitectureEvaluator` as ``evaluate`` fidelities, seeds and costs are known; any function
        of an individual will do.
    evaluations
        End after so many; None to go on.
    seconds
        End when evaluations have cost so much, by the evaluator's own count; None to go on.
    window
        Individuals under way at a time, at least 1.
    executor
        Any `concurrent.futures.Executor`; None evaluates in this process.
    archive
        A `ScoreArchive` that remembers scores beyond this search.
    halving
        A `Halving`: fidelities that children climb.
    rescore
        Of ``evaluations``, how many at the end score the leaders again: the mean of several scores
        tells the best from the lucky.
    leaders
        How many of the best are scored again.
    screening
        A `Screening` that chooses, by a proxy, which of several children is evaluated.

    Attributes
    ----------
    population
        The present individuals.
    ledger
        What was seen: `deapnets.algorithms.ledger.Ledger`.
    number
        Evaluations applied so far.

    Raises
    ------
    OptionError
        When a number cannot be used, or the budget is not above the population.

    Notes
    -----
    Draws from Python's `random`; each evaluation gets a seed of its own from it.
    """

    screens: ClassVar[bool] = False
    """Whether what it proposes is `bred`: chosen by a proxy, where there is one."""

    def __init__(
        self,
        toolbox: base.Toolbox,
        *,
        evaluations: int | None = None,
        seconds: float | None = None,
        window: int = 1,
        executor: Executor | None = None,
        archive: ScoreArchive | None = None,
        halving: Halving | None = None,
        rescore: int = 0,
        leaders: int = 8,
        screening: Screening | None = None,
    ) -> None:
        if screening is not None and not self.screens:
            raise OptionError(
                f"{type(self).__name__} draws no children to choose from: leave screening out."
            )
        at_least_one(window=window, leaders=leaders)
        if rescore < 0 or (evaluations is not None and rescore >= evaluations):
            raise OptionError(
                f"rescore is a part of the evaluations, from 0 to less than {evaluations}; "
                f"got {rescore}."
            )
        self.toolbox = toolbox
        self.evaluations, self.seconds = evaluations, seconds
        self.window, self.rescore, self.leaders = window, rescore, leaders
        self.population: list[Any] = []
        self.ledger = Ledger()
        self.number = 0
        self._executor, self._archive, self._halving = executor, archive, halving
        self._screening = screening
        self._waiting: deque[Trial] = deque()
        self._promoted: deque[Trial] = deque()
        self._started = 0
        function = toolbox.evaluate
        while isinstance(function, functools.partial):  # what Toolbox.register makes
            function = function.func
        self._evaluator = function if isinstance(function, ArchitectureEvaluator) else None

    def bred(self, make: Callable[[], Any]) -> Any:
        """Return what ``make`` makes; with a `Screening` the best of several, by its proxy."""
        return make() if self._screening is None else self._screening.choose(make)

    @abstractmethod
    def propose(self) -> Any:
        """Return the next individual to be evaluated: a new one, or a changed clone."""

    @abstractmethod
    def receive(self, individual: Any) -> None:
        """Take in an individual that was evaluated: change the population."""

    def __iter__(self) -> Iterator[Evaluation]:
        return self

    def __next__(self) -> Evaluation:
        """Return the next evaluation, in order of submission."""
        self._fill()
        if not self._waiting:
            raise StopIteration
        trial = self._waiting.popleft()
        outcome = self._result(trial)
        self.number += 1
        self._apply(trial, outcome)
        return Evaluation(self.number, trial.individual, self.population, outcome)

    def run(self) -> Any:
        """Search until the budget is spent; return the best individual: see `best`."""
        if self.evaluations is None and self.seconds is None:
            raise OptionError(
                f"{type(self).__name__}.run needs evaluations or seconds; without them, iterate "
                "and stop."
            )
        for _ in self:
            pass
        return self.best()

    def best(self) -> Any:
        """Return the individual whose network has the best mean of its scores; None at first."""
        entry = self.ledger.best()
        return None if entry is None else entry.individual

    def figures(self) -> dict[str, float]:
        """Return the counts of the ledger, and what is known of a proxy."""
        more = {} if self._screening is None else self._screening.figures()
        return {**self.ledger.figures(), **more}

    def _fill(self) -> None:
        for trial in self._waiting:
            if trial.result is None:  # after a state was taken up
                self._start(trial)
        while len(self._waiting) < self.window and self._has_budget():
            trial = self._next_trial()
            self._started += 1
            self._look_up(trial)
            self._start(trial)
            self._waiting.append(trial)

    def is_paid_out(self) -> bool:
        """Return whether evaluations have cost ``seconds``, where that is the budget."""
        return self.seconds is not None and self.ledger.seconds >= self.seconds

    def _has_budget(self) -> bool:
        if self.is_paid_out():
            return False
        return self.evaluations is None or self._started < self.evaluations

    def _next_trial(self) -> Trial:
        seed = random.getrandbits(64)
        if self._is_rescoring():
            entry = self.ledger.next_leader(self.leaders)
            entry.waiting += 1
            return Trial(entry.individual, self._top, seed, again=True)
        if self._promoted:
            return self._promoted.popleft()
        individual = self.propose()
        individual.level = 0
        self.ledger.proposals += 1
        self.ledger.keys.add(name_of(individual))
        return Trial(individual, 0, seed)

    def _is_rescoring(self) -> bool:
        if self.evaluations is None or not self.rescore or not self.ledger.entries:
            return False
        return self._started >= self.evaluations - self.rescore

    @property
    def _top(self) -> int:
        return self._halving.top if self._halving else 0

    def _fidelity(self, level: int) -> float:
        if self._halving:
            return self._halving.fidelities[level]
        return self._evaluator.fidelities[-1] if self._evaluator else 1.0

    def _look_up(self, trial: Trial) -> None:
        """Note what is known of a trial now: it may change while the trial is under way."""
        individual = trial.individual
        if self._archive is not None and not trial.again:
            known = self._archive.recall(name_of(individual), self._fidelity(trial.level))
            trial.known = known
        parent = getattr(individual, "parent", None)
        if self._evaluator is not None and parent is not None:
            trial.legacy = self._evaluator.legacy(parent)

    def _start(self, trial: Trial) -> None:
        """Begin an evaluation: hand it to an executor, or leave it for its turn."""
        if trial.known is not None:
            outcome = Outcome(trial.known)
            trial.result = lambda: (outcome, None)
            return
        call, arguments = self._call(trial)
        if self._executor is None:
            trial.result = lambda: _both(call(*arguments))
        else:
            future: Future[Any] = self._executor.submit(call, *arguments)
            trial.result = lambda: _both(future.result())

    def _call(self, trial: Trial) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return what evaluates a trial, in whatever process, and its arguments."""
        evaluator, individual = self._evaluator, trial.individual
        if evaluator is None:
            return self.toolbox.evaluate, (individual,)
        fidelity = self._fidelity(trial.level)
        if self._executor is None and not evaluator.bequeaths:
            return evaluator.outcome, (individual, fidelity, trial.seed)
        parent = getattr(individual, "parent", None)
        # Classes of DEAP's creator do not travel well.
        return evaluator.errand, (individual.plain(), fidelity, trial.seed, parent, trial.legacy)

    def _result(self, trial: Trial) -> Outcome:
        """Return the outcome of a trial that was started; its legacy is there for children."""
        try:
            outcome, legacy = trial.result()  # type: ignore[misc]  # it was started
        except WorkerLostError as error:
            if self._evaluator is None:
                raise
            return self._evaluator.failed(str(error))
        if legacy is not None and self._evaluator is not None:
            self._evaluator.admit(trial.individual.key, legacy)
        return outcome

    def _apply(self, trial: Trial, outcome: Outcome) -> None:
        individual = trial.individual
        self._count(trial, outcome)
        if trial.again:
            self.ledger.note(individual, outcome.values)
            self.ledger.entries[name_of(individual)].waiting -= 1
            return
        individual.fitness.values = outcome.values
        individual.records = outcome.records
        individual.level = trial.level
        before = getattr(individual, "place", None)
        parent = None if before is None else before.number
        individual.place = Place(self.number, parent, self.ledger.seconds)
        if self._halving and self._halving.goes_on(trial.level, individual.fitness.wvalues):
            seed = random.getrandbits(64)
            self._promoted.append(Trial(individual, trial.level + 1, seed))
            return
        if trial.level == self._top:
            self.ledger.note(individual, outcome.values)
            if self._screening is not None and "infeasible" not in outcome.records:
                self._screening.note(individual, individual.fitness.wvalues[0])
        self.receive(individual)

    def _count(self, trial: Trial, outcome: Outcome) -> None:
        reason = outcome.records.get("infeasible")
        if reason is not None:
            self.ledger.infeasible[reason] = self.ledger.infeasible.get(reason, 0) + 1
        if trial.known is not None:
            self.ledger.hits += 1
            return
        self.ledger.seconds += outcome.seconds
        if self._archive is not None:
            score = Score(outcome.values, outcome.seconds, trial.seed)
            key, fidelity = name_of(trial.individual), self._fidelity(trial.level)
            self._archive.note(key, fidelity, score, str(trial.individual))

    def state_dict(self) -> dict[str, Any]:
        """Return what goes on from here, as JSON values; individuals are their texts.

        As `deapnets.algorithms.base.Algorithm.state_dict`. What is under way is evaluated again,
        under the same seeds, and may hold tensors of what it inherits. Random states, the toolbox
        and an archive's file are not in it.
        """
        return {
            "number": self.number,
            "started": self._started,
            "population": [pack_individual(one) for one in self.population],
            "waiting": [trial.packed() for trial in self._waiting],
            "promoted": [trial.packed() for trial in self._promoted],
            "seen": [list(map(list, level)) for level in self._halving.seen]
            if self._halving
            else [],
            "ledger": self.ledger.packed(),
            "archive": {} if self._archive is None else self._archive.state_dict(),
            "screening": {} if self._screening is None else self._screening.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        model = a_model(self.toolbox)
        self.number, self._started = state["number"], state["started"]
        self.population = [unpack_individual(one, model) for one in state["population"]]
        self._waiting = deque(Trial.unpacked(one, model) for one in state["waiting"])
        self._promoted = deque(Trial.unpacked(one, model) for one in state["promoted"])
        self.ledger = Ledger.unpacked(state["ledger"], model)
        if self._archive is not None:
            self._archive.load_state_dict(state["archive"])
        if self._screening is not None:
            self._screening.load_state_dict(state["screening"])
        if self._halving:
            self._halving.seen = [list(map(tuple, level)) for level in state["seen"]]
        for trial in self._waiting:
            if trial.again:
                self.ledger.entries[name_of(trial.individual)].waiting += 1


def _both(returned: Any) -> tuple[Outcome, Any]:
    """Return the outcome and the legacy of what an evaluator, or any function, returned."""
    if isinstance(returned, tuple) and returned and isinstance(returned[0], Outcome):
        return returned[0], returned[1]
    return as_outcome(returned), None
