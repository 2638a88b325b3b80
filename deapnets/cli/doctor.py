"""``deapnets doctor``: what this machine offers, what is missing, and how to mend it."""

from __future__ import annotations

import shutil
import sys
import textwrap

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Look at versions, devices, data and plugins. Exit code 1 if anything cannot work.

    What is missing and may stay so is told with the command that would bring it.
    """
    from deapnets.checking.diagnosis import diagnose

    findings = []
    for finding in diagnose():
        findings.append(finding)
        if not as_json:
            _echo(finding.state, f"{finding.topic:9}", finding.text, finding.remedy)
    if as_json:
        import json

        click.echo(json.dumps([finding._asdict() for finding in findings], indent=2))
    wrong = sum(finding.state == "wrong" for finding in findings)
    if not as_json:
        click.echo(f"{wrong} thing(s) to mend." if wrong else "Everything that is needed works.")
    if wrong:
        sys.exit(1)


def _echo(state: str, topic: str, text: str, remedy: str) -> None:
    width = max(shutil.get_terminal_size().columns, 40)
    head = f"{state:8} {topic} "
    lines = textwrap.wrap(
        head + text,
        width,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        click.echo(line)
    if remedy:
        click.echo(f"{' ' * len(head)}-> {remedy}")
