"""`Comparison`: algorithms on one evaluator, over the same seeds, at equal budgets."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

from deapnets.algorithms.base import Settings
from deapnets.errors import OptionError, RunError, unknown
from deapnets.files.whole import unflushed
from deapnets.plugins import EVALUATORS, UsablePlugin, get
from deapnets.plugins.options import parse_options
from deapnets.reports.courses import Courses, courses_of, expected
from deapnets.reports.rows import compare_rows, fixed_row, record_of, row_of, shared_figures
from deapnets.runs.budget import Budget, minimised
from deapnets.runs.configuring import Configuration, make_evaluator, make_settings
from deapnets.runs.directory import FORMAT, RunDirectory
from deapnets.runs.environment import environment
from deapnets.runs.running import Run

if TYPE_CHECKING:
    from deapnets.networks.precision import Precision

CONSTANT = "constant"
"""The row of the trivial answer: what is reached without looking at the inputs."""

DRAWS = "random, exact"
"""The row of what random search is expected to find, where the evaluator knows all networks."""

BASELINES = ("random", "adam")
"""Algorithms that are compared unasked: random search, and back-propagation where there is one."""


@final
@dataclass(frozen=True)
class Plan:
    """What is compared.

    Parameters
    ----------
    evaluator
        Its name.
    algorithms
        Names of algorithms, or ``NAME=ALGORITHM`` for one with settings of its own; the baselines
        are added.
    seeds
        How many: 1 to this number.
    evaluations
        Evaluations of each run, where no seconds are given.
    seconds, evaluation_seconds
        Seconds of each run, or what its evaluations may cost, instead.
    options
        ``KEY=VALUE`` of the evaluator.
    settings
        ``NAME.KEY=VALUE`` of the algorithms.
    metric
        A figure of ``result.json``; None for the test accuracy, or what there is instead.
    device, memory, precision
        As `deapnets.PopulationMap` takes them.

    Raises
    ------
    OptionError
        When an algorithm is named twice, or settings name none of them; when there is no seed, or
        more than one budget.
    """

    evaluator: str
    algorithms: Sequence[str]
    seeds: int = 10
    evaluations: int = 20_000
    options: Sequence[str] = ()
    settings: Sequence[str] = ()
    metric: str | None = None
    device: str = "auto"
    memory: str | None = None
    precision: Precision = "float32"
    seconds: float | None = None
    evaluation_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise OptionError(f"A comparison takes at least one seed, got {self.seeds}.")
        if None not in (self.seconds, self.evaluation_seconds):
            raise OptionError("Give seconds or evaluation_seconds: budgets are to be equal.")
        if len(self.contenders) < len(self.algorithms) or not self.algorithms:
            raise OptionError(
                f"Name each algorithm once, with commas between them; got "
                f'"{",".join(self.algorithms)}". One with settings of its own has a name of its '
                "own: NAME=ALGORITHM."
            )
        for name in self.contenders:
            if not re.fullmatch(r"[\w:-]+", name):
                raise OptionError(f'A name has letters, digits, - and _; got "{name}".')
        for pair in self.settings:
            name, dot, _ = pair.partition("=")[0].partition(".")
            known = dict.fromkeys([*self.contenders, *BASELINES, *rivals_of(self.evaluator)])
            if not dot or name not in known:
                raise OptionError(
                    f"{unknown('algorithm', name, known)} Write -a ALGORITHM.KEY=VALUE."
                )

    @property
    def contenders(self) -> dict[str, str]:
        """Return the algorithms that were asked for by their names in the comparison."""
        pairs = (text.partition("=") for text in self.algorithms)
        return {name: algorithm or name for name, _, algorithm in pairs}

    def settings_of(self, name: str) -> list[str]:
        """Return the ``KEY=VALUE`` pairs of one algorithm."""
        prefix = f"{name}."
        return [pair.removeprefix(prefix) for pair in self.settings if pair.startswith(prefix)]


@final
@dataclass(frozen=True)
class Step:
    """One run of a comparison that is over, or was over before."""

    algorithm: str
    seed: int
    number: int
    total: int
    again: bool  # False where an earlier call had finished it
    result: dict[str, Any]


@final
@dataclass
class Comparison:
    """Runs of a plan in a directory: ``runs/ALGORITHM-SEED``, ``comparison.json``.

    A run that is finished is not run again, so a comparison that was stopped goes on, and one with
    more seeds or further algorithms needs those alone. What was left unfinished goes on from its
    last snapshot.
    """

    plan: Plan
    directory: RunDirectory
    _plugin: UsablePlugin | None = field(default=None, init=False)
    _settings: dict[str, Settings] = field(default_factory=dict, init=False)

    def algorithms(self) -> list[str]:
        """Return the names asked for, then the evaluator's rivals and the baselines it has."""
        names = list(self.plan.contenders)
        evaluator = self._configuration(names[0], 1).evaluator
        for name in (*evaluator.rivals, *BASELINES):
            if name not in names and (name != "adam" or evaluator.differentiable):
                names.append(name)
        return names

    def run(self) -> Iterator[Step]:
        """Run what is missing, seed by seed; yield each run's result, old ones too.

        Raises
        ------
        RunError
            When the directory holds something else, or a finished run of other settings.
        """
        names = self.algorithms()
        jobs = [(name, seed) for seed in range(1, self.plan.seeds + 1) for name in names]
        configurations = [self._configuration(name, seed) for name, seed in jobs]
        for number, (name, seed) in enumerate(jobs, 1):
            configuration = configurations[number - 1]
            directory = run_directory(self.directory, name, seed)
            again = not _finished(directory)
            if again:
                _run(configuration, directory)
            else:
                _require_same(configuration, directory)
            yield Step(name, seed, number, len(jobs), again, directory.read("result.json"))

    def report(self) -> dict[str, Any]:
        """Return the content of ``comparison.json`` from the finished runs, and write it."""
        names = self.algorithms()
        results = {
            name: [self._result(name, s + 1) for s in range(self.plan.seeds)] for name in names
        }
        evaluator = self._configuration(names[0], 1).evaluator
        metric = self._metric([r for lot in results.values() for r in lot])
        rows = [row_of(name, metric, lot) for name, lot in results.items()]
        rows += fixed_row(CONSTANT, evaluator.baseline(), metric, self.plan.seeds)
        less = minimised(metric) or (metric == "best_fitness" and evaluator.weights[0] < 0)
        tests = compare_rows(rows, list(self.plan.contenders), less)
        rows += fixed_row(DRAWS, expected(evaluator, self._budget()), metric, self.plan.seeds)
        courses = self.courses()
        value = {
            "format": FORMAT,
            **dataclasses.asdict(self.plan),
            "metric": metric,
            "rows": [dataclasses.asdict(row) for row in rows],
            "tests": [record_of(test) for test in tests],
            "courses": [] if courses is None else courses.means(),
            "environment": environment(),
        }
        self.directory.write("comparison.json", value)
        return self.directory.read("comparison.json")

    def courses(self) -> Courses | None:
        """Return the course of every finished run; None where they cannot be looked up."""
        return courses_of(
            self._configuration(self.algorithms()[0], 1).evaluator,
            {
                name: [run_directory(self.directory, name, s + 1) for s in range(self.plan.seeds)]
                for name in self.algorithms()
            },
        )

    def _configuration(self, name: str, seed: int) -> Configuration:
        plan = self.plan
        algorithm = plan.contenders.get(name, name)
        if self._plugin is None:  # what is installed is looked up once
            self._plugin = make_evaluator(plan.evaluator, plan.options)
        plugin = self._plugin_of(self._plugin, algorithm)
        if name not in self._settings:
            pairs = plan.settings_of(name)
            self._settings[name] = make_settings(algorithm, pairs, plugin.instance)
        settings = self._settings[name]
        budget = self._budget()
        machine = {name: getattr(plan, name) for name in ("device", "memory", "precision")}
        return Configuration(plugin, algorithm, settings, budget, seed, **machine)

    def _budget(self) -> Budget:
        plan = self.plan
        counts = plan.seconds is None and plan.evaluation_seconds is None
        return Budget(
            seconds=plan.seconds,
            evaluations=plan.evaluations if counts else None,
            evaluation_seconds=plan.evaluation_seconds,
        )

    def _plugin_of(self, plugin: UsablePlugin, algorithm: str) -> UsablePlugin:
        """Return the evaluator anew; as a rival wants it, where the plan does not say otherwise."""
        presets: dict[str, Any] = {}
        if algorithm in rivals_of(self.plan.evaluator):
            presets = dict(getattr(plugin.loaded.target, "presets", {}).get(algorithm, {}))
        given = parse_options(self.plan.options, plugin.loaded.options())
        return plugin.loaded.make(**{**plugin.options, **presets, **given})

    def _result(self, algorithm: str, seed: int) -> dict[str, Any]:
        return run_directory(self.directory, algorithm, seed).read("result.json")

    def _metric(self, results: Sequence[dict[str, Any]]) -> str:
        """Return the metric asked for; else the first of the usual ones that every run has."""
        shared = shared_figures(results)
        if self.plan.metric is not None:
            if self.plan.metric not in shared:
                raise OptionError(unknown("metric", self.plan.metric, shared))
            return self.plan.metric
        usual = ("test_accuracy", "test_loss", "frechet_distance", "validation_accuracy")
        return next((name for name in usual if name in shared), "best_fitness")


def rivals_of(evaluator: str) -> tuple[str, ...]:
    """Return the rivals that an evaluator names, by the evaluator's name."""
    rivals: tuple[str, ...] = getattr(get(EVALUATORS, evaluator).load().target, "rivals", ())
    return rivals


def run_directory(comparison: RunDirectory, algorithm: str, seed: int) -> RunDirectory:
    """Return where a comparison has the run of an algorithm and a seed."""
    return RunDirectory(comparison.path / "runs" / f"{algorithm.replace(':', '_')}-{seed}")


def _run(configuration: Configuration, directory: RunDirectory) -> None:
    """Run to the end: from the snapshot that an earlier call left, or from the beginning."""
    resumes = any((directory.path / "checkpoints").glob("*.jsonl"))
    if resumes:
        _require_same(configuration, directory)
    elif directory.path.exists():
        shutil.rmtree(directory.path)  # it ended before there was anything to go on with
    run = Run(configuration, directory, resumes=resumes)
    run.prepare()
    if not resumes:
        RunDirectory.create(directory.path)
    with unflushed():  # what the power takes is run again
        for _ in run:
            pass


def _finished(directory: RunDirectory) -> bool:
    return directory.has("result.json") and directory.read("result.json")["status"] == "finished"


def _require_same(configuration: Configuration, directory: RunDirectory) -> None:
    """Raise a `RunError` when a finished run had other settings than the plan asks for."""
    found = directory.read("config.json")
    for name in ("evaluator", "options", "algorithm_options", "budget", "seed"):
        asked = configuration.describe()[name]
        if not _alike(found.get(name), asked):
            raise RunError(
                f"{directory.path} is a run of other settings: {name} {found.get(name)}, not "
                f"{asked}. Give another --out."
            )


def _alike(found: Any, asked: Any) -> bool:
    """Compare as JSON: a path is text there, a tuple a list."""
    if isinstance(asked, dict) and isinstance(found, dict):
        return found.keys() == asked.keys() and all(_alike(found[k], asked[k]) for k in asked)
    return found == asked or str(found) == str(asked)
