"""Plugins: classes that installed distributions offer under an entry-point group.

A plugin is *found* (`FoundPlugin`: metadata only, nothing is imported), then *loaded*
(`LoadedPlugin`: its class is imported), then *usable* (`UsablePlugin`: an instance was made with
options). Three immutable types, so that what has not been imported yet cannot be used by accident:

    plugin = get(EVALUATORS, "xor").load()
    options = parse_options(["hidden=8"], plugin.options())
    evaluator = plugin.make(**options).instance

deapnets' own evaluators come the same way as everybody's. Whatever is wrong with one plugin is
said when that plugin is used; it never harms another.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, final

from deapnets.errors import DeapnetsError, OptionError, PluginError, suggest
from deapnets.plugins import scripts
from deapnets.plugins.options import Option, options_of, refuse_unknown

EVALUATORS = "deapnets.evaluators"
"""The entry-point group of classes that give networks their fitness."""

STRATEGIES = "deapnets.strategies"
"""The entry-point group of the command line's algorithms: classes of settings."""

DISTRIBUTIONS = "deapnets.distributions"
"""The entry-point group of noise distributions, by their quantiles."""

COMMANDS = "deapnets.commands"
"""The entry-point group of further commands of ``deapnets``: click commands, not classes."""

LOGGERS = "deapnets.loggers"
"""The entry-point group of loggers, which are told each record of a run's log."""

STUDIES = "deapnets.studies"
"""The entry-point group of what ``deapnets study`` repeats: click commands, not classes."""

GROUPS = (EVALUATORS, STRATEGIES, DISTRIBUTIONS, LOGGERS, COMMANDS, STUDIES)

_ORIGIN = "_deapnets_origin"  # attribute of instances: what they were made of

_BROKEN = (Exception, SystemExit)  # a script without a main guard may well call sys.exit()


@final
@dataclass(frozen=True)
class FoundPlugin:
    """A plugin that is installed; nothing of it has been imported.

    Attributes
    ----------
    name
        Its name within the group.
    group
        The entry-point group, `EVALUATORS` for one.
    distribution, version
        What was installed to bring it.
    reference
        Where its class is: ``module:Class``.

    A class of a file that nobody packaged has the file as its distribution, and twelve digits of
    the file's digest as its version.
    """

    name: str
    group: str
    distribution: str
    version: str
    reference: str

    @property
    def full_name(self) -> str:
        """``distribution:name``, which `get` takes even where two distributions share a name."""
        return f"{self.distribution}:{self.name}"

    def load(self) -> LoadedPlugin:
        """Import the class; `PluginError` when that fails, whatever the reason."""
        started = time.perf_counter()
        target = self.imported()
        if not isinstance(target, type):
            kind = type(target).__name__
            raise PluginError(f"{self.title} cannot be loaded: expected a class, got a {kind}.")
        return LoadedPlugin(self, target, time.perf_counter() - started)

    def imported(self) -> Any:
        """Import what the reference names, a class or not; `PluginError` when that fails."""
        try:
            if scripts.is_script(self.reference):
                return scripts.imported(*scripts.located(self.reference))
            if not metadata.EntryPoint.pattern.match(self.reference):
                raise PluginError(
                    f"{self.title} cannot be loaded: its entry point is no MODULE:CLASS."
                )
            return metadata.EntryPoint(self.name, self.reference, self.group).load()
        except PluginError:
            raise
        except _BROKEN as error:
            raise PluginError(f"{self.title} cannot be loaded: {_line(error)}") from error

    @property
    def title(self) -> str:
        """What messages call it: kind, name, distribution, version and reference."""
        if scripts.is_script(self.reference):
            return f'{_noun(self.group)} "{self.name}" ({self.reference})'
        source = f"{self.distribution} {self.version}"
        return f'{_noun(self.group)} "{self.name}" of {source} ({self.reference})'


@final
@dataclass(frozen=True)
class LoadedPlugin:
    """A plugin whose class is imported.

    Attributes
    ----------
    found
        Where it came from.
    target
        The class.
    seconds
        How long the import took; next to nothing when something had imported it before.
    """

    found: FoundPlugin
    target: type[Any]
    seconds: float

    @property
    def summary(self) -> str:
        """The first line of the class's own docstring, or ``""``."""
        return inspect.cleandoc(self.target.__doc__ or "").partition("\n")[0]

    def options(self) -> tuple[Option, ...]:
        """Return what the constructor takes by keyword, in its order."""
        return options_of(self.target)

    def make(self, /, **options: Any) -> UsablePlugin:
        """Construct the class.

        Raises
        ------
        OptionError
            An option does not exist or is missing; the message lists those that exist. Also
            what the constructor itself raises of its values.
        PluginError
            The constructor failed with anything that is not a `DeapnetsError`.
        """
        valid = {option.name: option for option in self.options()}
        refuse_unknown(f"{self.found.name} option", options, valid)
        values = {name: option.default for name, option in valid.items()} | options
        missing = [name for name in valid if values[name] is inspect.Parameter.empty]
        if missing:
            needs = ", ".join(f"{name} ({valid[name].expected})" for name in missing)
            raise OptionError(f"{self.found.title} has no default for: {needs}.")
        instance = self._construct(options)
        with contextlib.suppress(AttributeError, TypeError):  # slots leave no place for a note
            object.__setattr__(instance, _ORIGIN, (self.found.full_name, dict(options)))
        return UsablePlugin(self, instance, values)

    def _construct(self, options: Mapping[str, Any]) -> Any:
        try:
            return self.target(**options)
        except DeapnetsError:
            raise
        except _BROKEN as error:
            raise PluginError(f"{self.found.title} cannot be made: {_line(error)}") from error


@final
@dataclass(frozen=True)
class UsablePlugin:
    """A plugin that is constructed.

    Attributes
    ----------
    loaded
        Its class and where that came from.
    instance
        The object.
    options
        Every option with its value, defaults included: what a run has to write down.
    """

    loaded: LoadedPlugin
    instance: Any
    options: Mapping[str, Any]


def find(group: str) -> tuple[FoundPlugin, ...]:
    """Return the installed plugins of a group, sorted by name, without importing any.

    A distribution that is on ``sys.path`` twice (an editable install and its egg-info) counts
    once: as on import, the first one wins. One whose metadata cannot be read is left out with a
    warning.
    """
    found: dict[tuple[str, str], FoundPlugin] = {}
    for distribution in metadata.distributions():
        for plugin in _plugins_of(distribution, group):
            found.setdefault((plugin.name, canonical(plugin.distribution)), plugin)
    return tuple(found[key] for key in sorted(found))


def get(group: str, name: str) -> FoundPlugin:
    """Return the plugin called ``name`` or ``distribution:name``, or ``FILE.py:CLASS``.

    Raises
    ------
    PluginError
        It is not installed, or two distributions bring the name and none was named; there is no
        such file.
    """
    if scripts.is_script(name):
        path, wanted = scripts.located(name)
        version = scripts.version_of(path)
        return FoundPlugin(wanted, group, str(path), version, f"{path}:{wanted}")
    installed = find(group)
    distribution, _, short = name.rpartition(":")
    named = [
        plugin
        for plugin in installed
        if plugin.name == short
        and (not distribution or canonical(plugin.distribution) == canonical(distribution))
    ]
    if not named:
        valid = {plugin.full_name if distribution else plugin.name for plugin in installed}
        raise PluginError(_not_installed(group, name, sorted(valid)))
    if len(named) > 1:
        raise PluginError(_ambiguous(named))
    return named[0]


def origin_of(instance: Any) -> tuple[str, dict[str, Any]] | None:
    """Return the full name and the options that a plugin's instance was made of; None for others.

    Another process makes the same instance from them.
    """
    origin: tuple[str, dict[str, Any]] | None = getattr(instance, _ORIGIN, None)
    return origin


def _plugins_of(distribution: metadata.Distribution, group: str) -> list[FoundPlugin]:
    try:
        # Parsing the metadata of every distribution there is would take most of the time.
        if group not in (distribution.read_text("entry_points.txt") or ""):
            return []
        name, version = str(distribution.metadata["Name"]), str(distribution.version)
        entries = [entry for entry in distribution.entry_points if entry.group == group]
    except Exception as error:
        where = getattr(distribution, "_path", distribution)
        text = f"The plugins of {where} are left out: its metadata cannot be read: {_line(error)}"
        warnings.warn(text, stacklevel=3)
        return []
    return [FoundPlugin(entry.name, group, name, version, entry.value) for entry in entries]


def canonical(distribution: str) -> str:
    """Return a distribution's name as it compares (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _noun(group: str) -> str:
    """Return what a plugin of a group is called: ``Evaluator``, ``Strategy``."""
    plural = group.rpartition(".")[2]
    return re.sub("ies$", "y", plural).removesuffix("s").capitalize()


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _not_installed(group: str, name: str, valid: Sequence[str]) -> str:
    return (
        f'{_noun(group)} "{name}" is not installed.{suggest(name, valid)} '
        f"Installed: {', '.join(valid) or 'none'}. See: deapnets plugins list"
    )


def _ambiguous(plugins: Sequence[FoundPlugin]) -> str:
    first = plugins[0]
    sources = ", ".join(f"{plugin.distribution} {plugin.version}" for plugin in plugins)
    return (
        f'{_noun(first.group)} "{first.name}" is brought by {len(plugins)} distributions: '
        f"{sources}. Write distribution:name: {' or '.join(p.full_name for p in plugins)}"
    )
