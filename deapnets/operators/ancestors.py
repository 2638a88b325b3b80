"""Leaves that populations start from: a module's parameters, or those of a state_dict."""

from __future__ import annotations

import random
import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from deapnets.errors import LayoutError, suggest
from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node
from deapnets.operators.states import State, prefix_of, state_of


class _Leaves:
    """The leaves that one module's populations started from, as long as somebody holds them."""

    def __init__(self) -> None:
        self.last: Node | None = None  # a sigma of 0 may be the only thing that asks for it
        self.all: weakref.WeakSet[Node] = weakref.WeakSet()


_leaves: weakref.WeakKeyDictionary[nn.Module, _Leaves] = weakref.WeakKeyDictionary()


def ancestor_of(module: nn.Module, layout: Layout | None = None) -> Node:
    """Return the leaf of the module's present parameters; one node while they do not change."""
    layout = layout or Layout.of(module)
    return _leaf(module, layout, dict(module.named_parameters()))


def ancestor_among(module: nn.Module, layout: Layout, state_dicts: Sequence[Any]) -> Node:
    """Return the leaf of one of the state_dicts, drawn from Python's `random` if there are several.

    Raises
    ------
    OptionError
        When it is no state_dict.
    LayoutError
        When it is no state_dict of the module, or has other numbers than the module has in what is
        not evolved: individuals would not compute what the state_dict's network does.
    """
    index = random.randrange(len(state_dicts)) if len(state_dicts) > 1 else 0
    state = state_of(state_dicts[index], index)
    evolved = _names_of(module, layout)
    difference = _difference(module, layout, state, evolved)
    if difference:
        raise LayoutError(f"state_dicts[{index}] {difference}")
    values = {evolved[name]: value for name, value in state.items() if name in evolved}
    values |= {name: state[name] for name in layout.names if name in state}  # the first name counts
    return _leaf(module, layout, values)


def _leaf(module: nn.Module, layout: Layout, values: State) -> Node:
    leaves = _leaves.setdefault(module, _Leaves())
    for node in [leaves.last, *leaves.all]:
        if node is not None and node.layout is layout and _holds(node, values):
            return node
    parts = [values[name].detach().reshape(-1).to("cpu", layout.dtype) for name in layout.names]
    leaves.last = Node(layout, torch.cat(parts))
    leaves.all.add(leaves.last)
    return leaves.last


def _holds(node: Node, values: State) -> bool:
    """Return whether the weights of ``node`` are these."""
    if node.weights is None:
        return False
    held = node.layout.split(node.weights)
    return all(
        torch.equal(values[name].detach().to(part.device, part.dtype), part)
        for name, part in held.items()
    )


def _difference(module: nn.Module, layout: Layout, state: State, evolved: dict[str, str]) -> str:
    """Return the first thing that makes a state_dict another network's; empty when it fits."""
    own, title = module.state_dict(), type(module).__name__
    for name, value in state.items():
        if name not in own:
            other = f'has "{name}", which {title} has not.{suggest(name, own)}'
            return prefix_of(state, own) or other
        if value.shape != own[name].shape:
            shapes = f"{list(value.shape)}, {title} has {list(own[name].shape)}"
            return f'is of another network: its "{name}" is {shapes}.'
    held = {evolved[name] for name in state.keys() & evolved.keys()}
    for name in layout.names:
        if name not in held:
            return f'lacks "{name}", which is evolved.{suggest(name, state)}'
    for name in state.keys() - evolved.keys():
        here = own[name].to(state[name].device, state[name].dtype)
        if not torch.equal(state[name], here):
            return (
                f'has other numbers than {title} in "{name}", which is not evolved but shared by '
                "all. Load it into the module first, or leave it out of the state_dict."
            )
    return ""


def _names_of(module: nn.Module, layout: Layout) -> dict[str, str]:
    """Return the layout's name for every name of the evolved parameters: a tied one has several."""
    aliases = dict(module.named_parameters(remove_duplicate=False))
    evolved = {id(aliases[name]): name for name in layout.names}
    return {name: evolved[id(held)] for name, held in aliases.items() if id(held) in evolved}
