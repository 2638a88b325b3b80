"""What ``import deapnets`` offers is documented, annotated, and does what its examples say."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import deapnets as dn

ROOT = Path(dn.__file__).parent
GIVEN_BY_OTHERS = {"rows", "draw"}  # a core's, which `Operator.make` calls


def called(value: Any) -> Callable[..., Any] | None:
    """Return what a public name calls; None for one that is no callable, such as a space."""
    if isinstance(value, dn.Operator):
        core: Callable[..., Any] = value.core
        return core
    return value if inspect.isclass(value) or inspect.isroutine(value) else None


def texts(value: Any) -> str:
    """Return the docstring; of a class, with those of its bases that are deapnets' own."""
    if not inspect.isclass(value):
        return value.__doc__ or ""
    kin = [kind for kind in value.__mro__ if kind.__module__.startswith("deapnets")]
    return "\n".join(kind.__doc__ or "" for kind in kin)


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties that a class has from deapnets."""
    for name, value in inspect.getmembers(kind):
        owner = next((one for one in kind.__mro__ if name in vars(one)), None)
        if name.startswith("_") or owner is None or not owner.__module__.startswith("deapnets"):
            continue
        if isinstance(
            vars(owner)[name], property | classmethod | staticmethod
        ) or inspect.isroutine(vars(owner)[name]):
            yield name, value


@pytest.mark.parametrize("name", dn.__all__)
def test_a_public_name_has_a_docstring_of_its_own(name):
    value = getattr(dn, name)
    own = value.__doc__ if called(value) is None else vars(value).get("__doc__", value.__doc__)
    first = inspect.cleandoc(own or "").partition("\n")[0]
    assert first.endswith((".", ":")) or "\n" not in (own or "")
    assert first


@pytest.mark.parametrize("name", dn.__all__)
def test_every_parameter_of_a_public_name_is_explained_and_annotated(name):
    value = getattr(dn, name)
    if called(value) is None:
        return
    parameters = inspect.signature(called(value)).parameters.values()
    of_others = GIVEN_BY_OTHERS if isinstance(value, dn.Operator) else set()
    named = [p for p in parameters if p.name not in of_others]
    explained = texts(value)
    assert [p.name for p in named if not re.search(rf"\b{p.name}\b", explained)] == []
    assert [p.name for p in named if p.annotation is p.empty] == []


@pytest.mark.parametrize("name", [n for n in dn.__all__ if inspect.isclass(getattr(dn, n))])
def test_every_public_method_has_a_docstring(name):
    assert [m for m, value in members(getattr(dn, name)) if not inspect.getdoc(value)] == []


MODULES = [path for path in sorted(ROOT.rglob("*.py")) if ">>> " in path.read_text("utf-8")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_of_a_module_print_what_they_say(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    module = importlib.import_module(".".join(parts))
    failed, tried = doctest.testmod(module, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert failed == 0
    assert tried > 0


def test_the_names_that_a_script_needs_first_have_examples():
    for name in (
        "WeightGenome",
        "initWeights",
        "Supervised",
        "mutGaussian",
        "cxUniform",
        "operator",
    ):
        assert ">>> " in (getattr(dn, name).__doc__ or ""), name


def test_types_are_shipped_with_every_distribution_of_this_checkout():
    packages = [ROOT, *ROOT.parent.glob("plugins/*/deapnets_*")]
    packages = [path for path in packages if (path / "__init__.py").is_file()]
    assert len(packages) > 3
    assert [str(path) for path in packages if not (path / "py.typed").is_file()] == []
    for path in packages:
        setup = (path.parent / "setup.cfg").read_text("utf-8")
        assert re.search(rf"^{path.name} =\s[^=]*\bpy\.typed\b", setup, re.M)
