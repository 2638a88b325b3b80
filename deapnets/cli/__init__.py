"""The command ``deapnets``: the only package that knows click.

==========  ======================================================
module      concept
==========  ======================================================
run         ``deapnets run``: an algorithm on an evaluator
resume      ``deapnets resume``: a run that ended early goes on
progress    what a person sees while a run goes on
interrupts  Ctrl-C and SIGTERM while a run goes on
show        ``deapnets show``: what a run directory holds
runs        ``deapnets runs``: the runs in a folder
report      ``deapnets report``: one page about runs
compare     ``deapnets compare``: algorithms on one evaluator, with statistics
export      ``deapnets export``: the best network as a file for other programs
predict     ``deapnets predict``: what the best network says of images
plugins     ``deapnets plugins``: what is installed, and whether it works
==========  ======================================================
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from deapnets.cli.interrupts import Interrupted
from deapnets.errors import DeapnetsError, OptionError, PluginError, unknown
from deapnets.plugins import COMMANDS, find, get

_COMMANDS = {
    "run": "run",
    "resume": "resume",
    "show": "show",
    "runs": "runs",
    "report": "report",
    "compare": "compare",
    "export": "export",
    "predict": "predict",
    "plugins": "plugins",
}


class _UsageFault(click.ClickException):
    """One line about an option that cannot be used."""

    exit_code = 2


class _Commands(click.Group):
    """Commands that are imported when they are asked for, and errors in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *(name for name in _brought() if name not in _COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in _COMMANDS:
            return _command_of_plugin(ctx, cmd_name)
        module = importlib.import_module(f"deapnets.cli.{_COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DeapnetsError as error:
            if ctx.params.get("debug"):
                raise
            wrong_words = isinstance(error, OptionError)
            raise (_UsageFault if wrong_words else click.ClickException)(str(error)) from error
        except KeyboardInterrupt as interrupt:
            code = interrupt.code if isinstance(interrupt, Interrupted) else 130
            raise click.exceptions.Exit(code) from None


def _brought() -> list[str]:
    """Return the names of the commands that plugins bring."""
    return list(dict.fromkeys(plugin.name for plugin in find(COMMANDS)))


def _command_of_plugin(ctx: click.Context, name: str) -> click.Command:
    """Return a plugin's command; a broken one is an error of its own, and only when it is called.

    ``deapnets --help`` lists every command: one that cannot be imported is listed with its reason.
    """
    if name not in _brought():
        ctx.fail(unknown("command", name, [*_COMMANDS, *_brought()]))
    try:
        command = get(COMMANDS, name).imported()
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


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="deapnets")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Evolve neural networks with the DEAP you know."""
