"""Write the pages that follow from the code: every command's help, every public name.

python tools/pages.py            # write docs/cli.md and docs/api.md anew
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import deapnets as dn
from deapnets.cli import _COMMANDS, main

DOCS = Path(__file__).parent.parent / "docs"
_WIDTH = 88

_CLI = """# Every command's help

Written by `python tools/pages.py` from the commands themselves. What the options mean at length
is in [commands](commands.md), every field of every file in [run directory](run-directory.md).
"""

_API = """# Every public name

Written by `python tools/pages.py`. A script writes `import deapnets as dn` and takes these from it.
"""


def cli_page() -> str:
    """Return the help of deapnets' own commands; plugins' have pages of their own."""
    lines = [_CLI]
    for name, found in _commands(main, "deapnets"):
        command = copy.copy(found)
        command._help_option = None  # click keeps the one of whoever asked first, with his names
        context = click.Context(
            command,
            info_name=name,
            max_content_width=_WIDTH,
            terminal_width=_WIDTH,
            help_option_names=main.context_settings["help_option_names"],
        )
        lines.append(f"## {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(lines)


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command, info_name=name)
    names = list(_COMMANDS) if command is main else command.list_commands(context)
    if name == "deapnets study":  # what plugins bring
        return
    for inner in names:
        found = command.get_command(context, inner)
        if found is not None:
            yield from _commands(found, f"{name} {inner}")


def api_page() -> str:
    """Return a page with a directive for each public name, by kind."""
    sections: dict[str, list[str]] = {}
    for name in dn.__all__:
        sections.setdefault(_section(name), []).append(name)
    lines = [_API]
    for section in sorted(sections, key=lambda s: (s == "Others", s)):
        lines.append(f"## {section}\n")
        lines += [f"::: {_home(name)}\n" for name in sections[section]]
    return "\n".join(lines)


def _home(name: str) -> str:
    return f"deapnets.{dn._HOMES[name]}.{name}"


def _section(name: str) -> str:
    package = dn._HOMES[name].partition(".")[0]
    titles = {
        "algorithms": "Algorithms",
        "architectures": "Architectures",
        "evaluators": "Evaluators",
        "genomes": "Genomes",
        "operators": "Operators",
        "programs": "Programs",
        "strategies": "Strategies",
    }
    return titles.get(package, "Others")


def pages() -> dict[Path, str]:
    """Return the generated pages by their files."""
    return {DOCS / "cli.md": cli_page(), DOCS / "api.md": api_page()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
