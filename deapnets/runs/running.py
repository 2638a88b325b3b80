"""`Run`: generation after generation, with a log line each, and the best network saved."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from deap import tools

from deapnets.algorithms.ga import genetic_algorithm, set_sigma, toolbox_of
from deapnets.algorithms.generational import Generation, eaGenerational
from deapnets.genomes.layout import Layout
from deapnets.mapping import PopulationMap
from deapnets.runs.champion import Champion
from deapnets.runs.configuring import Configuration
from deapnets.runs.directory import RunDirectory
from deapnets.runs.environment import environment


@final
@dataclass(frozen=True)
class Progress:
    """Where a run stands after a generation."""

    generation: int
    evaluations: int
    seconds: float
    spent: float  # part of the budget, 0 to 1
    best: float  # training fitness of the generation's best
    validation: dict[str, float]  # the latest figures of the validation split


@final
class Run:
    """One run of an algorithm on an evaluator, in a directory of its own.

    Iterate over it: each step is a generation. Everything random comes from the configuration's
    seed; for a budget of generations or evaluations, one seed gives one result.

    Parameters
    ----------
    configuration
        What is run.
    directory
        Where its files go.
    """

    def __init__(self, configuration: Configuration, directory: RunDirectory) -> None:
        self.configuration = configuration
        self.directory = directory
        self.champion = Champion()
        self._validation: dict[str, float] = {}
        self._mapping = PopulationMap(
            device=configuration.device,
            memory=configuration.memory,
            on_error=configuration.on_error,
            seed=configuration.seed,
        )
        self._seconds = 0.0
        self._number = 0
        self._reached = False

    def __iter__(self) -> Iterator[Progress]:
        """Run; yield after each generation. The result is written when the iteration ends.

        However it ends: also when it is interrupted or fails, with the best network so far.
        """
        status = "failed"
        try:
            yield from self._generations()
            status = "finished"
        except (KeyboardInterrupt, GeneratorExit):
            status = "interrupted"
            raise
        finally:
            self._finish(status)

    def _generations(self) -> Iterator[Progress]:
        algorithm = self._begin()
        began = time.perf_counter()
        settings, budget = self.configuration.settings, self.configuration.budget
        spent = 0.0
        while spent < 1.0 and not self._reached:
            sigma = set_sigma(algorithm.toolbox, settings, spent)
            generation = next(algorithm)
            self._number = generation.number
            self._seconds = time.perf_counter() - began
            spent = budget.spent(generation.number, self._seconds, self._mapping.evaluations)
            self._look(generation, last=spent >= 1.0)
            self._seconds = time.perf_counter() - began
            yield self._note(generation, sigma, spent)

    def _begin(self) -> eaGenerational:
        """Seed everything, write the first files, and return the algorithm, not yet started."""
        configuration = self.configuration
        random.seed(configuration.seed)
        np.random.seed(configuration.seed)
        torch.manual_seed(configuration.seed)
        evaluator = configuration.evaluator
        toolbox = toolbox_of(configuration.settings, evaluator, self._mapping)
        layout = Layout.of(evaluator.genome())
        self.directory.write(
            "config.json",
            {
                **configuration.describe(),
                "parameters": layout.width,
                "map": self._mapping.describe(evaluator, layout),
            },
        )
        self.directory.write(
            "environment.json", environment(configuration.plugin.loaded.found.distribution)
        )
        return genetic_algorithm(configuration.settings, toolbox)

    def _look(self, generation: Generation, last: bool) -> None:
        """Look at the validation split when it is time, and save a better network."""
        if generation.number % self.configuration.validate_every and not last:
            return
        evaluator = self.configuration.evaluator
        before = self.champion.generation, self.champion.fitness
        self._validation = self.champion.consider(
            evaluator, generation.population, generation.number
        )
        if (self.champion.generation, self.champion.fitness) != before:
            self._save()
        self._reached = self.configuration.budget.reached(self._validation)

    def _save(self) -> None:
        individual = self.champion.individual
        if individual is None:
            return
        self.directory.write_weights("best.safetensors", individual.state_dict())
        self.directory.write(
            "best.json",
            {
                "generation": self.champion.generation,
                "fitness": self.champion.fitness,
                "source": self.champion.source,
                "digest": individual.digest,
                **self.champion.figures,
            },
        )

    def _note(self, generation: Generation, sigma: float, spent: float) -> Progress:
        """Write the generation's line of the log."""
        values = np.array([i.fitness.values[0] for i in generation.population])
        best = float(tools.selBest(generation.population, 1)[0].fitness.values[0])
        looked = generation.number % self.configuration.validate_every == 0 or spent >= 1.0
        self.directory.append(
            {
                "generation": generation.number,
                "evaluations": self._mapping.evaluations,
                "image_forwards": self._mapping.forwards,
                "seconds": round(self._seconds, 6),
                "best": best,
                "mean": float(values.mean()),
                "std": float(values.std()),
                "sigma": sigma,
                "spent": spent,
                "faults": len(self._mapping.faults),
                **(self._validation if looked else {}),
            }
        )
        return Progress(
            generation.number,
            self._mapping.evaluations,
            self._seconds,
            spent,
            best,
            self._validation,
        )

    def _finish(self, status: str) -> None:
        """Write ``result.json``; the test split is opened here, and only for a finished run."""
        individual = self.champion.individual
        if individual is None:
            return
        evaluator = self.configuration.evaluator
        metrics: dict[str, Any] = dict(self.champion.figures)
        if status == "finished":
            metrics |= evaluator.measure(individual)
        metrics["parameters"] = individual.layout.width
        self.directory.write(
            "result.json",
            {
                "evaluator": self.configuration.plugin.loaded.found.name,
                "algorithm": self.configuration.algorithm,
                "seed": self.configuration.seed,
                "status": status,
                "generations": self._number,
                "evaluations": self._mapping.evaluations,
                "image_forwards": self._mapping.forwards,
                "seconds": round(self._seconds, 3),
                "best_fitness": self.champion.fitness,
                "best_source": self.champion.source,
                "faults": self._mapping.faults,
                "metrics": metrics,
            },
        )
