"""`Course`: what a search would have returned at each moment, where that can be looked up."""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, final

from deapnets.evaluators.architectures import ArchitectureEvaluator
from deapnets.evaluators.base import Evaluator
from deapnets.evaluators.census import Census
from deapnets.runs.budget import Budget
from deapnets.runs.directory import TRACE, RunDirectory

MOMENTS = 5
"""Moments at which a comparison tells the mean figures: the last one, half of it, and so on."""


@final
class Course(NamedTuple):
    """One run, a line of its log each: what was spent, and figures of the leader at that time."""

    evaluations: list[int]
    seconds: list[float]  # that evaluations have cost
    figures: list[dict[str, float]]

    def at(self, seconds: float) -> dict[str, float]:
        """Return the figures of the last leader before so many seconds were spent."""
        return self.figures[max(0, bisect_right(self.seconds, seconds) - 1)]


@final
class Courses(NamedTuple):
    """The courses of a comparison's runs, by algorithm, and the census of the evaluator."""

    runs: dict[str, list[Course]]
    census: Census | None

    def names(self) -> set[str]:
        """Return the names of the figures."""
        return set(next(iter(self.runs.values()))[0].figures[0])

    def means(self) -> list[dict[str, Any]]:
        """Return, for each algorithm, moments in seconds of evaluations and the mean figures then.

        The last moment is the one that all runs have reached.
        """
        end = min(course.seconds[-1] for lot in self.runs.values() for course in lot)
        moments = [end / 2**back for back in reversed(range(MOMENTS))]
        told = []
        for name, lot in self.runs.items():
            then = [[course.at(moment) for course in lot] for moment in moments]
            means = {
                figure: [statistics.fmean(one[figure] for one in figures) for figures in then]
                for figure in lot[0].figures[0]
            }
            told.append({"algorithm": name, "evaluation_seconds": moments, **means})
        return told


def courses_of(evaluator: Evaluator, runs: Mapping[str, Sequence[RunDirectory]]) -> Courses | None:
    """Return the courses of finished runs; None where leaders cannot be looked up."""
    if not isinstance(evaluator, ArchitectureEvaluator):
        return None
    found: dict[str, list[Course]] = {}
    for name, directories in runs.items():
        for directory in directories:
            course = course_of(directory, evaluator)
            if course is None:
                return None
            found.setdefault(name, []).append(course)
    return Courses(found, evaluator.census())


def course_of(run: RunDirectory, evaluator: ArchitectureEvaluator) -> Course | None:
    """Return the course of a finished run; None where leaders cannot be looked up.

    Looking back tells nothing to a search: it is over.
    """
    leaders = {line["generation"]: line.get("leader") for line in run.log(TRACE)}
    course = Course([], [], [])
    for record in run.log():
        leader = leaders.get(record["generation"])
        figures = {} if leader is None else evaluator.look_up(leader)
        if figures and "evaluation_seconds" in record:
            course.evaluations.append(record["evaluations"])
            course.seconds.append(record["evaluation_seconds"])
            course.figures.append(figures)
    return course if course.figures else None


def expected(evaluator: Evaluator, budget: Budget) -> dict[str, float]:
    """Return what is expected of as many random draws as a budget pays for; empty if unknown."""
    census = evaluator.census() if isinstance(evaluator, ArchitectureEvaluator) else None
    if census is None:
        return {}
    if budget.evaluation_seconds is not None:
        return census.best_of(census.draws_for(budget.evaluation_seconds))
    return {} if budget.evaluations is None else census.best_of(budget.evaluations)
