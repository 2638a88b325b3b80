"""The command that runs a run again."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Mapping
from typing import Any

from deapnets.errors import DeapnetsError
from deapnets.plugins.scripts import is_script
from deapnets.reports.story import Record, Story, record_of
from deapnets.runs.budget import LIMITS

_MACHINE = {"device": "auto", "memory": None, "engine": "serial", "workers": None}
_MORE = {
    "precision": "float32",
    "address": None,
    "time_limit": None,
    "on_error": "raise",
    "checkpoint_every": 10.0,
}


def command_of(story: Story) -> list[str]:
    """Return the command and its options, one a line, for a shell.

    What is the default of the installed evaluator and algorithm is left out; where they are not
    installed, everything is written.
    """
    config = story.config
    evaluator, algorithm = str(config.get("evaluator")), str(config.get("algorithm"))
    if is_script(str(config.get("distribution"))):
        evaluator = f"{config['distribution']}:{evaluator}"
    options, settings = _defaults(story)
    lines = [f"deapnets run {shlex.quote(evaluator)}"]
    if algorithm != "ga":
        lines.append(f"--algorithm {shlex.quote(algorithm)}")
    lines += _pairs("-o", config.get("options"), options)
    lines += _pairs("-a", config.get("algorithm_options"), settings)
    lines += _budget(config.get("budget"))
    lines.append(f"--seed {shlex.quote(str(config.get('seed')))}")
    for name, default in {**_MACHINE, **_MORE}.items():
        value = config.get(name, default)
        if value != default:
            lines.append(f"--{name.replace('_', '-')} {shlex.quote(str(value))}")
    return lines


def _defaults(story: Story) -> tuple[Record, Record]:
    """Return the options that evaluator and algorithm have unless they are given.

    Nothing for an evaluator of a file: a directory that somebody sent must not choose what is run.
    """
    config = story.config
    if is_script(str(config.get("distribution"))):
        return {}, {}
    from deapnets.runs.configuring import make_evaluator, make_settings
    from deapnets.runs.resuming import stored_plugin

    try:
        algorithm = str(config["algorithm"])
        plain = make_evaluator(f"{config['distribution']}:{config['evaluator']}", (), algorithm)
        evaluator = stored_plugin(story.path, config, any_version=True).instance
        settings = make_settings(algorithm, (), evaluator)
        return _as_json(plain.options), _as_json(dataclasses.asdict(settings))
    except (DeapnetsError, KeyError, TypeError, AttributeError):
        return {}, {}


def _as_json(values: Mapping[str, Any]) -> Record:
    found: Record = json.loads(json.dumps(dict(values), default=str))
    return found


_UNKNOWN = object()


def _pairs(letter: str, stored: Any, defaults: Record) -> list[str]:
    changed = {
        name: value
        for name, value in record_of(stored).items()
        if defaults.get(name, _UNKNOWN) != value
    }
    return [f"{letter} {shlex.quote(f'{name}={_text(value)}')}" for name, value in changed.items()]


def _text(value: Any) -> str:
    """Return a value as ``KEY=VALUE`` takes it."""
    words = {None: "none", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def _budget(budget: Any) -> list[str]:
    given = record_of(budget)
    lines = [
        f"--{name.replace('_', '-')} {shlex.quote(str(given[name]))}"
        for name in LIMITS
        if given.get(name) is not None
    ]
    target = record_of(given.get("target"))
    if target:
        wanted = f"{target.get('metric')}={target.get('value')}"
        lines.append(f"--target {shlex.quote(wanted)}")
    return lines
