"""Protected operators: functions of tensors that are defined everywhere, and say how.

Each is an ordinary function for DEAP's ``pset.addPrimitive``; `primitive_set` adds them by name.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from deap import gp

from deapnets.errors import OptionError, unknown

Tensor = torch.Tensor

LARGEST = 30.0
"""Where the argument of an exponential is cut: exp(30) is 1e13, and float32 holds 3e38."""


def div(a: Tensor, b: Tensor) -> Tensor:
    """Return ``a / b``, and 1 where ``b`` is 0 (Koza 1992)."""
    nothing = b == 0
    if torch.is_grad_enabled():  # a slope through 1/0 would be no number
        b = torch.where(nothing, 1.0, b)
    return torch.where(nothing, 1.0, a / b)


def aq(a: Tensor, b: Tensor) -> Tensor:
    """Return ``a / sqrt(1 + b^2)``, the analytic quotient (Ni, Drieberg & Rockett 2013)."""
    return a / torch.sqrt(1.0 + b * b)


def log(a: Tensor) -> Tensor:
    """Return ``ln |a|``, and 0 where ``a`` is 0 (Koza 1992)."""
    return torch.log(torch.where(a == 0, 1.0, torch.abs(a)))


def sqrt(a: Tensor) -> Tensor:
    """Return the square root of ``|a|``."""
    return torch.sqrt(torch.abs(a))


def exp(a: Tensor) -> Tensor:
    """Return ``e^a``, with ``a`` cut at 30."""
    return torch.exp(torch.clamp(a, max=LARGEST))


def square(a: Tensor) -> Tensor:
    """Return ``a^2``."""
    return a * a


def softplus(a: Tensor) -> Tensor:
    """Return ``ln(1 + e^a)``."""
    return torch.logaddexp(a, torch.zeros_like(a))


@final
@dataclass(frozen=True)
class Function:
    """A primitive that `primitive_set` knows by name.

    Attributes
    ----------
    name
        What trees call it.
    call
        The function of tensors.
    arity
        How many arguments it takes.
    domain
        Where it is defined, and what it is elsewhere.
    source
        It as an expression of torch, with ``{0}`` and ``{1}`` for its arguments.
    formula
        It as an expression that sympy reads.
    """

    name: str
    call: Callable[..., Tensor]
    arity: int
    domain: str
    source: str
    formula: str


_EVERYWHERE = "everywhere"
_LIST = (
    Function("add", torch.add, 2, _EVERYWHERE, "({0} + {1})", "({0}) + ({1})"),
    Function("sub", torch.sub, 2, _EVERYWHERE, "({0} - {1})", "({0}) - ({1})"),
    Function("mul", torch.mul, 2, _EVERYWHERE, "({0} * {1})", "({0})*({1})"),
    Function(
        "div",
        div,
        2,
        "1 where the divisor is 0",
        "torch.where({1} == 0, 1.0, {0} / torch.where({1} == 0, 1.0, {1}))",
        "({0})/({1})",
    ),
    Function(
        "aq",
        aq,
        2,
        _EVERYWHERE,
        "({0} / torch.sqrt(1 + {1} * {1}))",
        "({0})/sqrt(1 + ({1})**2)",
    ),
    Function("max", torch.maximum, 2, _EVERYWHERE, "torch.maximum({0}, {1})", "Max({0}, {1})"),
    Function("min", torch.minimum, 2, _EVERYWHERE, "torch.minimum({0}, {1})", "Min({0}, {1})"),
    Function("neg", torch.neg, 1, _EVERYWHERE, "(-{0})", "-({0})"),
    Function("abs", torch.abs, 1, _EVERYWHERE, "torch.abs({0})", "Abs({0})"),
    Function("sign", torch.sign, 1, _EVERYWHERE, "torch.sign({0})", "sign({0})"),
    Function("square", square, 1, _EVERYWHERE, "torch.square({0})", "({0})**2"),
    Function(
        "sqrt", sqrt, 1, "of the absolute value", "torch.sqrt(torch.abs({0}))", "sqrt(Abs({0}))"
    ),
    Function(
        "log",
        log,
        1,
        "of the absolute value; 0 at 0",
        "torch.log(torch.where({0} == 0, 1.0, torch.abs({0})))",
        "log(Abs({0}))",
    ),
    Function(
        "exp",
        exp,
        1,
        "its argument is cut at 30",
        "torch.exp(torch.clamp({0}, max=30.0))",
        "exp({0})",
    ),
    Function("sin", torch.sin, 1, _EVERYWHERE, "torch.sin({0})", "sin({0})"),
    Function("cos", torch.cos, 1, _EVERYWHERE, "torch.cos({0})", "cos({0})"),
    Function("tanh", torch.tanh, 1, _EVERYWHERE, "torch.tanh({0})", "tanh({0})"),
    Function("sigmoid", torch.sigmoid, 1, _EVERYWHERE, "torch.sigmoid({0})", "1/(1 + exp(-({0})))"),
    Function("erf", torch.erf, 1, _EVERYWHERE, "torch.erf({0})", "erf({0})"),
    Function("relu", torch.relu, 1, _EVERYWHERE, "torch.relu({0})", "Max(0, {0})"),
    Function(
        "softplus",
        softplus,
        1,
        _EVERYWHERE,
        "torch.logaddexp({0}, torch.zeros_like({0}))",
        "log(1 + exp({0}))",
    ),
)

FUNCTIONS = {function.name: function for function in _LIST}
"""Every function under its name."""

COMMUTATIVE = frozenset({"add", "mul", "max", "min", "maximum", "minimum"})
"""Names of primitives whose two arguments may change places, to the bit."""


def primitive_set(
    name: str,
    arguments: Sequence[str],
    functions: Sequence[str] = ("add", "sub", "mul", "div", "neg", "sin", "cos"),
    constants: Callable[[], float] | None = None,
) -> gp.PrimitiveSet:
    """Return DEAP's primitive set of named arguments and functions.

    Parameters
    ----------
    name
        What DEAP calls the set.
    arguments
        Names of the inputs, in order.
    functions
        Names of `FUNCTIONS`.
    constants
        Draws an ephemeral constant, from Python's `random`; None for ``N(0, 1)``.

    Raises
    ------
    OptionError
        When a function is unknown, or there is no argument.
    """
    if not arguments:
        raise OptionError(f"The primitive set {name} needs an argument, such as arguments=['x'].")
    pset = gp.PrimitiveSet(name, len(arguments))
    pset.renameArguments(**{f"ARG{at}": own for at, own in enumerate(arguments)})
    for own in functions:
        if own not in FUNCTIONS:
            raise OptionError(unknown("function", own, FUNCTIONS))
        function = FUNCTIONS[own]
        pset.addPrimitive(function.call, function.arity, name=own)
    pset.addEphemeralConstant("constant", _normal if constants is None else constants)
    return pset


_normal = functools.partial(random.gauss, 0.0, 1.0)


def domains(names: Sequence[str]) -> dict[str, str]:
    """Return what is said of the protected functions among these names."""
    found = {name: FUNCTIONS[name].domain for name in names if name in FUNCTIONS}
    return {name: domain for name, domain in found.items() if domain != _EVERYWHERE}


def implementation(pset: Any, name: str) -> Callable[..., Tensor]:
    """Return what a primitive set computes a primitive by.

    Raises
    ------
    OptionError
        When the set has no function for it (an automatically defined function, say).
    """
    if name not in pset.context:
        raise OptionError(
            f'The primitive "{name}" of {pset.name} has no function of its own: '
            "pset.addPrimitive(function, arity). Automatically defined functions are not compiled."
        )
    call: Callable[..., Tensor] = pset.context[name]
    return call
