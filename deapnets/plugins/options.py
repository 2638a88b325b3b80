"""What a class or function takes by keyword, as ``KEY=VALUE`` text on a command line.

Types and defaults come from the signature, explanations from the numpy-style docstring:

    options = options_of(Mnist)
    parse_options(["network=mlp-32", "batch_size=none"], options)
"""

from __future__ import annotations

import contextlib
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

from deapnets.errors import OptionError, suggest, unknown


@final
@dataclass(frozen=True)
class Option:
    """One keyword of a callable, as the command line offers it.

    Attributes
    ----------
    name
        What is written before the ``=``.
    annotation
        The resolved type; where there is none, that of the default, else ``str``.
    default
        The default, or ``inspect.Parameter.empty``.
    explanation
        The parameter's entry in the numpy-style docstring, on one line, or ``""``.
    """

    name: str
    annotation: Any
    default: Any
    explanation: str

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is inspect.Parameter.empty

    @property
    def expected(self) -> str:
        """What may be written after the ``=``: ``int | none``, ``true | false``, ``mean | sum``."""
        return " | ".join(map(_spelling, _alternatives(self.annotation)))

    def parse(self, text: str) -> Any:
        """Return the value that ``text`` stands for; `OptionError` when it stands for none."""
        alternatives = _alternatives(self.annotation)
        for kind in sorted(alternatives, key=_eagerness):
            with contextlib.suppress(ValueError, LookupError):
                return _read(text, kind)
        near = suggest(text, (name for kind in alternatives for name in _choices(kind)))
        raise OptionError(f'Option "{self.name}" expects {self.expected}, got "{text}".{near}')


def options_of(target: Callable[..., Any]) -> tuple[Option, ...]:
    """Return what a class's constructor, or a function, takes by keyword, in its order.

    Explanations come from the numpy-style ``Parameters`` sections of the docstrings; for a
    parameter that the class does not explain, from those of its bases.
    """
    explanations: dict[str, str] = {}
    for owner in reversed(target.__mro__ if isinstance(target, type) else (target,)):
        explanations |= _explanations(inspect.cleandoc(owner.__doc__ or ""))
    called: Any = inspect.getattr_static(target, "__init__") if isinstance(target, type) else target
    names = getattr(inspect.unwrap(called), "__globals__", {})
    return tuple(
        Option(name, _resolve(parameter, names), parameter.default, explanations.get(name, ""))
        for name, parameter in inspect.signature(target).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    )


def parse_options(pairs: Sequence[str], options: Iterable[Option]) -> dict[str, Any]:
    """Return the typed values of ``KEY=VALUE`` pairs; the last one of a key counts.

    Raises
    ------
    OptionError
        A pair without ``=``, an unknown key, or a value that is not of the option's type.
    """
    valid = {option.name: option for option in options}
    values = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator:
            names = ", ".join(sorted(valid)) or "none"
            raise OptionError(f'Option "{name}" has no value: write {name}=VALUE. Valid: {names}.')
        refuse_unknown("option", [name], valid)
        values[name] = valid[name].parse(text)
    return values


def refuse_unknown(kind: str, names: Iterable[str], valid: Iterable[str]) -> None:
    """Raise an `OptionError` for the first name that is not valid, with the near one."""
    for name in names:
        if name not in valid:
            raise OptionError(unknown(kind, name, valid))


def _explanations(doc: str) -> dict[str, str]:
    """Return the texts of a docstring's ``Parameters`` section, each on one line, by name."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-+$|\Z)", doc, re.M | re.S)
    texts: dict[str, str] = {}
    names: list[str] = []
    for line in section[1].splitlines() if section else ():
        if line[:1].strip():
            names = [name.strip() for name in line.partition(":")[0].split(",")]
        else:
            texts |= {name: f"{texts.get(name, '')} {line.strip()}".strip() for name in names}
    return texts


def _resolve(parameter: inspect.Parameter, names: dict[str, Any]) -> Any:
    """Return a parameter's type; one that only a type checker imports stays a string."""
    if parameter.annotation is parameter.empty:
        kind = type(parameter.default)
        return kind if kind in (bool, int, float) else str
    holder = types.SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        return typing.get_type_hints(holder, names)[parameter.name]
    except Exception:  # an annotation may be any expression, and one of them harms no other
        return parameter.annotation


def _alternatives(annotation: Any) -> list[Any]:
    """Return the types an annotation allows: ``int | None`` gives ``[int, NoneType]``."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [kind for part in typing.get_args(annotation) for kind in _alternatives(part)]
    return [annotation]


def _eagerness(kind: Any) -> int:
    """Return when a type is tried: none before all others, and text, which takes anything, last."""
    return (kind is str) - (kind is types.NoneType)


def _choices(kind: Any) -> dict[str, Any]:
    """Return the values of a ``Literal`` as they are written; of other types, none."""
    literal = typing.get_origin(kind) is Literal
    return {str(value): value for value in typing.get_args(kind)} if literal else {}


def _spelling(kind: Any) -> str:
    if kind is bool:
        return "true | false"
    if kind is types.NoneType:
        return "none"
    name = kind.__name__ if isinstance(kind, type) else str(kind)
    return " | ".join(_choices(kind)) or name


def _read(text: str, kind: Any) -> Any:
    """Return ``text`` as a type; ValueError or LookupError when it is not of that type."""
    if typing.get_origin(kind) is Literal:
        return _choices(kind)[text]
    return _READERS[kind](text)


def _read_bool(text: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    return words[text.lower()]


def _read_none(text: str) -> None:
    if text.lower() != "none":
        raise ValueError(text)


_READERS: dict[Any, Callable[[str], Any]] = {
    bool: _read_bool,
    int: int,
    float: float,
    str: str,
    Path: Path,
    types.NoneType: _read_none,
    Any: str,
}
