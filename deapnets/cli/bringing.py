"""Commands that plugins bring: found by name, imported when they are called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from deapnets.errors import PluginError, unknown
from deapnets.plugins import find, get


def brought(group: str) -> list[str]:
    """Return the names of the commands that plugins bring under an entry-point group."""
    return list(dict.fromkeys(plugin.name for plugin in find(group)))


def command_of(
    group: str, ctx: click.Context, name: str, others: Iterable[str] = ()
) -> click.Command:
    """Return a plugin's command; a broken one is an error of its own, and only when it is called.

    ``--help`` lists every command: one that cannot be imported is listed with its reason.
    """
    if name not in brought(group):
        ctx.fail(unknown("command", name, [*others, *brought(group)]))
    try:
        command = get(group, name).imported()
        if not isinstance(command, click.Command):
            kind = type(command).__name__
            raise PluginError(f'Command "{name}" is a {kind}, expected a click command.')
    except PluginError as error:
        return _broken(name, error)
    return command


def _broken(name: str, error: PluginError) -> click.Command:
    """Return a command that says, when it is called, why it cannot be."""

    def say(**_: Any) -> None:
        raise error

    context = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(
        name, callback=say, help=f"Broken: {error}", context_settings=context, add_help_option=False
    )
