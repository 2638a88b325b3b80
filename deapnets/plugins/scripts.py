"""Plugins of one file, without packaging: ``./my_task.py:MyTask``.

The file is imported once, under a name that follows from its path, so that what a run stored (the
operators of its recipes, say) is found again when the run is resumed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

from deapnets.errors import PluginError, suggest

ENDING = ".py"


def is_script(name: str) -> bool:
    """Return whether a name means a class of a file: ``FILE.py:CLASS``, or a file alone."""
    file, _, _ = name.rpartition(":")
    return file.endswith(ENDING) or name.endswith(ENDING)


def located(name: str) -> tuple[Path, str]:
    """Return the absolute path of the file and the name of the class of ``FILE.py:CLASS``.

    Raises
    ------
    PluginError
        When there is no such file, or no class is named; those that are there are listed.
    """
    file, _, wanted = name.rpartition(":")
    path = Path(file if file.endswith(ENDING) else name).expanduser().absolute()
    if not path.is_file():
        raise PluginError(
            f"There is no file {path}. Write FILE.py:CLASS, or a name: deapnets plugins list"
        )
    if not file.endswith(ENDING):
        raise PluginError(f"Say which class of it: {name}:CLASS.{_defined(path)}")
    return path, wanted


def version_of(path: Path) -> str:
    """Return what tells the file from others that stood there: twelve digits of its digest."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def imported(path: Path, wanted: str) -> object:
    """Return what is called ``wanted`` in the file.

    Raises
    ------
    PluginError
        When the file has nothing of that name. Whatever importing it raises is passed on.
    """
    module = _module(path)
    if not hasattr(module, wanted):
        names = [name for name, value in vars(module).items() if isinstance(value, type)]
        near = suggest(wanted, names)
        raise PluginError(f"{path} has no {wanted}.{near}{_defined(path)}")
    found: object = getattr(module, wanted)
    return found


def _module(path: Path) -> ModuleType:
    name = f"{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}_{_short(path)}"
    if name in sys.modules:
        return sys.modules[name]
    if str(path.parent) not in sys.path:  # as for any script: it may import what lies beside it
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # a file whose name ends in .py has a loader
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _short(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:8]


def _defined(path: Path) -> str:
    """Return a sentence with the classes that a file defines, as its text says; ``""`` for none."""
    names = re.findall(r"^class (\w+)", path.read_text(encoding="utf-8", errors="replace"), re.M)
    return f" It defines: {', '.join(names)}." if names else ""
