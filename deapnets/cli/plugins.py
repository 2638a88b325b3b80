"""``deapnets plugins``: what is installed, what it takes, whether it works."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from deapnets.checking.checks import SECONDS, Check, check
from deapnets.plugins import (
    COMMANDS,
    EVALUATORS,
    GROUPS,
    STRATEGIES,
    STUDIES,
    FoundPlugin,
    find,
    get,
)
from deapnets.plugins.options import Option

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def plugins() -> None:
    """Show the evaluators and other plugins that are installed, try them, begin one."""


@plugins.command("list")
@_json
def list_plugins(as_json: bool) -> None:
    """List what is installed, group by group. Nothing is imported."""
    found = {group: find(group) for group in GROUPS}
    if as_json:
        _echo_json([_record(p, remark=_remark(p, ps) or None) for ps in found.values() for p in ps])
        return
    groups = [(group, lot) for group, lot in found.items() if lot]
    for number, (group, lot) in enumerate(groups):
        click.echo(("\n" if number else "") + f"{_title(group)}:")
        _echo_table([_row(p, f"{p.reference} {_remark(p, lot)}") for p in lot])
    _echo_if_none(groups)


@plugins.command("show")
@click.argument("name")
@_json
def show_plugin(name: str, as_json: bool) -> None:
    """Explain an evaluator, a strategy or a distribution, and its options."""
    loaded = _of_any_group(
        name, [group for group in GROUPS if group not in (COMMANDS, STUDIES)]
    ).load()
    options, found = loaded.options(), loaded.found
    if as_json:
        records = [_option_record(option) for option in options]
        facts = {"seconds": loaded.seconds, "summary": loaded.summary, "options": records}
        _echo_json(_record(found, **facts))
        return
    _echo_table([_row(found, found.reference)])
    for line in textwrap.wrap(loaded.summary, _width()):
        click.echo(line)
    letter = "a" if found.group == STRATEGIES else "o"
    click.echo(f"\nOptions (-{letter} NAME=VALUE):" if options else "\nIt takes no options.")
    _echo_table([(f"  {option.name}", _description(option)) for option in options])


@plugins.command("new")
@click.argument("name")
@click.option(
    "--dir", "folder", type=click.Path(), metavar="DIR", help="New folder; deapnets-NAME here."
)
def new_plugin(name: str, folder: str | None) -> None:
    """Write a plugin with an evaluator called NAME that works: code, entry point, tests."""
    from deapnets.plugins.templating import write_plugin

    target = write_plugin(name, None if folder is None else Path(folder))
    name = name.removeprefix("deapnets-")
    click.echo(f"{target} is a plugin with the evaluator {name}. Next:")
    for line in (
        f'pip install -e "{target}[test]"',
        f"pytest {target}",
        f"deapnets plugins check {name}",
        f"deapnets run {name} --seconds 10",
    ):
        click.echo(f"  {line}")


@plugins.command("check")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--time-limit",
    type=click.FloatRange(0, min_open=True),
    default=SECONDS,
    show_default=True,
    help="Seconds for the import and the construction of one.",
)
@_json
def check_plugins(names: Sequence[str], time_limit: float, as_json: bool) -> None:
    """Try everything that is installed, or some of it. Exit code 1 if anything is wrong.

    Each is imported and constructed with its defaults, in a process of its own.
    """
    every = [plugin for group in GROUPS for plugin in find(group)]
    chosen = [_of_any_group(name, GROUPS) for name in names] or every
    checks = []
    for result in check(chosen, time_limit):
        checks.append(result)
        if not as_json:
            _echo_check(result, chosen)
    if as_json:
        _echo_json([_check_record(result) for result in checks])
    else:
        _echo_if_none(checks)
    if not all(result.sound for result in checks):
        sys.exit(1)


def _of_any_group(name: str, groups: Sequence[str]) -> FoundPlugin:
    """Return the plugin of the first group that has the name; evaluators come first."""
    short = name.rpartition(":")[2]
    known = (group for group in groups if any(plugin.name == short for plugin in find(group)))
    return get(next(known, EVALUATORS), name)


def _title(group: str) -> str:
    return group.rpartition(".")[2].capitalize()


def _remark(plugin: FoundPlugin, group: Sequence[FoundPlugin]) -> str:
    """Return what to write where two distributions bring one name; otherwise nothing."""
    times = Counter(other.name for other in group)[plugin.name]
    return f"(the name is taken twice: write {plugin.full_name})" if times > 1 else ""


def _row(plugin: FoundPlugin, text: str) -> tuple[str, ...]:
    return (plugin.name, plugin.distribution, plugin.version, text)


def _record(plugin: FoundPlugin, **more: Any) -> dict[str, Any]:
    return {
        "group": plugin.group,
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "reference": plugin.reference,
        **more,
    }


def _option_record(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "type": option.expected,
        "required": option.required,
        "default": None if option.required else option.default,
        "explanation": option.explanation,
    }


def _description(option: Option) -> str:
    default = "none" if option.default is None else str(option.default)
    status = "required" if option.required else f"default {default}"
    return f"{option.expected}; {status}. {option.explanation}"


def _check_record(result: Check) -> dict[str, Any]:
    facts = {"state": result.state, "seconds": result.seconds, "problem": result.problem}
    return _record(result.found, **facts, faults=list(result.faults), unmet=list(result.unmet))


def _echo_check(result: Check, chosen: Sequence[FoundPlugin]) -> None:
    """Print a check as soon as it is there, in the columns that all of them will have."""
    width = _width()
    cells = [(p.name, p.distribution, "usable", "00.00 s") for p in chosen]
    pads = [max(map(len, column)) for column in zip(*cells, strict=True)]
    found = result.found
    row = (found.name, found.distribution, result.state, f"{result.seconds:.2f} s")
    click.echo("  ".join(f"{cell:{pad}}" for cell, pad in zip(row, pads, strict=True)).rstrip())
    for text in [result.problem, *result.faults, *result.unmet]:
        for line in textwrap.wrap(text or "", width - 4, break_long_words=False):
            click.echo(f"    {line}")


def _echo_if_none(found: Sequence[Any]) -> None:
    if not found:
        click.echo("No plugins are installed.")


def _echo_json(value: Any) -> None:
    import json

    click.echo(json.dumps(value, indent=2, default=str))


def _echo_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns, the last one wrapped, or below where too little is left."""
    if not rows:
        return
    width = _width()
    pads = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    indent = sum(pads) + 2 * len(pads)
    longest = max((len(word) for row in rows for word in row[-1].split()), default=0)
    margin = indent if width - indent >= max(longest, 20) else 4
    for *cells, text in rows:
        head = "".join(f"{cell:{pad}}  " for cell, pad in zip(cells, pads, strict=True))
        click.echo(_laid_out(head, text, margin, width))


def _laid_out(head: str, text: str, margin: int, width: int) -> str:
    """Return ``text`` wrapped at ``margin``: beside ``head`` where that ends there, else below."""
    lines = textwrap.wrap(text, width - margin, break_long_words=False, break_on_hyphens=False)
    if lines and len(head) == margin:
        head += lines.pop(0)
    return "\n".join([head.rstrip(), *(" " * margin + line for line in lines)])


def _width() -> int:
    return max(shutil.get_terminal_size().columns, 40)
