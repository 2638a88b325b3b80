"""Trained weights as people bring them: state_dicts, modules, arrays; one, or several of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from deapnets.errors import LayoutError, OptionError, shown

State = Mapping[str, torch.Tensor]

_SAVED_BY = {"module.": "nn.DataParallel saved it", "_orig_mod.": "torch.compile saved it"}


def several(given: Any) -> list[Any]:
    """Return what stands for one state_dict or for several as a list.

    Raises
    ------
    OptionError
        When it is neither, or an iterator that has nothing left.
    """
    if isinstance(given, Mapping | nn.Module):
        return [given]
    _require_no_path("state_dicts", given)
    if not isinstance(given, Iterable) or isinstance(given, torch.Tensor | np.ndarray):
        raise OptionError(f"state_dicts are a list of state_dicts, got {shown(given)}.")
    found = list(given)
    if not found and isinstance(given, Iterator):
        raise OptionError(
            "state_dicts is an iterator with nothing left: the first individual takes it all. "
            "Give a list."
        )
    return found


def state_of(one: Any, index: int) -> dict[str, torch.Tensor]:
    """Return the tensors of a state_dict, of a module's, or of one of numpy arrays.

    Raises
    ------
    OptionError
        When it is something else.
    LayoutError
        When something else than arrays stands in it.
    """
    where = f"state_dicts[{index}]"
    if isinstance(one, nn.Module):
        one = one.state_dict()
    _require_no_path(where, one)
    if not isinstance(one, Mapping):
        raise OptionError(f"{where} is no state_dict, got {shown(one)}.")
    state = {}
    for name, value in one.items():
        if name.endswith("_extra_state"):  # whatever a module keeps of its own beside tensors
            continue
        if not isinstance(value, torch.Tensor | np.ndarray | np.generic | float | int):
            raise LayoutError(_no_array(where, one, name, value))
        state[name] = value if isinstance(value, torch.Tensor) else torch.tensor(value)
    return state


def _require_no_path(where: str, given: Any) -> None:
    if isinstance(given, str | os.PathLike):
        raise OptionError(
            f'{where} takes the weights themselves, got the path "{os.fspath(given)}". Read it '
            "first: torch.load(path), or safetensors.torch.load_file(path)."
        )


def _no_array(where: str, state: Mapping[str, Any], name: str, value: Any) -> str:
    inside = [key for key, held in state.items() if isinstance(held, Mapping | nn.Module)]
    likely = [key for key in inside if "model" in key or "state_dict" in key or "net" in key]
    for key in [*likely, *inside]:
        return (
            f'{where} is a checkpoint that holds a state_dict under "{key}". '
            f'Give that one: checkpoint["{key}"].'
        )
    return f'{where} holds no array under "{name}" but {shown(value)}.'


def prefix_of(state: State, own: Mapping[str, Any]) -> str:
    """Return one sentence where a prefix is all that tells a state_dict's names from a module's.

    Empty where that is not so.
    """
    prefix = next(iter(state), "").partition(".")[0] + "."
    if not all(name.startswith(prefix) and name[len(prefix) :] in own for name in state):
        return ""
    who = f"{_SAVED_BY[prefix]}; " if prefix in _SAVED_BY else ""
    return (
        f'has names that begin with "{prefix}": {who}strip the prefix, '
        f'{{name.removeprefix("{prefix}"): value for name, value in state.items()}}.'
    )
