"""Which parameters of a module are evolved: those that train, and that a pattern selects."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn
from torch.jit import ScriptModule
from torch.nn.parameter import is_lazy

from deapnets.errors import LayoutError, suggest

Patterns = str | Sequence[str] | None
"""``"head.*"``, or several such patterns; None for every parameter."""


def evolved_parameters(
    module: nn.Module, patterns: Patterns = None
) -> list[tuple[str, nn.Parameter]]:
    """Return names and parameters that are evolved, at least one, in the module's own order.

    A parameter that several layers share is there once, under its first name; a pattern may select
    it by any of its names. ``*`` stands for any text, dots included, ``?`` for one character and
    ``[12]`` for one of them.

    Raises
    ------
    LayoutError
        When a parameter is no floating-point tensor or has no shape yet, a pattern selects no
        parameter that requires a gradient, or there is none; when a part is of torch.jit.
    """
    _require_python(module)
    named = list(module.named_parameters())
    for name, parameter in named:
        _require_usable(module, name, parameter)
    training = [(name, parameter) for name, parameter in named if parameter.requires_grad]
    if not training:
        raise LayoutError(
            f"{type(module).__name__} has no parameter to evolve: "
            f"{len(named)} parameters, none of which requires a gradient."
        )
    if patterns is None:
        return training
    chosen = _selected(module, [patterns] if isinstance(patterns, str) else list(patterns))
    return [(name, parameter) for name, parameter in training if id(parameter) in chosen]


def _require_python(module: nn.Module) -> None:
    """Raise a `LayoutError` where torch.jit has made a part: its weights cannot be exchanged."""
    for name, part in module.named_modules():
        if isinstance(part, ScriptModule):
            part_of = f'Part "{name}" of ' if name else ""
            raise LayoutError(
                f"{part_of}{type(module).__name__} was made by torch.jit, which does not let "
                "weights be exchanged. Evolve the module that it was made from, and script or "
                "trace the network that comes of it."
            )


def _require_usable(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
    owner = type(module).__name__
    if is_lazy(parameter):
        raise LayoutError(
            f'Parameter "{name}" of {owner} has no shape yet. Call the module once with inputs, so '
            "that its lazy layers learn their sizes."
        )
    if not parameter.is_floating_point():
        raise LayoutError(
            f'Parameter "{name}" of {owner} is {parameter.dtype}; only floating-point parameters '
            "can be evolved. Make it a buffer: register_buffer."
        )


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
