"""The two halves of a generation, which loops share: breeding and evaluating."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from deap import algorithms, base, tools

from deapnets.algorithms.books import Books
from deapnets.errors import EvaluationError, OptionError
from deapnets.evaluators.calling import find_evaluator
from deapnets.machine.collecting import collector_paused
from deapnets.mapping import PopulationMap


def breed(
    population: Sequence[Any], toolbox: base.Toolbox, cxpb: float, mutpb: float, elites: int
) -> tuple[list[Any], list[Any]]:
    """Return the parents, and the survivors and offspring that follow the population."""
    parents = toolbox.select(population, len(population) - elites)
    offspring = algorithms.varAnd(parents, toolbox, cxpb, mutpb)
    best = tools.selBest(population, elites) if elites else []
    survivors = [toolbox.clone(individual) for individual in best]
    return list(parents), survivors + offspring


def evaluate(population: Sequence[Any], toolbox: base.Toolbox, books: Books) -> int:
    """Score who has no valid fitness, and everybody where scores hold for one generation.

    Returns how many were scored.
    """
    evaluator, _ = find_evaluator(toolbox.evaluate)
    if evaluator is not None and evaluator.fresh:
        books.warn_of_hall(evaluator.title)
        for individual in population:
            del individual.fitness.values
    waiting = [one for one in population if not one.fitness.valid]
    with _one_generation(toolbox):
        scores = list(toolbox.map(toolbox.evaluate, waiting))
    if len(scores) != len(waiting):
        raise EvaluationError(
            f"toolbox.map returned {len(scores)} results for {len(waiting)} individuals; "
            "it must return one each, in order."
        )
    with collector_paused():
        for individual, values in zip(waiting, scores, strict=True):
            individual.fitness.values = values
    return len(waiting)


def _one_generation(toolbox: base.Toolbox) -> AbstractContextManager[Any]:
    mapping = getattr(toolbox.map, "func", toolbox.map)
    return mapping.generation() if isinstance(mapping, PopulationMap) else nullcontext()


def require_loop(population: Sequence[Any], cxpb: float, mutpb: float, elites: int) -> None:
    """Raise an `OptionError` for what no loop over this population can use."""
    if not population:
        raise OptionError("The population is empty: create it with toolbox.population(n=...).")
    for name, value in (("cxpb", cxpb), ("mutpb", mutpb)):
        if not 0.0 <= value <= 1.0:
            raise OptionError(f"{name} is a probability in [0, 1], got {value!r}.")
    if not 0 <= elites < len(population):
        raise OptionError(
            f"elites must leave room for offspring: from 0 to {len(population) - 1} of a "
            f"population of {len(population)}, got {elites}."
        )
