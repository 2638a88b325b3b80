"""Checks of plugins in a process of their own: broken, hanging, loud, greedy, outdated ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deapnets.checking.checks import Check, check
from deapnets.plugins import COMMANDS, DISTRIBUTIONS, EVALUATORS, STRATEGIES, find, get

Install = Callable[..., Path]

SOUND = '''
"""A task."""
import deapnets as dn

class Task(dn.Evaluator):
    """Nothing at all.

    Parameters
    ----------
    size
        How large it is.
    """

    def __init__(self, *, size: int = 1):
        self.size = size

    def genome(self): ...
    def evaluate(self, networks): ...
'''


@pytest.fixture
def checked(install: Install) -> Callable[..., Check]:
    """Return a function that installs one plugin and checks it."""

    def checked(source: str, name: str = "Task", group: str = EVALUATORS, **more: float) -> Check:
        install("deapnets-tried", f"tried = tried_module:{name}", group=group, tried_module=source)
        return next(check([get(group, "tried")], **more))

    return checked


def test_a_sound_plugin_is_usable(checked: Callable[..., Check]) -> None:
    result = checked(SOUND)
    assert (result.state, result.problem, result.faults, result.sound) == ("usable", None, (), True)


@pytest.mark.parametrize(
    ("source", "state", "problem"),
    [
        ("import nowhere_to_be_found", "found", "ModuleNotFoundError: No module named 'nowhere_to"),
        ("def Task(): 1 +", "found", "cannot be loaded: SyntaxError: "),
        ("class Task:\n    def __init__(self): raise KeyError('k')", "loaded", "cannot be made: "),
        ("class Task:\n    def __init__(self): exit(1)", "loaded", "cannot be made: SystemExit: 1"),
        ("class Task:\n    def __init__(self, path): ...", "loaded", "has no default for: path"),
        ("import os\nos._exit(3)", "found", "ended the process that imported it, with exit code 3"),
        ("while True: pass", "found", "did not come back within 2 s, and was stopped."),
        (
            "from deapnets.errors import DataError\n"
            "class Task:\n    def __init__(self): raise DataError('No images in data/.')",
            "loaded",
            "No images in data/.",
        ),
    ],
)
def test_why_a_broken_plugin_cannot_be_used_is_one_line(
    checked: Callable[..., Check], source: str, state: str, problem: str
) -> None:
    result = checked(source, seconds=2.0)
    assert result.state == state
    assert problem in (result.problem or "")
    assert "\n" not in (result.problem or "")
    assert not result.sound


def test_plugins_behind_one_that_ends_its_process_are_checked_all_the_same(
    install: Install,
) -> None:
    source = "import os\nos._exit(3)"
    entries = "a = killing:A\nb = deapnets.algorithms.ga:GeneticSettings\nc = killing:C"
    install("deapnets-mixed", entries, group=STRATEGIES, killing=source)
    lot = [plugin for plugin in find(STRATEGIES) if plugin.distribution == "deapnets-mixed"]
    assert [result.state for result in check(lot)] == ["found", "usable", "found"]


def test_what_a_plugin_prints_is_no_answer(checked: Callable[..., Check]) -> None:
    assert checked("import os\nprint('{}')\nos.write(1, b'{}')\n" + SOUND).sound


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("import deapnets as dn", "import numpy, deapnets as dn"), "Importing it loads numpy: "),
        (("self.size = size", "open(__file__).close()"), "Making it opens "),
        (("How large it is.", ""), 'Option "size" is not explained: write an entry under "Param'),
        (
            ('"""Nothing at all.', 'x = """'),
            "Task has no docstring; its first line is what lists say",
        ),
        (
            ("(dn.Evaluator)", ""),
            "Task does not derive from Evaluator: nothing can be",
        ),
        (
            ("    def genome", "    weights = 1.0\n    def genome"),
            "weights is a tuple of 1.0 or -1.0",
        ),
    ],
)
def test_what_breaks_the_contract_of_an_evaluator_is_told(
    checked: Callable[..., Check], change: tuple[str, str], fault: str
) -> None:
    assert change[0] in SOUND
    result = checked(SOUND.replace(*change))
    assert result.problem is None
    assert [text for text in result.faults if text.startswith(fault)]
    assert not result.sound


@pytest.mark.parametrize(
    ("quantiles", "fault"),
    [
        ("-p", "quantiles do not ascend with the probabilities."),
        ("p[:3]", "quantiles gave shape [3] for 65536 probabilities."),
        ("p * float('nan')", "quantiles gave values that are not finite."),
    ],
)
def test_what_is_no_distribution_is_told(
    checked: Callable[..., Check], quantiles: str, fault: str
) -> None:
    source = (
        "import deapnets as dn\nclass Task(dn.Distribution):\n    'A noise.'\n"
        f"    def quantiles(self, p): return {quantiles}"
    )
    assert checked(source, group=DISTRIBUTIONS).faults == (fault,)


def test_a_command_that_is_none_is_told(checked: Callable[..., Check]) -> None:
    fault = "It is a str, expected a click command."
    assert checked("Task = 'hello'", group=COMMANDS).faults == (fault,)


@pytest.mark.parametrize(
    ("needs", "fault"),
    [
        (
            "deapnets>=99",
            "It needs deapnets>=99, and deapnets 0.1.0 is installed: pip ins",
        ),
        ("a-thing-of-none>=1", "It needs a-thing-of-none>=1, which is not installed: pip install"),
        ("deapnets>=0.0.1", ""),
        ("a-thing-of-none; extra == 'more'", ""),
        ("a-thing-of-none; python_version < '3'", ""),
    ],
)
def test_requirements_that_are_not_met_are_told(install: Install, needs: str, fault: str) -> None:
    folder = install("deapnets-old", "old = old_module:Task", old_module=SOUND)
    (metadata,) = folder.glob("*/METADATA")
    metadata.write_text(metadata.read_text() + f"Requires-Dist: {needs}\nProvides-Extra: more\n")
    (result,) = check([get(EVALUATORS, "old")])
    assert len(result.unmet) == bool(fault)
    assert "".join(result.unmet).startswith(fault)
    assert result.sound == (not fault)


def test_a_missing_module_that_an_extra_brings_names_the_extra(install: Install) -> None:
    source = "import none_of_it.sub"
    folder = install("deapnets-more", "more = more_module:Task", more_module=source)
    (metadata,) = folder.glob("*/METADATA")
    extra = "Provides-Extra: pictures\nRequires-Dist: none-of-it; extra == 'pictures'\n"
    metadata.write_text(metadata.read_text() + extra)
    (result,) = check([get(EVALUATORS, "more")])
    assert (result.problem or "").endswith('Try: pip install "deapnets-more[pictures]"')


def test_a_name_that_two_distributions_bring_is_a_fault_of_both(install: Install) -> None:
    for name in ("deapnets-one", "deapnets-two"):
        install(name, "task = both_of_them:Task", both_of_them=SOUND)
    results = list(check([plugin for plugin in find(EVALUATORS) if plugin.name == "task"]))
    said = 'The name "task" is taken 2 times: write deapnets-one:task or deapnets-two:task.'
    assert [result.faults for result in results] == [(said,), (said,)]


def test_our_own_plugins_are_sound() -> None:
    names = ["deapnets", "deapnets-template"]
    names += [f"deapnets-{name}" for name in ("mnist", "cifar", "gan", "noise")]
    ours = [plugin for plugin in find(EVALUATORS) if plugin.distribution in names]
    assert ours
    assert [(result.found.name, result.problem, result.faults) for result in check(ours)] == [
        (plugin.name, None, ()) for plugin in ours
    ]
