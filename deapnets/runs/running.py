"""`Run`: generation after generation, with a log line each, and the best network saved."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from deap import tools

from deapnets.algorithms.base import Algorithm, Generation
from deapnets.algorithms.ga import individual_class
from deapnets.architectures.spaces import SpaceGenome
from deapnets.evaluators.architectures import ArchitectureEvaluator
from deapnets.files.locking import locked
from deapnets.genomes.weights import WeightGenome
from deapnets.mapping import PopulationMap
from deapnets.runs.champion import Champion
from deapnets.runs.configuring import Configuration
from deapnets.runs.directory import RunDirectory
from deapnets.runs.drawing import random_states, set_random_states
from deapnets.runs.environment import environment
from deapnets.runs.journal import Journal
from deapnets.runs.logging import Loggers
from deapnets.runs.networks import Lineage
from deapnets.runs.pacing import Pace
from deapnets.runs.snapshots import Snapshots
from deapnets.runs.trace import Trace


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
        Where its files go. It may be made after `prepare`.
    resumes
        Go on with the run that is there, from its last snapshot: what comes out is what would have
        come out without the interruption.
    """

    def __init__(
        self, configuration: Configuration, directory: RunDirectory, *, resumes: bool = False
    ) -> None:
        self.configuration = configuration
        self.directory = directory
        self._resumes = resumes
        self._resumed = 0  # how often it was
        lineage = Lineage()
        self._snapshots = Snapshots(directory.path / "checkpoints", lineage)
        self._pace = Pace(configuration.checkpoint_every)
        self._between = False  # whether the state is that of the end of a generation
        self.champion = Champion()
        self._validation: dict[str, float] = {}
        self._mapping = PopulationMap(
            device=configuration.device,
            memory=configuration.memory,
            precision=configuration.precision,
            on_error=configuration.on_error,
            seed=configuration.seed,
            engine=configuration.engine,
            workers=configuration.workers,
            address=configuration.address,
            time_limit=configuration.time_limit,
        )
        self._journal = Journal(self._snapshots, self._mapping, lineage)
        self._trace = Trace(directory, self._mapping)
        self._facts: dict[str, Any] = {}
        self._seconds = 0.0
        self._number = 0
        self._reached = False
        self._algorithm: Algorithm | None = None  # once a generation was scored
        self._loggers = Loggers(())
        self._looked = -1  # generation of the last look at the validation split

    def prepare(self) -> None:
        """Open the data, build the ancestor, choose path and chunk; nothing is written.

        What cannot be run is said here.
        """
        self._loggers = Loggers(self.configuration.log)
        self._seed()  # a network draws its initial weights
        evaluator = self.configuration.evaluator
        if isinstance(evaluator, ArchitectureEvaluator):
            evaluator.open()
            self._facts = {"space": evaluator.space().describe()}
            return
        layout = evaluator.layout()
        about = self._mapping.describe(evaluator, layout)
        self._facts = {"parameters": layout.width, "map": about}

    def __iter__(self) -> Generator[Progress, None, None]:
        """Run; yield after each generation. The result is written when the iteration ends.

        However it ends: also when it is interrupted or fails, with the best network so far. The
        directory is this process's while the iteration lasts.

        Raises
        ------
        RunError
            When another process has the directory, no snapshot can be read, or a file cannot be
            written: a full disk, say.
        """
        with locked(self.directory.path):
            yield from self._run()

    def _run(self) -> Generator[Progress, None, None]:
        algorithm = self._begin()
        status, measured = "failed", {}
        try:
            yield from self._generations(algorithm)
            self._save_state(algorithm)
            measured = self._measure()
            status = "finished"
        except (KeyboardInterrupt, GeneratorExit):
            status = "interrupted"
            raise
        finally:
            self._finish(status, measured, algorithm)

    def _generations(self, algorithm: Algorithm) -> Generator[Progress, None, None]:
        began = time.perf_counter() - self._seconds
        spent = self._spent()
        self._pace.start()
        while spent < 1.0 and not self._reached:
            self._between = False
            self._journal.begin()
            with self._trace.step(self._number + 1):
                generation = algorithm.step(spent)
            self._trace.note(generation)
            self._number = generation.number
            self._algorithm = algorithm
            self._seconds = time.perf_counter() - began
            spent = self._spent()
            if generation.number % self.configuration.validate_every == 0 or spent >= 1.0:
                with self._trace.phase("validating"):
                    self._look(algorithm)
            self._seconds = time.perf_counter() - began
            progress = self._note(generation, algorithm.figures(), spent)
            self._between = True
            if self._pace.due():
                with self._trace.phase("saving"):
                    self._save_state(algorithm)
            yield progress

    def _spent(self) -> float:
        """Return the part of the budget that is spent: nothing before the initial population."""
        if self._algorithm is None:
            return 0.0
        evaluations, cost = self._mapping.evaluations, self._algorithm.cost()
        return self.configuration.budget.spent(self._number, self._seconds, evaluations, cost)

    def _begin(self) -> Algorithm:
        """Write the first files and return the algorithm, seeded and not yet started.

        Or with the state of the last snapshot, where a run is resumed.
        """
        self.prepare()
        configuration = self.configuration
        state = self._stored_state() if self._resumes else None
        config = {**configuration.describe(), **self._facts}
        self.directory.write("config.json", config)
        if not self._resumes:
            found = configuration.plugin.loaded.found
            self.directory.write("environment.json", environment(found.distribution))
        self._seed()  # again: a network that was built before has drawn nothing now
        algorithm = configuration.settings.begin(configuration.evaluator, self._mapping)
        if configuration.budget.evaluation_seconds is not None:
            algorithm.bound(configuration.budget.evaluation_seconds)
        if state is not None:
            self._take_up(state, algorithm)
        else:
            self.directory.rewind(-1)
            self._save_state(algorithm)
        self._loggers.begin(self.directory.path, config, self.directory.log)
        return algorithm

    def _stored_state(self) -> Any:
        """Return the state of the last whole snapshot; None where it died before the first."""
        state = self._snapshots.read([individual_class(self.configuration.evaluator)])
        for message in self._snapshots.damaged:
            warnings.warn(f"{message} The snapshot before it is used.", stacklevel=2)
        return state

    def _save_state(self, algorithm: Algorithm) -> None:
        """Write a snapshot of the end of a generation, behind the log that leads to it."""
        self._trace.save_line()
        self.directory.sync_log()
        self._snapshots.write(
            {
                "begun": self._algorithm is not None,
                "generation": self._number,
                "seconds": self._seconds,
                "validation": self._validation,
                "looked": self._looked,
                "reached": self._reached,
                "resumed": self._resumed,
                "champion": self.champion.state_dict(),
                "algorithm": algorithm.state_dict(),
                "evaluator": self.configuration.evaluator.state_dict(),
                "map": self._mapping.state_dict(),
                "random": random_states(),
                "trace": self._trace.state_dict(),
            }
        )
        self._pace.start()

    def _take_up(self, state: dict[str, Any], algorithm: Algorithm) -> None:
        """Put everything where it stood when `_save_state` looked, the files included."""
        self._algorithm = algorithm if state["begun"] else None
        self._number, self._seconds = state["generation"], state["seconds"]
        self._validation, self._looked = state["validation"], state["looked"]
        self._reached, self._resumed = state["reached"], state["resumed"] + 1
        self.champion.load_state_dict(state["champion"], self.configuration.evaluator)
        algorithm.load_state_dict(state["algorithm"])
        self.configuration.evaluator.load_state_dict(state["evaluator"])
        self._mapping.load_state_dict(state["map"])
        self._trace.load_state_dict(state.get("trace", {}))
        self.directory.rewind(self._number if state["begun"] else -1)
        self._save()
        self._journal.load(self._snapshots.lines)
        set_random_states(state["random"])

    def _seed(self) -> None:
        random.seed(self.configuration.seed)
        np.random.seed(self.configuration.seed)
        torch.manual_seed(self.configuration.seed)

    def _look(self, algorithm: Algorithm) -> None:
        """Look at the validation split, and save a better network."""
        evaluator = self.configuration.evaluator
        self._validation = self.champion.consider(
            evaluator, algorithm.candidates(), self._number, algorithm.decides
        )
        self._looked = self._number
        if self.champion.generation == self._number:
            self._save()
            self._trace.keep_line()
        if _worth_a_picture(self._number // self.configuration.validate_every):
            self._draw(f"pictures/{self._number:06d}.png")
        self._reached = self.configuration.budget.reached(self._validation)

    def _draw(self, name: str) -> None:
        """Write a picture of what the best network does, where its evaluator draws one."""
        individual = self.champion.individual
        picture = None
        if isinstance(individual, WeightGenome):
            picture = self.configuration.evaluator.draw(individual)
        if picture is not None:
            self.directory.write_bytes(name, picture)

    def _save(self) -> None:
        individual = self.champion.individual
        if individual is None:
            return
        about: dict[str, Any] = {}
        if isinstance(individual, SpaceGenome):
            about = individual.describe()
        else:
            net = self.configuration.evaluator.genome()
            self.directory.write_weights("best.safetensors", individual.state_dict(net))
        self.directory.write(
            "best.json",
            {
                "generation": self.champion.generation,
                "fitness": self.champion.fitness,
                "source": self.champion.source,
                "digest": individual.digest,
                **about,
                **self.champion.figures,
            },
        )

    def _note(self, generation: Generation, figures: dict[str, float], spent: float) -> Progress:
        """Write the generation's line of the log."""
        values = np.array([i.fitness.values[0] for i in generation.population])
        best = float(tools.selBest(generation.population, 1)[0].fitness.values[0])
        record = {
            "generation": generation.number,
            "evaluations": self._mapping.evaluations,
            "image_forwards": self._mapping.forwards,
            "seconds": round(self._seconds, 6),
            "best": best,
            "mean": float(values.mean()),
            "std": float(values.std()),
            **figures,
            "spent": spent,
            "faults": len(self._mapping.faults),
            **(self._validation if self._looked == generation.number else {}),
        }
        self.directory.append(record)
        self._loggers.log(record)
        return Progress(
            generation.number,
            self._mapping.evaluations,
            self._seconds,
            self._spent(),  # now: the look at the validation split took its time, too
            best,
            self._validation,
        )

    def _measure(self) -> dict[str, float]:
        """Return the champion's held-out figures; the test split is opened here alone."""
        individual = self.champion.individual
        self._draw("picture.png")
        if individual is None:
            return {}
        evaluator = self.configuration.evaluator
        figures = evaluator.measure(individual)  # type: ignore[arg-type]  # of its own kind
        for name in ("mistakes", "matrix"):
            found = getattr(evaluator, name)(individual)
            if found is not None:
                self.directory.write(f"{name}.json", found)
        return figures

    def _finish(self, status: str, measured: dict[str, float], algorithm: Algorithm) -> None:
        try:
            if status != "finished":
                if self._between:
                    self._save_state(algorithm)
                self._save_last()
            self._trace.save_line()
        finally:
            result = self._result(status, measured)
            self.directory.write("result.json", result)
            self._loggers.end(result)
            self._mapping.close()

    def _save_last(self) -> None:
        """Save once more: the end may have come between two looks, or between two files."""
        if self._algorithm is not None and self._looked < self._number:
            self._look(self._algorithm)
        self._save()

    def _result(self, status: str, measured: dict[str, float]) -> dict[str, Any]:
        found = self.champion.individual is not None
        cost = {}
        if self.configuration.settings.costs and self._algorithm is not None:
            cost = {"evaluation_seconds": self._algorithm.cost()}
        return {
            "evaluator": self.configuration.plugin.loaded.found.name,
            "algorithm": self.configuration.algorithm,
            "seed": self.configuration.seed,
            "status": status,
            "generations": self._number,
            "evaluations": self._mapping.evaluations,
            "image_forwards": self._mapping.forwards,
            "seconds": round(self._seconds, 3),
            **cost,
            "best_fitness": self.champion.fitness if found else None,
            "best_source": self.champion.source,
            "resumed": self._resumed,
            "faults": self._mapping.faults,
            "metrics": {
                **self.champion.figures,
                **measured,
                **{k: v for k, v in self._facts.items() if k == "parameters"},
            },
        }


def _worth_a_picture(looks: int) -> bool:
    """Return whether so many looks are 0 or a power of two: a run changes most at its beginning."""
    return looks & (looks - 1) == 0
