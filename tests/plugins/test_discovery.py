"""Discovery with distributions that exist as metadata in a temporary folder."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from deapnets.errors import OptionError, PluginError
from deapnets.plugins import EVALUATORS, FoundPlugin, LoadedPlugin, find, get
from deapnets.plugins.options import Option, options_of

if TYPE_CHECKING:
    from nowhere import Tensor

Install = Callable[..., Path]

DIGITS = '''
from __future__ import annotations
from typing import Literal
from deapnets.errors import OptionError

class Mnist:
    """Handwritten digits.

    Parameters
    ----------
    network : str
        The network to evolve,
        by its name.
    batch_size
        Images a generation.

    Notes
    -----
    seed
        This is no parameter's entry.
    """

    def __init__(self, *, network: str = "mlp-32", batch_size: int | None = 512,
                 loss: Literal["cross_entropy", "mse"] = "mse", seed=0):
        if batch_size == 0:
            raise OptionError("batch_size is at least 1, got 0.")
        self.given = (network, batch_size, loss, seed)
'''


@pytest.fixture
def install(nothing_installed: None, install: Install) -> Install:
    """Return a function that installs a distribution; nothing else is installed in the test."""
    return install


@pytest.fixture
def mnist(install: Install) -> LoadedPlugin:
    install("deapnets-digits", "mnist = fake_digits:Mnist", fake_digits=DIGITS)
    return get(EVALUATORS, "mnist").load()


def broken(install: Install, reference: str, **modules: str) -> FoundPlugin:
    install("deapnets-bad", f"bad = {reference}", "0.1", **modules)
    return get(EVALUATORS, "bad")


# found


def test_nothing_is_found_where_nothing_is_installed(install: Install) -> None:
    assert find(EVALUATORS) == ()


def test_found_plugins_say_where_they_come_from_and_are_sorted_by_name(install: Install) -> None:
    install("zoo", "xor = zoo.xor:Xor\nants = zoo.ants:Ants", "2.1")
    install("deapnets-digits", "mnist = digits:Mnist")
    assert find(EVALUATORS) == (
        FoundPlugin("ants", EVALUATORS, "zoo", "2.1", "zoo.ants:Ants"),
        FoundPlugin("mnist", EVALUATORS, "deapnets-digits", "1.0", "digits:Mnist"),
        FoundPlugin("xor", EVALUATORS, "zoo", "2.1", "zoo.xor:Xor"),
    )


def test_finding_imports_no_plugin(install: Install) -> None:
    install("deapnets-digits", "mnist = fake_digits:Mnist", fake_digits=DIGITS)
    assert get(EVALUATORS, "mnist").name == "mnist"
    assert "fake_digits" not in sys.modules


def test_other_groups_are_left_alone(install: Install) -> None:
    install("deapnets-digits", "mnist = digits:Mnist\n[deapnets.evaluators.more]\na = b:C")
    assert [plugin.name for plugin in find(EVALUATORS)] == ["mnist"]
    assert [plugin.name for plugin in find("deapnets.evaluators.more")] == ["a"]


@pytest.mark.parametrize("attribute", ["name", "reference"])
def test_a_found_plugin_cannot_be_changed(attribute: str) -> None:
    plugin = FoundPlugin("xor", EVALUATORS, "zoo", "2.1", "zoo:Xor")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(plugin, attribute, "other")


def test_a_distribution_seen_twice_on_the_path_is_no_duplicate(install: Install) -> None:
    install("deapnets-digits", "mnist = old:Mnist", "0.9", meta="egg-info")
    install("Deapnets_Digits", "mnist = new:Mnist")
    assert [plugin.reference for plugin in find(EVALUATORS)] == ["new:Mnist"]
    assert get(EVALUATORS, "deapnets.digits:mnist").reference == "new:Mnist"


def test_unreadable_metadata_is_left_out_with_a_warning_and_harms_no_other(
    install: Install,
) -> None:
    folder = install("deapnets-bad", "this line is no entry point")
    install("deapnets-digits", "mnist = digits:Mnist")
    with pytest.warns(UserWarning, match=r"plugins of .*deapnets_bad.* are left out") as caught:
        assert [plugin.name for plugin in find(EVALUATORS)] == ["mnist"]
    assert str(folder) in str(caught[0].message)


# got by name


def test_a_name_that_is_not_installed_is_told_with_the_near_one(install: Install) -> None:
    install("deapnets-digits", "mnist = digits:Mnist\nxor = digits:Xor")
    with pytest.raises(PluginError) as caught:
        get(EVALUATORS, "mnits")
    assert str(caught.value) == (
        'Evaluator "mnits" is not installed. Did you mean "mnist"? '
        "Installed: mnist, xor. See: deapnets plugins list"
    )


def test_a_name_near_to_none_gets_no_suggestion(install: Install) -> None:
    install("deapnets-digits", "mnist = digits:Mnist")
    with pytest.raises(PluginError, match=r'^Evaluator "q" is not installed. Installed: mnist\.'):
        get(EVALUATORS, "q")


def test_where_nothing_is_installed_the_message_says_none(install: Install) -> None:
    with pytest.raises(PluginError, match=r'"mnist" is not installed. Installed: none\.'):
        get(EVALUATORS, "mnist")


def test_the_message_calls_a_plugin_of_another_group_by_its_own_noun(install: Install) -> None:
    with pytest.raises(PluginError, match=r'^Strategy "es" is not installed'):
        get("deapnets.strategies", "es")


def test_a_name_of_another_distribution_is_told_with_full_names(install: Install) -> None:
    install("deapnets-digits", "mnist = digits:Mnist")
    with pytest.raises(PluginError) as caught:
        get(EVALUATORS, "deapnets-digit:mnist")
    assert str(caught.value) == (
        'Evaluator "deapnets-digit:mnist" is not installed. Did you mean "deapnets-digits:mnist"? '
        "Installed: deapnets-digits:mnist. See: deapnets plugins list"
    )


def test_a_name_of_two_distributions_is_refused_naming_both(install: Install) -> None:
    install("deapnets-digits", "mnist = digits:Mnist")
    install("zoo", "mnist = zoo:Mnist\nxor = zoo:Xor", "2.1")
    with pytest.raises(PluginError) as caught:
        get(EVALUATORS, "mnist")
    assert str(caught.value) == (
        'Evaluator "mnist" is brought by 2 distributions: deapnets-digits 1.0, zoo 2.1. '
        "Write distribution:name: deapnets-digits:mnist or zoo:mnist"
    )


def test_a_full_name_chooses_among_duplicates_and_another_name_is_not_harmed(
    install: Install,
) -> None:
    install("deapnets-digits", "mnist = digits:Mnist")
    install("zoo", "mnist = zoo:Mnist\nxor = zoo:Xor")
    for plugin in find(EVALUATORS):
        assert get(EVALUATORS, plugin.full_name) == plugin
    assert get(EVALUATORS, "xor").distribution == "zoo"


# loaded


def test_loading_imports_the_class_and_says_how_long_it_took(mnist: LoadedPlugin) -> None:
    assert mnist.target is sys.modules["fake_digits"].Mnist
    assert mnist.found == get(EVALUATORS, "mnist")
    assert mnist.seconds > 0


def test_a_summary_is_the_first_line_of_the_docstring(mnist: LoadedPlugin) -> None:
    assert mnist.summary == "Handwritten digits."


def test_a_class_without_a_docstring_has_an_empty_summary(install: Install) -> None:
    source = "class Base:\n    '''Base.'''\nclass Bare(Base): pass"
    assert broken(install, "fake_bare:Bare", fake_bare=source).load().summary == ""


@pytest.mark.parametrize(
    ("reference", "cause"),
    [
        ("dne:dne", "cannot be loaded: ModuleNotFoundError: No module named 'dne'"),
        ("os:dne", "cannot be loaded: AttributeError: module 'os' has no attribute 'dne'"),
        ("os:curdir", "cannot be loaded: expected a class, got a str."),
        ("os", "cannot be loaded: expected a class, got a module."),
        ("os path", "cannot be loaded: its entry point is no MODULE:CLASS."),
        ("fake_bad:A", "cannot be loaded: ValueError: two lines"),
        ("fake_exit:A", "cannot be loaded: SystemExit: 3"),
    ],
)
def test_a_broken_plugin_is_told_in_one_line_with_its_cause(
    install: Install, reference: str, cause: str
) -> None:
    modules = {"fake_bad": "raise ValueError('two\\n  lines')", "fake_exit": "raise SystemExit(3)"}
    plugin = broken(install, reference, **modules)
    with pytest.raises(PluginError) as caught:
        plugin.load()
    assert str(caught.value) == f'Evaluator "bad" of deapnets-bad 0.1 ({reference}) {cause}'


def test_the_error_of_a_broken_import_is_chained(install: Install) -> None:
    with pytest.raises(PluginError) as caught:
        broken(install, "dne:dne").load()
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_reference_that_is_none_is_a_plugin_error(install: Install) -> None:
    with pytest.raises(PluginError, match=r"deapnets-bad 0.1 \(!!\) cannot be loaded"):
        broken(install, "!!").load()


def test_a_broken_plugin_harms_no_other(install: Install, mnist: LoadedPlugin) -> None:
    with pytest.raises(PluginError):
        broken(install, "dne:dne").load()
    assert get(EVALUATORS, "mnist").load().target is mnist.target


# options


def test_options_have_type_default_and_explanation(mnist: LoadedPlugin) -> None:
    assert mnist.options() == (
        Option("network", str, "mlp-32", "The network to evolve, by its name."),
        Option("batch_size", int | None, 512, "Images a generation."),
        Option("loss", Literal["cross_entropy", "mse"], "mse", ""),
        Option("seed", int, 0, ""),
    )


def test_options_inherit_explanations_that_the_class_does_not_give() -> None:
    class Base:
        """Base.

        Parameters
        ----------
        a, b
            Of the base.
        """

        def __init__(self, a: int = 1, b: float = 2.0, **more: object) -> None: ...

    class Derived(Base):
        """Derived.

        Parameters
        ----------
        b : float
            Of its own.
        """

    explanations = {option.name: option.explanation for option in options_of(Derived)}
    assert explanations == {"a": "Of the base.", "b": "Of its own."}


def test_options_of_a_function_are_read_alike() -> None:
    def step(population: list, /, mu: int, *rest: int, sigma: float = 0.1) -> None:
        """Step.

        Parameters
        ----------
        mu : int
            Parents.
        """

    mu, sigma = options_of(step)
    assert (mu.name, mu.annotation, mu.required, mu.explanation) == ("mu", int, True, "Parents.")
    assert (sigma.annotation, sigma.default, sigma.required) == (float, 0.1, False)


def test_options_of_a_dataclass_are_its_fields() -> None:
    @dataclasses.dataclass
    class Task:
        size: int = 3

    assert [(o.name, o.annotation, o.default) for o in options_of(Task)] == [("size", int, 3)]


def test_an_annotation_that_cannot_be_resolved_harms_no_other_option() -> None:
    def make(inputs: Tensor | None = None, size: int = 1) -> None: ...

    inputs, size = options_of(make)
    assert inputs.annotation == "Tensor | None"
    assert size.annotation is int
    with pytest.raises(OptionError, match=r'^Option "inputs" expects Tensor \| None, got "3"\.$'):
        inputs.parse("3")


# usable


def test_made_with_options_it_keeps_every_value_defaults_included(mnist: LoadedPlugin) -> None:
    usable = mnist.make(network="cnn", batch_size=None)
    assert usable.instance.given == ("cnn", None, "mse", 0)
    assert usable.options == {"network": "cnn", "batch_size": None, "loss": "mse", "seed": 0}
    assert usable.loaded is mnist


def test_an_unknown_option_is_told_with_the_near_one(mnist: LoadedPlugin) -> None:
    with pytest.raises(OptionError) as caught:
        mnist.make(netwrk="cnn")
    assert str(caught.value) == (
        'Unknown mnist option "netwrk". Did you mean "network"? '
        "Valid: batch_size, loss, network, seed."
    )


def test_an_option_without_default_must_be_given(install: Install) -> None:
    source = "class A:\n    def __init__(self, path: str, size: int): pass"
    plugin = broken(install, "fake_needy:A", fake_needy=source).load()
    with pytest.raises(OptionError) as caught:
        plugin.make(path="here")
    assert str(caught.value) == (
        'Evaluator "bad" of deapnets-bad 0.1 (fake_needy:A) has no default for: size (int).'
    )


def test_what_the_constructor_says_of_its_options_is_passed_on(mnist: LoadedPlugin) -> None:
    with pytest.raises(OptionError, match=r"^batch_size is at least 1, got 0\.$"):
        mnist.make(batch_size=0)


def test_a_constructor_that_fails_is_told_in_one_line_and_chained(install: Install) -> None:
    source = "class A:\n    def __init__(self): raise KeyError('data')"
    plugin = broken(install, "fake_failing:A", fake_failing=source).load()
    with pytest.raises(PluginError) as caught:
        plugin.make()
    assert str(caught.value) == (
        "Evaluator \"bad\" of deapnets-bad 0.1 (fake_failing:A) cannot be made: KeyError: 'data'"
    )
    assert isinstance(caught.value.__cause__, KeyError)


# start-up


def test_importing_the_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, deapnets.plugins\n"
        "print(sorted({'torch', 'click', 'deap', 'numpy'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert answer.stdout == "[]\n"
