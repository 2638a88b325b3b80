"""``deapnets show``: what a run directory holds."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.argument("directory")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(directory: str, as_json: bool) -> None:
    """Show the run in DIRECTORY: how far it came, what it found, how to go on."""
    import json

    from deapnets.runs.directory import RunDirectory
    from deapnets.runs.status import describe

    facts = describe(RunDirectory.open(directory))
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            click.echo(f"{name}")
            for key, inner in value.items():
                click.echo(f"  {key:22} {_text(inner)}")
        else:
            click.echo(f"{name:24} {_text(value)}")


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items())
    return f"{value:.6g}" if isinstance(value, float) else f"{value}"
