"""The commands on distributions that exist as metadata in a temporary folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deapnets.cli.plugins import plugins
from deapnets.errors import PluginError
from deapnets.plugins import COMMANDS, DISTRIBUTIONS, EVALUATORS, STRATEGIES

Install = Callable[..., Path]

DIGITS = '''
from typing import Literal
import deapnets as dn

class Task(dn.Evaluator):
    def genome(self): ...
    def evaluate(self, networks): ...

class Mnist(Task):
    """Handwritten digits.

    Parameters
    ----------
    network
        The network that is evolved, by its name; the larger ones want a graphics card.
    batch_size
        Images a generation.
    """

    def __init__(self, *, network: str = "mlp-32", batch_size: int | None = None): ...

class Needy(Task):
    """Needs a path."""

    def __init__(self, path: str): ...

class Plain(Task):
    """Takes nothing."""
'''


@pytest.fixture
def install(nothing_installed: None, install: Install, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a distribution; nothing else is installed in the test."""
    monkeypatch.setenv("COLUMNS", "60")
    return partial(install, fake_cli_digits=DIGITS)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(plugins, arguments)


def printed(*arguments: str) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def printed_json(*arguments: str) -> Any:
    return json.loads(printed(*arguments, "--json"))


# list


def test_list_aligns_name_distribution_version_and_reference(install: Install) -> None:
    install("digits", "mnist = fake_cli_digits:Mnist\nants = other:Ants", "0.10.2")
    install("zoo", "bees = zoo:Bees")
    assert printed("list") == (
        "Evaluators:\n"
        "ants   digits  0.10.2  other:Ants\n"
        "bees   zoo     1.0     zoo:Bees\n"
        "mnist  digits  0.10.2  fake_cli_digits:Mnist\n"
    )


def test_list_imports_no_plugin(install: Install) -> None:
    install("digits", "mnist = fake_cli_digits:Mnist\nbad = dne:dne")
    assert "dne:dne" in printed("list")
    assert "fake_cli_digits" not in sys.modules


def test_list_puts_references_below_where_they_do_not_fit(install: Install) -> None:
    reference = "fake_cli_digits.evaluators.handwritten:Mnist"
    install("digits", f"mnist = {reference}")
    assert printed("list") == f"Evaluators:\nmnist  digits  1.0\n    {reference}\n"


def test_list_marks_a_name_that_two_distributions_bring(install: Install) -> None:
    install("digits", "mnist = a:A\nxor = a:X")
    install("zoo", "mnist = b:B")
    assert printed("list") == (
        "Evaluators:\n"
        "mnist  digits  1.0  a:A (the name is taken twice: write\n"
        "                    digits:mnist)\n"
        "mnist  zoo     1.0  b:B (the name is taken twice: write\n"
        "                    zoo:mnist)\n"
        "xor    digits  1.0  a:X\n"
    )


def test_list_says_so_when_nothing_is_installed(install: Install) -> None:
    assert printed("list") == "No plugins are installed.\n"
    assert printed_json("list") == []


def test_list_as_json_has_every_field(install: Install) -> None:
    install("digits", "mnist = a:A\nxor = a:X")
    install("zoo", "mnist = b:B", "2.1")
    first, second, third = printed_json("list")
    assert second == {
        "group": EVALUATORS,
        "name": "mnist",
        "distribution": "zoo",
        "version": "2.1",
        "reference": "b:B",
        "remark": "(the name is taken twice: write zoo:mnist)",
    }
    assert first["remark"] is not None
    assert third["remark"] is None


def test_list_has_a_section_for_each_group_that_has_plugins(install: Install) -> None:
    install("digits", "mnist = a:A")
    install("steps", "hop = b:B", group=STRATEGIES)
    install("noises", "pink = c:C", group=DISTRIBUTIONS)
    install("tools", "study = d:d", group=COMMANDS)
    assert printed("list") == (
        "Evaluators:\nmnist  digits  1.0  a:A\n\n"
        "Strategies:\nhop  steps  1.0  b:B\n\n"
        "Distributions:\npink  noises  1.0  c:C\n\n"
        "Commands:\nstudy  tools  1.0  d:d\n"
    )
    assert [record["group"] for record in printed_json("list")] == [
        EVALUATORS,
        STRATEGIES,
        DISTRIBUTIONS,
        COMMANDS,
    ]


# show


def test_show_prints_summary_and_explained_options_in_sixty_columns(install: Install) -> None:
    install("digits", "mnist = fake_cli_digits:Mnist")
    assert printed("show", "mnist") == (
        "mnist  digits  1.0  fake_cli_digits:Mnist\n"
        "Handwritten digits.\n"
        "\n"
        "Options (-o NAME=VALUE):\n"
        "  network     str; default mlp-32. The network that is\n"
        "              evolved, by its name; the larger ones want a\n"
        "              graphics card.\n"
        "  batch_size  int | none; default none. Images a generation.\n"
    )


def test_show_says_which_option_is_required(install: Install) -> None:
    install("digits", "needy = fake_cli_digits:Needy")
    assert "  path  str; required.\n" in printed("show", "needy")


def test_show_explains_a_strategy_by_the_letter_of_its_options(install: Install) -> None:
    install("steps", "hop = fake_cli_digits:Mnist", group=STRATEGIES)
    assert "\nOptions (-a NAME=VALUE):\n" in printed("show", "hop")


def test_show_says_that_there_are_no_options(install: Install) -> None:
    install("digits", "plain = fake_cli_digits:Plain")
    assert printed("show", "plain").endswith("Takes nothing.\n\nIt takes no options.\n")


def test_show_as_json_has_every_field(install: Install) -> None:
    install("digits", "mnist = fake_cli_digits:Mnist\nneedy = fake_cli_digits:Needy")
    shown = printed_json("show", "digits:mnist")
    assert shown.pop("seconds") >= 0
    assert shown == {
        "group": EVALUATORS,
        "name": "mnist",
        "distribution": "digits",
        "version": "1.0",
        "reference": "fake_cli_digits:Mnist",
        "summary": "Handwritten digits.",
        "options": [
            {
                "name": "network",
                "type": "str",
                "required": False,
                "default": "mlp-32",
                "explanation": "The network that is evolved, by its name; "
                "the larger ones want a graphics card.",
            },
            {
                "name": "batch_size",
                "type": "int | none",
                "required": False,
                "default": None,
                "explanation": "Images a generation.",
            },
        ],
    }
    assert printed_json("show", "needy")["options"][0]["required"] is True


@pytest.mark.parametrize("command", ["show", "check"])
def test_a_name_that_is_not_installed_is_an_error_with_the_near_one(
    install: Install, command: str
) -> None:
    install("digits", "mnist = fake_cli_digits:Mnist")
    error = invoke(command, "mnits").exception
    assert isinstance(error, PluginError)
    assert str(error).startswith('Evaluator "mnits" is not installed. Did you mean "mnist"?')


def test_show_of_a_broken_plugin_is_an_error(install: Install) -> None:
    install("digits", "bad = dne:dne")
    error = invoke("show", "bad").exception
    assert isinstance(error, PluginError)
    assert "No module named 'dne'" in str(error)


# check


def test_check_of_sound_plugins_exits_with_zero(install: Install) -> None:
    install("digits", "mnist = fake_cli_digits:Mnist\nplain = fake_cli_digits:Plain")
    first, second = printed("check").splitlines()
    assert first.split()[:3] == ["mnist", "digits", "usable"]
    assert second.split()[:3] == ["plain", "digits", "usable"]


def test_check_exits_with_one_when_any_is_broken_and_still_checks_the_others(
    install: Install,
) -> None:
    install("digits", "bad = dne:dne\nmnist = fake_cli_digits:Mnist\nneedy = fake_cli_digits:Needy")
    result = invoke("check", "--json")
    bad, mnist, needy = json.loads(result.output)
    assert result.exit_code == 1
    assert (bad["state"], mnist["state"], needy["state"]) == ("found", "usable", "loaded")
    assert "No module named 'dne'" in bad["problem"]
    assert mnist["problem"] is None
    assert "has no default for: path (str)" in needy["problem"]
    assert all(check["seconds"] >= 0 for check in (bad, mnist, needy))


def test_check_prints_the_problem_wrapped_in_sixty_columns(install: Install) -> None:
    install("digits", "bad = dne:dne")
    result = invoke("check")
    lines = result.output.splitlines()
    assert result.exit_code == 1
    assert lines[0].split()[:3] == ["bad", "digits", "found"]
    assert max(map(len, lines)) <= 60
    assert "No module named 'dne'" in " ".join(result.output.split())


def test_check_gives_a_line_to_each_fault_and_exits_with_one(install: Install) -> None:
    source = "class Task: ..."
    install("digits", "mine = fake_cli_bare:Task", fake_cli_bare=source)
    result = invoke("check")
    assert result.exit_code == 1
    assert result.output.split("\n", 1)[1] == (
        "    Task does not derive from Evaluator: nothing can be done\n    with it.\n"
    )
    assert json.loads(invoke("check", "--json").output)[0]["faults"][0].startswith("Task does not")


def test_check_stops_one_that_hangs(install: Install) -> None:
    install("digits", "slow = fake_cli_slow:Task", fake_cli_slow="while True: pass")
    result = invoke("check", "--time-limit", "0.5")
    assert result.exit_code == 1
    assert "did not come back within 0.5 s, and was stopped." in " ".join(result.output.split())


def test_check_tries_only_those_named(install: Install) -> None:
    install("digits", "bad = dne:dne\nmnist = fake_cli_digits:Mnist")
    assert printed("check", "mnist").startswith("mnist")
    assert invoke("check", "mnist", "bad").exit_code == 1


def test_check_says_so_when_nothing_is_installed(install: Install) -> None:
    assert printed("check") == "No plugins are installed.\n"


def test_check_tries_every_group_and_constructs_no_command(install: Install) -> None:
    install("digits", "mnist = fake_cli_digits:Mnist")
    install("steps", "hop = dne:dne", group=STRATEGIES)
    install("tools", "study = os:curdir", group=COMMANDS)
    result = invoke("check", "--json")
    assert [(one["name"], one["state"]) for one in json.loads(result.output)] == [
        ("mnist", "usable"),
        ("hop", "found"),
        ("study", "usable"),
    ]
    assert result.exit_code == 1


# start-up


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from deapnets.cli.plugins import plugins\n"
        "plugins(['list'], standalone_mode=False)\n"
        "print(sorted({'torch', 'deap', 'numpy', 'rich'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert answer.stdout.splitlines()[-1] == "[]"
