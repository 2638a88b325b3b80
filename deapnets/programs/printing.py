"""Programs for people: as mathematics, as torch source, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deap import gp

from deapnets.errors import OptionError
from deapnets.programs.functions import FUNCTIONS, domains

if TYPE_CHECKING:
    import sympy

_SIMPLIFIED = 60
"""Nodes up to which trees are simplified: sympy takes minutes for some larger ones."""

_INK, _MUTED, _LINE = "#1f2933", "#7b8794", "#b8c4ce"


def formula(nodes: Sequence[Any], pset: Any, digits: int = 6) -> sympy.Expr:
    """Return a program as a sympy expression, simplified.

    Protected functions stand for what they protect: ``a/b`` is 1 where b is 0. See `notes`.
    Constants are rounded to ``digits`` significant digits.

    Raises
    ------
    OptionError
        When a primitive is not one of `deapnets.programs.functions`.
    """
    import sympy

    names = {name: sympy.Symbol(name, real=True) for name in pset.arguments}
    text = _fold(nodes, pset, lambda one: one.formula, digits)
    expression = sympy.sympify(text, locals=names)
    if len(nodes) <= _SIMPLIFIED:
        simpler = sympy.simplify(expression)
        if len(str(simpler)) <= len(str(expression)):
            expression = simpler
    return expression.xreplace(
        {one: sympy.Float(one, digits) for one in expression.atoms(sympy.Float)}
    )


def mathematics(nodes: Sequence[Any], pset: Any, digits: int = 4) -> str:
    """Return a program as simplified mathematics, one line: ``x*(y + 2)``."""
    return str(formula(nodes, pset, digits))


def latex(nodes: Sequence[Any], pset: Any, digits: int = 4) -> str:
    """Return a program as LaTeX."""
    import sympy

    return str(sympy.latex(formula(nodes, pset, digits)))


def source(nodes: Sequence[Any], pset: Any, name: str = "program") -> str:
    """Return a program as a Python function of torch alone: it computes what the program does.

    Constants are written in full.

    Raises
    ------
    OptionError
        When a primitive is not one of `deapnets.programs.functions`.
    """
    lines: list[str] = []
    known: dict[str, str] = {}
    stack: list[str] = []
    for node in reversed(nodes):
        if node.arity == 0:
            stack.append(_leaf(node, pset, None, tensors=True))
            continue
        arguments = [stack.pop() for _ in range(node.arity)]
        text = _function(node).source.format(*arguments)
        if _function(node).source.startswith("("):  # brackets for one line: here each has its own
            text = text[1:-1]
        if text not in known:
            known[text] = f"t{len(known)}"
            lines.append(f"    {known[text]} = {text}")
        stack.append(known[text])
    head = f"def {name}({', '.join(pset.arguments)}):"
    return "\n".join(["import torch", "", "", head, *lines, f"    return {stack.pop()}", ""])


def notes(nodes: Sequence[Any]) -> list[str]:
    """Return what the protected functions of a program are where they are not defined."""
    used = [node.name for node in nodes if node.arity]
    return [f"{name}: {domain}" for name, domain in domains(used).items()]


def draw(nodes: Sequence[Any], path: str | Path) -> Path:
    """Draw the tree, and return the picture's path: SVG, PNG or PDF by its ending."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels, parents = _graph(nodes)
    places = _places(nodes, parents)
    width = 1 + max(x for x, _ in places)
    height = 1 + max(-y for _, y in places)
    figure = Figure(figsize=(0.9 * width + 0.6, 0.75 * height + 0.4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    for at, parent in enumerate(parents):
        if parent is not None:
            (x, y), (above, top) = places[at], places[parent]
            ax.plot([x, above], [y, top], color=_LINE, linewidth=1.5, zorder=1)
    for (x, y), label, node in zip(places, labels, nodes, strict=True):
        box = {"boxstyle": "round,pad=0.35", "edgecolor": _MUTED if node.arity else _INK}
        box |= {"facecolor": "#ffffff" if node.arity else "#e8f1fa"}
        ax.text(x, y, label, ha="center", va="center", fontsize=10, color=_INK, bbox=box, zorder=2)
    ax.set_xlim(-0.7, width - 0.3)
    ax.set_ylim(-height + 0.4, 0.5)
    ax.axis("off")
    target = Path(path)
    figure.savefig(target)
    return target


def _graph(nodes: Sequence[Any]) -> tuple[list[str], list[int | None]]:
    """Return label and parent of each node."""
    labels, parents = [], []
    open_: list[list[int]] = []  # place of a primitive, and arguments that it still lacks
    for at, node in enumerate(nodes):
        parents.append(open_[-1][0] if open_ else None)
        constant = not node.arity and isinstance(node.value, float)
        labels.append(
            f"{node.value:.4g}" if constant else str(node.name if node.arity else node.value)
        )
        if open_:
            open_[-1][1] -= 1
        while open_ and open_[-1][1] == 0:
            open_.pop()
        if node.arity:
            open_.append([at, node.arity])
    return labels, parents


def _places(nodes: Sequence[Any], parents: Sequence[int | None]) -> list[tuple[float, float]]:
    """Return x and y of each node: leaves side by side, primitives above the middle of theirs."""
    x = [0.0] * len(nodes)
    free = 0
    for at, node in enumerate(nodes):
        if node.arity == 0:
            x[at] = float(free)
            free += 1
    children: dict[int, list[int]] = {}
    for at, parent in enumerate(parents):
        if parent is not None:
            children.setdefault(parent, []).append(at)
    for at in range(len(nodes) - 1, -1, -1):
        if at in children:
            x[at] = sum(x[child] for child in children[at]) / len(children[at])
    depth = [0] * len(nodes)
    for at, parent in enumerate(parents):
        depth[at] = 0 if parent is None else depth[parent] + 1
    return [(own, float(-level)) for own, level in zip(x, depth, strict=True)]


def _fold(nodes: Sequence[Any], pset: Any, template: Any, digits: int) -> str:
    stack: list[str] = []
    for node in reversed(nodes):
        if node.arity == 0:
            stack.append(_leaf(node, pset, digits))
            continue
        arguments = [stack.pop() for _ in range(node.arity)]
        stack.append(template(_function(node)).format(*arguments))
    return stack.pop()


def _leaf(node: Any, pset: Any, digits: int | None, *, tensors: bool = False) -> str:
    value = node.value
    if isinstance(value, str) and value in pset.arguments:
        return value
    if isinstance(value, str):  # a named terminal
        value = pset.context[value]
        value = value() if callable(value) else value
    if digits is not None:
        return f"({float(value):.{digits}g})"
    return (
        f"torch.tensor({float(value)!r}, dtype={pset.arguments[0]}.dtype)"
        if tensors
        else repr(float(value))
    )


def _function(node: gp.Primitive) -> Any:
    name = node.name
    if name not in FUNCTIONS:
        raise OptionError(
            f'"{name}" cannot be printed: of its functions only those of '
            "deapnets.programs.functions are known as mathematics. str(individual) writes any."
        )
    return FUNCTIONS[name]
