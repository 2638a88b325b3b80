"""`Configuration`: every setting of a run, as it stands in its ``config.json``."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from deapnets.algorithms.base import Settings
from deapnets.engines.faults import OnError
from deapnets.errors import OptionError, PluginError, at_least_one, unknown
from deapnets.evaluators.architectures import ArchitectureEvaluator
from deapnets.evaluators.base import Evaluator
from deapnets.plugins import EVALUATORS, STRATEGIES, UsablePlugin, find, get
from deapnets.plugins.options import options_of, parse_options
from deapnets.runs.budget import Budget
from deapnets.runs.directory import FORMAT

if TYPE_CHECKING:
    from deapnets.networks.precision import Precision


@final
@dataclass(frozen=True)
class Configuration:
    """What is run: evaluator, algorithm, budget, seed and machine.

    Parameters
    ----------
    plugin
        The evaluator, constructed with its options.
    algorithm
        Name of the algorithm.
    settings
        Its settings.
    budget
        When the run ends.
    seed
        Seed of everything that is random, from 0 to 2**32 - 1.
    device, memory, precision, on_error, engine, workers, address, time_limit
        As `deapnets.PopulationMap` takes them.
    validate_every
        Generations between two looks at the validation split.
    checkpoint_every
        Seconds between two snapshots; 0 for one after each generation.
    log
        Names of the loggers that are told each record.
    """

    plugin: UsablePlugin
    algorithm: str
    settings: Settings
    budget: Budget
    seed: int
    device: str = "auto"
    memory: str | None = None
    precision: Precision = "float32"
    on_error: OnError = "raise"
    validate_every: int = 10
    checkpoint_every: float = 10.0
    engine: str = "serial"
    workers: int | None = None
    address: str | None = None
    time_limit: float | None = None
    log: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 1 << 32:
            raise OptionError(f"A seed is from 0 to 2**32 - 1, got {self.seed}.")
        at_least_one(validate_every=self.validate_every)
        if not 0 <= self.checkpoint_every < math.inf:
            raise OptionError(
                f"checkpoint_every is a number of seconds, or 0 for every generation; "
                f"got {self.checkpoint_every}."
            )
        self.budget.require_more_than(self.settings.population)
        if self.budget.evaluation_seconds is not None and not self.settings.costs:
            raise OptionError(
                f'"{self.algorithm}" does not count what evaluations cost: evaluation_seconds are '
                "a budget of searches of architectures. Give seconds or evaluations."
            )
        searches = self.settings.searches
        if searches != isinstance(self.plugin.instance, ArchitectureEvaluator):
            name = self.plugin.loaded.found.name
            raise OptionError(
                f'"{self.algorithm}" {"searches architectures" if searches else "evolves weights"}'
                f', and "{name}" is not about those. '
                f"Try: deapnets run {name} --algorithm {'ga' if searches else 'aging'}"
            )

        if searches and self.precision != "float32":
            raise OptionError(
                f'precision is of runs that evolve weights, and "{self.algorithm}" searches '
                "architectures: their evaluator trains as its own options say."
            )

    @property
    def evaluator(self) -> Evaluator:
        """The evaluator."""
        instance = self.plugin.instance
        if not isinstance(instance, Evaluator):
            raise OptionError(
                f'"{self.plugin.loaded.found.name}" is {type(instance).__name__}, which is no '
                "deapnets.Evaluator."
            )
        return instance

    def describe(self) -> dict[str, Any]:
        """Return the JSON object of ``config.json``: defaults and the drawn seed included."""
        found = self.plugin.loaded.found
        return {
            "format": FORMAT,
            "evaluator": found.name,
            "distribution": found.distribution,
            "distribution_version": found.version,
            "options": dict(self.plugin.options),
            "algorithm": self.algorithm,
            "algorithm_options": dataclasses.asdict(self.settings),
            "budget": dataclasses.asdict(self.budget),
            "seed": self.seed,
            "device": self.device,
            "memory": self.memory,
            "precision": self.precision,
            "on_error": self.on_error,
            "engine": self.engine,
            "workers": self.workers,
            "address": self.address,
            "time_limit": self.time_limit,
            "validate_every": self.validate_every,
            "checkpoint_every": self.checkpoint_every,
            "log": list(self.log),
        }


def make_evaluator(name: str, pairs: Sequence[str], algorithm: str = "") -> UsablePlugin:
    """Return the evaluator ``name`` or ``distribution:name`` with ``KEY=VALUE`` options.

    What is not given is what the evaluator is under this algorithm (`Evaluator.presets`), then the
    option's default.
    """
    loaded = get(EVALUATORS, name).load()
    presets = getattr(loaded.target, "presets", {}).get(algorithm, {})
    return loaded.make(**{**presets, **parse_options(pairs, loaded.options())})


def make_settings(
    algorithm: str, pairs: Sequence[str], evaluator: Any = None, population: int | None = None
) -> Settings:
    """Return an algorithm's settings for ``KEY=VALUE`` options.

    What is not given is the evaluator's own (`Evaluator.settings`), then the algorithm's default.

    Raises
    ------
    OptionError
        When the algorithm or an option is unknown, or a value cannot be used.
    """
    kind = settings_class(algorithm, evaluator)
    own = getattr(evaluator, "settings", {}).get(algorithm.rpartition(":")[2], {})
    values = {**own, **parse_options(pairs, options_of(kind))}
    if population is not None:
        values["population"] = population
    return kind(**values)


def settings_class(algorithm: str, evaluator: Any = None) -> type[Settings]:
    """Return the settings of an algorithm: ``name`` or ``distribution:name`` of its entry point.

    ``random`` draws weights or architectures, whatever the evaluator is of.

    Raises
    ------
    OptionError
        When no installed distribution brings it.
    PluginError
        When it is broken, or brought twice.
    """
    known = {plugin.name for plugin in find(STRATEGIES)}
    if algorithm.rpartition(":")[2] not in known:
        raise OptionError(unknown("algorithm", algorithm, known))
    kind = get(STRATEGIES, algorithm).load().target
    if not issubclass(kind, Settings):
        raise PluginError(
            f'Strategy "{algorithm}" is {kind.__name__}, which is no '
            "deapnets.algorithms.base.Settings."
        )
    return kind.suited(evaluator)


def draw_seed() -> int:
    """Return a seed from the system's entropy, for a run that was given none."""
    return random.SystemRandom().randrange(1 << 32)
