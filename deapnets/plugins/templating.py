"""A new plugin from ``examples/plugin-template``: the files that are tested there, renamed."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from pathlib import Path

from deapnets.errors import OptionError, PluginError
from deapnets.plugins import EVALUATORS, find

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_LEFT_OUT = re.compile(r"__pycache__|build|dist|\..*|.*\.egg-info")


def write_plugin(name: str, folder: Path | None = None) -> Path:
    """Write a distribution with one evaluator, its entry point and its tests; return its folder.

    Parameters
    ----------
    name
        What the evaluator is called: words of small letters and digits, joined by hyphens.
        ``deapnets-`` before it is left out.
    folder
        Where to write; ``deapnets-NAME`` in the working directory by default.

    Raises
    ------
    OptionError
        When nothing can be called that.
    PluginError
        When the name is taken, or the folder is not empty or cannot be written.
    """
    name = name.removeprefix("deapnets-")
    _require_name(name)
    target = Path(f"deapnets-{name}") if folder is None else folder.expanduser()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PluginError(f"{target} is there already. Give another folder by --dir.")
    try:
        for relative, content in _files():
            path = target / _renamed(str(relative), name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_renamed(content, name), encoding="utf-8")
    except OSError as error:
        raise PluginError(f"{target} cannot be written: {error.strerror or error}.") from error
    return target


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise OptionError(
            f'A plugin is called by words of small letters and digits, such as "two-moons"; got '
            f'"{name}".'
        )
    if keyword.iskeyword(_class_of(name)):
        raise OptionError(
            f'"{name}" would give a class called {_class_of(name)}, a word of Python.'
        )
    for plugin in find(EVALUATORS):
        if plugin.name == name:
            raise PluginError(
                f'An evaluator "{name}" is installed already, by {plugin.distribution} '
                f"{plugin.version}. Choose another name."
            )


def _files() -> Iterator[tuple[Path, str]]:
    """Yield the template's files, by their place in it: from the checkout, or as installed."""
    package = Path(__file__).parents[1]
    places = (package / "template", package.parent / "examples" / "plugin-template")
    root = next((place for place in places if place.is_dir()), None)
    if root is None:
        raise PluginError(f"The template is missing from {package}: install deapnets again.")
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.is_file() and not any(_LEFT_OUT.fullmatch(part) for part in relative.parts):
            yield relative, path.read_text(encoding="utf-8")


def _renamed(text: str, name: str) -> str:
    text = text.replace("deapnets_template", f"deapnets_{name.replace('-', '_')}")
    return text.replace("Template", _class_of(name)).replace("template", name)


def _class_of(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))
