"""``deapnets study``: the studies that plugins bring."""

from __future__ import annotations

import click

from deapnets.cli.bringing import brought, command_of
from deapnets.plugins import STUDIES


class _Studies(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return brought(STUDIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        return command_of(STUDIES, ctx, cmd_name)


@click.command(cls=_Studies)
def study() -> None:
    """Repeat a study that a plugin brings: many seeds, controls, statistics, a verdict."""
