"""What all commands share: start-up, names, exit codes, one line of error."""

import subprocess
import sys

import click
import pytest

from deapnets.cli import main
from deapnets.errors import DataError, OptionError
from deapnets.plugins import COMMANDS, STUDIES

HEAVY = {"torch", "numpy", "deap", "rich", "matplotlib", "scipy", "safetensors", "deapnets_mnist"}


@pytest.fixture
def failing(monkeypatch):
    """Return a function that makes ``deapnets show`` raise an error."""

    def failing(error):
        @click.command()
        def show():
            raise error

        monkeypatch.setattr("deapnets.cli.show.show", show)

    return failing


# --- start-up ---


@pytest.mark.parametrize("words", ["--help", "--version", "run --help", "show --help"])
def test_help_imports_nothing_heavy(words):
    code = (
        "import sys\n"
        "from deapnets.cli import main\n"
        f"main({words.split()}, standalone_mode=False)\n"
        f"print(sorted({HEAVY} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert answer.stdout.splitlines()[-1] == "[]"


def test_help_lists_every_command_with_what_it_does(deapnets):
    lines = deapnets("--help").stdout.splitlines()
    commands = [line.split(maxsplit=1) for line in lines[lines.index("Commands:") + 1 :]]
    expected = {"run", "resume", "show", "runs", "compare", "plugins"}
    assert expected <= {name for name, _ in commands}
    assert all(len(explanation) > 20 for _, explanation in commands)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_both_spellings_of_help_work_for_commands_too(deapnets, flag):
    assert deapnets("run", flag).stdout.startswith("Usage: main run [OPTIONS] EVALUATOR\n")


def test_version_is_that_of_the_distribution(deapnets):
    from importlib import metadata

    assert metadata.version("deapnets") in deapnets("--version").stdout


# --- commands of plugins ---

TOOLS = """
import click
from deapnets.errors import DataError

@click.command()
@click.option("--size", default=3)
def survey(size):
    \"\"\"Survey something at length, in a plugin.\"\"\"
    click.echo(f"surveyed {size}")

@click.command()
def fail():
    raise DataError("No data.")

@click.command()
def crash():
    raise KeyError("two\\nlines")
"""


@pytest.fixture
def tools(install):
    lines = "survey = tool_commands:survey\nfail = tool_commands:fail\nrun = tool_commands:fail\n"
    lines += "crash = tool_commands:crash\n"
    lines += "bad = dne:dne\nalien = os:curdir"
    install("tools", lines, group=COMMANDS, tool_commands=TOOLS)


def test_command_of_a_plugin_is_listed_and_called_like_every_other(deapnets, tools):
    assert "Survey something at length, in a plugin." in deapnets("--help").stdout
    assert deapnets("survey", "--size", 4).stdout == "surveyed 4\n"
    assert "--size" in deapnets("survey", "--help").stdout


def test_error_of_a_plugins_command_is_one_line(refused, tools):
    assert refused("fail", code=1) == "Error: No data."


def test_a_plugins_command_that_crashes_is_told_in_one_line_and_whole_with_debug(
    deapnets, refused, tools
):
    said = refused("crash", code=1)
    assert said.startswith('Error: Command "crash", which a plugin brings, failed: KeyError: ')
    assert said.endswith("Where: deapnets --debug crash ...")
    with pytest.raises(KeyError):
        deapnets("--debug", "crash")


def test_plugin_cannot_take_the_place_of_a_command_of_deapnets(deapnets, tools):
    assert "EVALUATOR" in deapnets("run", "--help").stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bad", "cannot be loaded: ModuleNotFoundError: No module named 'dne'"),
        ("alien", 'Command "alien" is a str, expected a click command.'),
    ],
)
def test_broken_command_says_why_and_harms_no_other(deapnets, refused, tools, name, message):
    assert message in refused(name, "--some", "thing", code=1)
    assert deapnets("--help").exit_code == 0


def test_study_of_a_plugin_is_a_command_of_its_own(deapnets, refused, install):
    lines = "survey = tool_commands:survey\nbad = dne:dne"
    install("tools", lines, group=STUDIES, tool_commands=TOOLS)
    assert "Survey something at length" in deapnets("study", "--help").stdout
    assert deapnets("study", "survey", "--size", 5).stdout == "surveyed 5\n"
    assert "No module named 'dne'" in refused("study", "bad", code=1)
    unknown = deapnets("study", "srvey")
    assert unknown.exit_code == 2
    assert 'Unknown command "srvey". Did you mean "survey"?' in unknown.stderr


# --- errors ---


def test_an_unknown_command_is_told_with_the_near_one(deapnets):
    result = deapnets("rnu")
    assert result.exit_code == 2
    expected = 'Error: Unknown command "rnu". Did you mean "run"? Valid: compare, doctor, export, '
    assert result.stderr.splitlines()[-1].startswith(expected)


@pytest.mark.parametrize(
    ("error", "code"), [(DataError("There is no data."), 1), (OptionError("There is no data."), 2)]
)
def test_errors_of_ours_are_one_line_and_wrong_words_have_their_own_exit_code(
    failing, refused, error, code
):
    failing(error)
    assert refused("show", code=code) == "Error: There is no data."


def test_debug_shows_the_traceback_instead(failing, deapnets):
    failing(DataError("There is no data."))
    with pytest.raises(DataError, match=r"^There is no data\.$"):
        deapnets("--debug", "show")


def test_debug_prints_a_traceback_and_exits_with_one():
    command = [sys.executable, "-c", "from deapnets.cli import main; main()", "--debug"]
    answer = subprocess.run([*command, "show", "/nowhere"], capture_output=True, text=True)
    assert answer.returncode == 1
    assert answer.stderr.startswith("Traceback (most recent call last):\n")
    assert "deapnets.errors.RunError: /nowhere holds no run" in answer.stderr


def test_an_error_that_is_not_ours_is_not_hidden(failing, deapnets):
    failing(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError, match=r"^a bug$"):
        deapnets("show")


def test_an_interrupt_exits_with_130_and_no_traceback(failing, deapnets):
    failing(KeyboardInterrupt())
    result = deapnets("show")
    assert (result.exit_code, result.output) == (130, "")


def test_the_installed_command_is_this_one():
    from importlib import metadata

    (entry,) = metadata.entry_points(group="console_scripts", name="deapnets")
    assert entry.load() is main
