"""``deapnets plugins``: which evaluators are installed, what they take, whether they work."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from deapnets.options import Option
from deapnets.plugins import EVALUATORS, Check, FoundPlugin, check, find, get

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def plugins() -> None:
    """Show the evaluators that are installed, and try them."""


@plugins.command("list")
@_json
def list_plugins(as_json: bool) -> None:
    """List the installed evaluators. Nothing is imported."""
    found = find(EVALUATORS)
    times = Counter(plugin.name for plugin in found)
    remarks = [_remark(plugin) if times[plugin.name] > 1 else "" for plugin in found]
    if as_json:
        _echo_json([_record(p, remark=r or None) for p, r in zip(found, remarks, strict=True)])
        return
    _echo_table([_row(p, f"{p.reference} {r}") for p, r in zip(found, remarks, strict=True)])
    _echo_if_none(found)


@plugins.command("show")
@click.argument("name")
@_json
def show_plugin(name: str, as_json: bool) -> None:
    """Explain an evaluator and its options."""
    loaded = get(EVALUATORS, name).load()
    options, found = loaded.options(), loaded.found
    if as_json:
        records = [_option_record(option) for option in options]
        facts = {"seconds": loaded.seconds, "summary": loaded.summary, "options": records}
        _echo_json(_record(found, **facts))
        return
    _echo_table([_row(found, found.reference)])
    for line in textwrap.wrap(loaded.summary, _width()):
        click.echo(line)
    click.echo("\nOptions (-o NAME=VALUE):" if options else "\nIt takes no options.")
    _echo_table([(f"  {option.name}", _description(option)) for option in options])


@plugins.command("check")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_json
def check_plugins(names: Sequence[str], as_json: bool) -> None:
    """Try all evaluators, or some. Exit code 1 if one is broken.

    Each is imported and constructed with its defaults.
    """
    chosen = [get(EVALUATORS, name) for name in names] or find(EVALUATORS)
    checks = [check(plugin) for plugin in chosen]
    if as_json:
        _echo_json([_check_record(result) for result in checks])
    else:
        _echo_table([_check_row(result) for result in checks])
        _echo_if_none(checks)
    if any(result.problem for result in checks):
        sys.exit(1)


def _remark(plugin: FoundPlugin) -> str:
    return f"(the name is taken twice: write {plugin.full_name})"


def _row(plugin: FoundPlugin, text: str) -> tuple[str, ...]:
    return (plugin.name, plugin.distribution, plugin.version, text)


def _record(plugin: FoundPlugin, **more: Any) -> dict[str, Any]:
    return {
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
    return _record(result.found, **facts)


def _check_row(result: Check) -> tuple[str, ...]:
    found = result.found
    name = (found.name, found.distribution)
    return (*name, result.state, f"{result.seconds:.2f} s", result.problem or "")


def _echo_if_none(found: Sequence[Any]) -> None:
    if not found:
        click.echo("No evaluators are installed.")


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
