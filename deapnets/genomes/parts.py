"""Which parameters of a module are evolved: those that train, and that a pattern selects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from torch import nn

from deapnets.errors import LayoutError, OptionError, shown, suggest
from deapnets.genomes.reach import Named, require_reach
from deapnets.genomes.usable import require_module, require_parts, require_there, require_weights

Patterns = str | Sequence[str] | None
"""``"head.*"``, or several such patterns; None for every parameter."""


def evolved_parameters(module: nn.Module, patterns: Patterns = None) -> Named:
    """Return names and parameters that are evolved, at least one, in the module's own order.

    A parameter that several layers share is there once, under its first name; a pattern may select
    it by any of its names. ``*`` stands for any text, dots included, ``?`` for one character and
    ``[12]`` for one of them.

    Raises
    ------
    LayoutError
        When the module cannot be exchanged for others, as `deapnets.genomes.usable` and
        `deapnets.genomes.reach` say; when a pattern selects no parameter that requires a gradient,
        or there is none.
    OptionError
        When ``patterns`` are no patterns.
    """
    named = _there(module)
    chosen = _chosen(module, named, patterns)
    require_weights(module, chosen)
    require_exchangeable(module, named, chosen)
    return chosen


def require_copies(module: nn.Module) -> None:
    """Raise a `LayoutError` unless this is a module that populations can have copies of."""
    require_exchangeable(module, _there(module), [])


def _there(module: nn.Module) -> Named:
    """Return a module's parameters, all with values."""
    require_module(module)
    named = list(module.named_parameters())
    require_there(module, named)
    return named


def require_exchangeable(module: nn.Module, named: Named, chosen: Named) -> None:
    """Raise a `LayoutError` unless copies of ``module`` can be given others for ``chosen``.

    ``named`` are all its parameters.
    """
    parts = list(module.named_modules())
    require_parts(parts)
    require_reach(parts, named, chosen)


def _chosen(module: nn.Module, named: Named, patterns: Patterns) -> Named:
    training = [(name, parameter) for name, parameter in named if parameter.requires_grad]
    if not training:
        raise LayoutError(
            f"{type(module).__name__} has no parameter to evolve: "
            f"{len(named)} parameters, none of which requires a gradient."
        )
    if patterns is None:
        return training
    chosen = _selected(module, _several(patterns))
    return [(name, parameter) for name, parameter in training if id(parameter) in chosen]


def _several(patterns: str | Sequence[str]) -> list[str]:
    if isinstance(patterns, str):
        return [patterns]
    several = list(patterns) if isinstance(patterns, Iterable) else [patterns]
    if not all(isinstance(pattern, str) for pattern in several):
        raise OptionError(
            'parameters= is a pattern of names such as "head.*", or a list of them; '
            f"got {shown(patterns)}."
        )
    return several


def _selected(module: nn.Module, patterns: list[str]) -> set[int]:
    """Return the ids of the training parameters that the patterns select, each at least one."""
    aliases = dict(module.named_parameters(remove_duplicate=False))
    chosen: set[int] = set()
    for pattern in patterns:
        hits = [name for name in aliases if fnmatchcase(name, pattern)]
        trained = {id(aliases[name]) for name in hits if aliases[name].requires_grad}
        if not trained:
            raise LayoutError(_nothing(module, pattern, hits, list(aliases)))
        chosen |= trained
    if not chosen:
        raise LayoutError(_nothing(module, "", [], list(aliases)))
    return chosen


def _nothing(module: nn.Module, pattern: str, hits: list[str], names: list[str]) -> str:
    """Return the message for a pattern that selects nothing to evolve."""
    said = f'parameters="{pattern}" selects no parameter of {type(module).__name__} to evolve'
    if hits:
        return f"{said}: {', '.join(hits)} requires no gradient. See: requires_grad_(True)."
    groups = {name.split(".")[0] + ".*" for name in names if "." in name}
    shown = ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:11])}, ..."
    return f"{said}.{suggest(pattern, [*sorted(groups), *names])} Its parameters: {shown}."
