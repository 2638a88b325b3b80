"""The pages have every option, setting, file and field that there is, and none that is not."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from deapnets.algorithms.randomweights import RandomWeightsSettings
from deapnets.algorithms.searches import (
    AgingSettings,
    LocalSettings,
    NonAgingSettings,
    PairsSettings,
    RandomSettings,
    ReinforceSettings,
)
from deapnets.algorithms.strategy import (
    OpenSettings,
    PgpeSettings,
    SepCmaSettings,
    SnesSettings,
)
from deapnets.cli import main
from deapnets.runs.configuring import settings_class

SEARCHES = {
    "aging": AgingSettings,
    "nonaging": NonAgingSettings,
    "pairs": PairsSettings,
    "local": LocalSettings,
    "random": RandomSettings,
    "reinforce": ReinforceSettings,
}

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
FILES = PAGE.with_name("run-directory.md")


def sections(page: Path = PAGE) -> dict[str, list[list[str]]]:
    """Return the cells of each table row, header left out, by the heading above."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("|") and not set(line) <= set("|-"):
            row = [cell.strip() for cell in line.strip("|").split("|")]
            found.setdefault(heading, []).append(row)
    return {name: rows[1:] for name, rows in found.items()}


def first_cells(heading: str, page: Path = PAGE) -> list[str]:
    """Return the code words in the first column of a section's table."""
    return [name for row in sections(page)[heading] for name in re.findall("`([^`]+)`", row[0])]


def commands(command: click.Command = main, name: str = "deapnets") -> Iterator[tuple[str, list]]:
    """Yield every command that has options of its own, with them; groups without are left out."""
    options = [p for p in command.params if isinstance(p, click.Option) and p.name != "help"]
    if options or not isinstance(command, click.Group):
        yield name, options
    if isinstance(command, click.Group):
        context = click.Context(command)
        for inner in command.list_commands(context):
            yield from commands(command.get_command(context, inner), f"{name} {inner}")


def test_page_lists_exactly_the_options_of_each_command():
    for name, options in commands():
        assert first_cells(name) == [option.opts[0] for option in options], name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ga", settings_class("ga")),
        ("adam", settings_class("adam")),
        ("gp", settings_class("gp")),
        ("random for weights", RandomWeightsSettings),
        ("es", OpenSettings),
        ("pgpe", PgpeSettings),
        ("snes", SnesSettings),
        ("sepcma", SepCmaSettings),
    ],
)
def test_page_lists_exactly_the_settings_of_an_algorithm_with_their_defaults(name, kind):
    written = [(row[0].strip("`"), row[1].strip("`")) for row in sections()[f"Options of {name}"]]
    fields = dataclasses.fields(kind)
    assert written == [(field.name, str(field.default)) for field in fields]


def test_page_lists_exactly_the_settings_of_the_searches():
    rows = sections()["Options of the searches"]
    fields = {
        name: {field.name: str(field.default) for field in dataclasses.fields(kind)}
        for name, kind in SEARCHES.items()
    }
    for option, default, of, _ in ([cell.strip("`") for cell in row] for row in rows):
        names = list(fields) if of == "all" else of.split(", ")
        assert all(fields[n].pop(option).lower() in default.lower() for n in names), option
    left = {name for options in fields.values() for name in options}
    assert left == {"population"}  # of searches without one


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a finished run."""
    out = tmp_path_factory.mktemp("commands") / "run"
    arguments = ("run", "xor", "--generations", "20", "--population", "20", "--seed", "1")
    result = CliRunner().invoke(main, [*arguments, "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out


FIGURES = {"validation_loss", "validation_accuracy"}


@pytest.mark.parametrize(
    ("file", "heading", "more"),
    [
        ("config.json", "config.json", set()),
        ("environment.json", "environment.json", set()),
        ("log.jsonl", "log.jsonl", FIGURES),
        ("best.json", "best.safetensors and best.json", FIGURES),
        ("trace.jsonl", "trace.jsonl", set()),
        ("mistakes.json", "mistakes.json", set()),
        ("lineage.json", "lineage.json", set()),
        ("result.json", "result.json", set()),
    ],
)
def test_page_lists_exactly_the_fields_of_each_file(directory, file, heading, more):
    text = (directory / file).read_text(encoding="utf-8")
    record = json.loads(text.splitlines()[-1] if file.endswith("l") else text)
    named = first_cells(heading, FILES)
    assert list(record) == [*named, *(name for name in record if name in more)]


def test_page_has_a_section_for_each_file(directory):
    headings = " ".join(re.findall("^## (.*)$", FILES.read_text(encoding="utf-8"), re.M))
    assert all(path.name in headings for path in directory.iterdir())
