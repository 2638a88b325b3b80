"""Which module may import which, and what importing deapnets costs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import deapnets

ROOT = Path(deapnets.__file__).parent

# A package imports from the lines above its own. Packages on one line do not import each other.
ORDER = [
    {"errors"},
    {"loggers"},
    {"plugins", "machine", "files"},
    {"distributions"},
    {"randomness"},
    {"genomes", "architectures"},
    {"programs"},
    {"operators", "networks"},
    {"evaluators"},
    {"metrics"},
    {"engines"},
    {"mapping"},
    {"strategies"},
    {"algorithms"},
    {"runs"},
    {"reports"},
    {"checking"},
    {"testing"},
    {"cli"},
]
PLACES = {package: place for place, packages in enumerate(ORDER) for package in packages}


def package_of(path):
    """Return the package, or the module at the top, that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_by(path):
    """Return the packages of deapnets that a file imports, wherever in it: in a function, too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it goes"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "deapnets" and len(parts) > 1:
                found.add(parts[1])
    return found - {"__version__", *deapnets.__all__}


MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")
ARROWS = {
    (package_of(path), target)
    for path in MODULES
    for target in imported_by(path)
    if target != package_of(path)
}


def python(code):
    """Run code in a new interpreter; return what it printed."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT.parent,
    )
    return run.stdout.split()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_what_stands_before_its_package(path):
    package = package_of(path)
    assert package in PLACES, f"{package} has no place in ORDER yet"
    for target in imported_by(path) - {package}:
        assert target in PLACES, f"{path}: {target} has no place in ORDER yet"
        assert PLACES[target] < PLACES[package], f"{path}: {package} must not import {target}"


@pytest.mark.parametrize("package", sorted(ROOT.glob("*/__init__.py")), ids=lambda p: p.parent.name)
def test_a_package_says_of_each_of_its_modules_what_it_is_for(package):
    index = ast.get_docstring(ast.parse(package.read_text(encoding="utf-8")))
    modules = {path.stem for path in package.parent.glob("*.py")} - {"__init__", "__main__"}
    assert sorted(modules - set(re.findall(r"\w+", index))) == []


def test_no_two_packages_import_each_other_on_whatever_detour():
    reached = {package: {b for a, b in ARROWS if a == package} for package in PLACES}
    for _ in PLACES:
        for targets in reached.values():
            targets |= {further for target in set(targets) for further in reached.get(target, ())}
    assert [package for package, targets in reached.items() if package in targets] == []


def test_the_arrows_that_the_design_speaks_of_are_read():
    assert {
        ("operators", "genomes"),
        ("networks", "genomes"),
        ("evaluators", "networks"),
        ("mapping", "evaluators"),
        ("algorithms", "mapping"),
    } <= ARROWS


@pytest.mark.parametrize("module", ["deapnets", "deapnets.plugins", "deapnets.errors"])
def test_an_import_loads_no_heavy_library(module):
    heavy = {"torch", "deap", "click", "numpy", "scipy", "matplotlib", "rich"}
    assert heavy & set(python(f"import sys, {module}; print(*sys.modules)")) == set()


def test_every_public_name_loads_from_a_bare_import():
    code = (  # spaces are no classes: they have a name of their own
        "import deapnets as dn; values = {n: getattr(dn, n) for n in dn.__all__};"
        "print(*(getattr(value, '__name__', n) for n, value in values.items()))"
    )
    assert python(code) == deapnets.__all__


def test_public_names_are_listed_once():
    assert sorted(deapnets.__all__) == sorted(deapnets._HOMES)


def test_public_names_are_those_that_type_checkers_see():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module.removeprefix("deapnets.")
        for node in ast.walk(guarded)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == deapnets._HOMES


def test_dir_offers_the_public_names():
    assert set(deapnets.__all__) <= set(dir(deapnets))


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'deapnets' has no attribute 'PopulationMpa'"):
        deapnets.PopulationMpa  # noqa: B018  (the attribute is the test)
