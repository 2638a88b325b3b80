"""What an installed distribution asks for, beside what is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from deapnets.plugins.discovery import canonical

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def unmet(distribution: str) -> list[str]:
    """Return a line for each requirement that is not met, extras left out: what, and what to type.

    Of a distribution without readable metadata nothing is known: an empty list.
    """
    return [line for requirement, _ in _requirements(distribution) if (line := _line(requirement))]


def missing_extra(distribution: str, problem: str) -> str:
    """Return `` Try: pip install "name[extra]"`` for a module that an extra brings, else ``""``.

    ``problem`` ends with the module's name, whose first part is the distribution's name as a rule.
    """
    module = canonical(re.split(r"['\"]", problem)[-1].partition(".")[0])
    for requirement, extra in _requirements(distribution, extras=True):
        if extra and canonical(requirement.name) == module:
            return f'. Try: pip install "{distribution}[{extra}]"'
    return ""


def _requirements(distribution: str, extras: bool = False) -> Iterator[tuple[Requirement, str]]:
    """Yield requirements with the extra that asks for them; ``""`` for those that always count."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        texts = metadata.requires(distribution) or []
        known = metadata.metadata(distribution).get_all("Provides-Extra") or []
    except (metadata.PackageNotFoundError, ValueError):
        return
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        for extra in ["", *(known if extras else [])]:
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                yield requirement, extra
                break


def _line(requirement: Requirement) -> str:
    name, specifier = requirement.name, requirement.specifier
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f'It needs {requirement}, which is not installed: pip install "{requirement}"'
    if specifier.contains(version, prereleases=True):
        return ""
    return (
        f"It needs {name}{specifier}, and {name} {version} is installed: "
        f'pip install --upgrade "{name}{specifier}", or another version of the plugin.'
    )
