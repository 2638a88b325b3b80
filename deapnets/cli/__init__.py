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
retrain     ``deapnets retrain``: the best architectures of a search again
compare     ``deapnets compare``: algorithms on one evaluator, with statistics
export      ``deapnets export``: the best network as a file for other programs
predict     ``deapnets predict``: what the best network says of images
study       ``deapnets study``: the studies that plugins bring
shared      options that several commands take alike
bringing    commands that plugins bring, and what is said of broken ones
plugins     ``deapnets plugins``: what is installed, and whether it works
doctor      ``deapnets doctor``: what this machine offers, and how to mend what is missing
==========  ======================================================
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import click

from deapnets.cli.bringing import brought, command_of
from deapnets.cli.interrupts import Interrupted
from deapnets.errors import DeapnetsError, OptionError
from deapnets.plugins import COMMANDS

_COMMANDS = {
    "run": "run",
    "resume": "resume",
    "show": "show",
    "runs": "runs",
    "report": "report",
    "retrain": "retrain",
    "compare": "compare",
    "export": "export",
    "predict": "predict",
    "study": "study",
    "plugins": "plugins",
    "doctor": "doctor",
}


class _UsageFault(click.ClickException):
    """One line about an option that cannot be used."""

    exit_code = 2


class _Commands(click.Group):
    """Commands that are imported when they are asked for, and errors in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(dict.fromkeys([*_COMMANDS, *brought(COMMANDS)]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in _COMMANDS:
            return command_of(COMMANDS, ctx, cmd_name, _COMMANDS)
        module = importlib.import_module(f"deapnets.cli.{_COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def main(self, *args: Any, **extra: Any) -> Any:
        _speak_to_any_terminal()
        return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _warning_in_one_line():
                return super().invoke(ctx)
        except DeapnetsError as error:
            if ctx.params.get("debug"):
                raise
            wrong_words = isinstance(error, OptionError)
            raise (_UsageFault if wrong_words else click.ClickException)(str(error)) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            name = ctx.invoked_subcommand
            if name in _COMMANDS or ctx.params.get("debug"):
                raise  # a fault of ours is to be seen whole
            said = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise click.ClickException(
                f'Command "{name}", which a plugin brings, failed: {said}. '
                f"Where: deapnets --debug {name} ..."
            ) from error
        except KeyboardInterrupt as interrupt:
            code = interrupt.code if isinstance(interrupt, Interrupted) else 130
            raise click.exceptions.Exit(code) from None


@contextlib.contextmanager
def _warning_in_one_line() -> Iterator[None]:
    """Write our own warnings without the line of code that gave them."""
    before = warnings.formatwarning

    def one_line(message: Any, category: type[Warning], *where: Any) -> str:
        return (
            f"Warning: {message}\n"
            if category is UserWarning
            else before(message, category, *where)
        )

    warnings.formatwarning = one_line  # type: ignore[assignment]
    try:
        yield
    finally:
        warnings.formatwarning = before


def _speak_to_any_terminal() -> None:
    """Write what a terminal's encoding does not know, in a path say, as an escape: no error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and "utf" not in (stream.encoding or "").lower():
            stream.reconfigure(errors="backslashreplace")


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="deapnets")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Evolve neural networks with the DEAP you know."""
