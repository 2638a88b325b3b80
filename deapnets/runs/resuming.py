"""A `Configuration` from the ``config.json`` of a run that is there."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from deapnets.errors import OptionError, PluginError, RunError
from deapnets.evaluators.architectures import ArchitectureEvaluator
from deapnets.evaluators.base import Evaluator
from deapnets.plugins import EVALUATORS, UsablePlugin, get
from deapnets.plugins.options import Option
from deapnets.plugins.scripts import is_script
from deapnets.runs.budget import Budget, Target
from deapnets.runs.configuring import Configuration, settings_class
from deapnets.runs.directory import RunDirectory


def stored_configuration(
    directory: RunDirectory, *, any_version: bool = False, **limits: float | None
) -> Configuration:
    """Return what a run was begun with, on the device that it had.

    Parameters
    ----------
    directory
        Of the run.
    any_version
        Take the evaluator that is installed, also when its distribution has another version.
    limits
        ``generations``, ``seconds``, ``evaluations``, ``evaluation_seconds``: larger ones than the
        run had.

    Raises
    ------
    RunError
        When ``config.json`` lacks something, or the evaluator's version is another one.
    PluginError
        When the evaluator is not installed.
    OptionError
        When a limit is smaller than it was.
    """
    config = directory.read("config.json")
    path = directory.path / "config.json"
    try:
        plugin = stored_plugin(directory.path, config, any_version=any_version)
        kind = settings_class(config["algorithm"], plugin.instance)
        kept = {f.name: config[f.name] for f in dataclasses.fields(Configuration) if _plain(f)}
        # Runs that are older have neither.
        loggers, precision = tuple(config.get("log", ())), config.get("precision", "float32")
        return Configuration(
            plugin=plugin,
            algorithm=config["algorithm"],
            settings=kind(**config["algorithm_options"]),
            budget=_budget(config["budget"]).extended(**limits),
            log=loggers,
            precision=precision,
            **{**kept, "device": (config if "space" in config else config["map"])["device"]},
        )
    except (KeyError, TypeError) as error:
        raise RunError(f"{path} is not what deapnets run wrote: {_said(error)}.") from error


def require_same_network(directory: RunDirectory, evaluator: Evaluator) -> None:
    """Raise a `RunError` unless the evaluator still makes a network of as many weights.

    Or, where structures and programs are searched, unless it still has the same space.
    """
    if isinstance(evaluator, ArchitectureEvaluator):
        _require_same_space(directory, evaluator)
        return
    stored, now = directory.read("config.json")["parameters"], evaluator.layout().width
    if stored != now:
        raise RunError(
            f"The run in {directory.path} evolves {stored:,} weights, {evaluator.title} makes a "
            f"network of {now:,} now: the evaluator or its data are not what they were."
        )


def _require_same_space(directory: RunDirectory, evaluator: ArchitectureEvaluator) -> None:
    stored = directory.read("config.json")["space"]
    now = json.loads(json.dumps(evaluator.space().describe()))
    if stored != now:
        raise RunError(
            f"The run in {directory.path} searches {stored}, {evaluator.title} has {now} now: the "
            "evaluator is not what it was."
        )


def other_versions(directory: RunDirectory) -> dict[str, tuple[str | None, str | None]]:
    """Return the distributions that have another version now: name, then and now."""
    stored = directory.read("environment.json").get("versions", {})
    now = {name: _version(name) for name in stored}
    return {name: (stored[name], now[name]) for name in stored if stored[name] != now[name]}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _plain(field: dataclasses.Field[Any]) -> bool:
    """Return whether a field of the configuration stands in ``config.json`` as it is."""
    own = ("plugin", "algorithm", "settings", "budget", "device", "log", "precision")
    return field.name not in own


def stored_plugin(path: Path, config: Mapping[str, Any], *, any_version: bool) -> UsablePlugin:
    """Return the evaluator of a run's ``config.json``, with the options it had.

    Raises
    ------
    PluginError
        When it is not installed.
    RunError
        When its distribution has another version, and not ``any_version`` will do.
    """
    name, distribution = config["evaluator"], config["distribution"]
    version = config["distribution_version"]
    try:
        found = get(EVALUATORS, f"{distribution}:{name}")
    except PluginError as error:
        if is_script(distribution):
            raise
        raise PluginError(
            f'The run in {path} needs the evaluator "{name}" of {distribution} '
            f"{version}, which is not installed: pip install {distribution}=={version}"
        ) from error
    if found.version != version and not any_version:
        if is_script(distribution):
            raise RunError(
                f"{distribution} is not what it was when the run in {path} began. Go on "
                "with it as it is by --any-version."
            )
        raise RunError(
            f"The run in {path} was begun with {distribution} {version}, installed is "
            f"{found.version}: pip install {distribution}=={version}, or go on with another one by "
            "--any-version."
        )
    loaded = found.load()
    options = {option.name: option for option in loaded.options()}
    stored = config["options"]
    return loaded.make(**{key: _value(options.get(key), stored[key]) for key in stored})


def _value(option: Option | None, stored: Any) -> Any:
    """Return an option's value; what JSON has no type for, a path say, was written as text."""
    if option is None or not isinstance(stored, str):
        return stored
    try:
        return option.parse(stored)
    except OptionError:
        return stored


def _budget(stored: Mapping[str, Any]) -> Budget:
    target = stored["target"]
    return Budget(**{**stored, "target": None if target is None else Target(**target)})


def _said(error: Exception) -> str:
    return f"there is no {error}" if isinstance(error, KeyError) else str(error)
