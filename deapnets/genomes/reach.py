"""What shares memory with a parameter, which new weights would not get to; what cannot be copied.

Networks of a population are computed by copies of the module in which registered parameters are
exchanged. Whether it reads them, and nothing else that leads to them, shows when it is called
(`deapnets.networks.reading`).
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import torch
from torch import nn

from deapnets.errors import LayoutError

Named = list[tuple[str, nn.Parameter]]
Parts = list[tuple[str, nn.Module]]

_TORCHS = frozenset(vars(nn.Module()))  # attributes that every module has
_DEPTH = 4  # how far containers in containers are looked into
_LOOKED_AT = 1000  # elements of a container: a vocabulary holds no parameters
_KEPT = (torch.Tensor, list, tuple, dict, set)

_copied: weakref.WeakSet[nn.Module] = weakref.WeakSet()


def require_reach(parts: Parts, named: Named, chosen: Named) -> None:
    """Raise a `LayoutError` unless the parameters ``chosen`` of ``named`` can all be exchanged.

    That is, none of them shares elements with another parameter, a buffer or a tensor attribute,
    and the module can be copied, which is tried once for each module. ``parts`` are the module and
    its submodules, as ``named_modules`` gives them.
    """
    module = parts[0][1]
    evolved = {id(parameter): name for name, parameter in chosen}
    begin = {parameter.data_ptr(): name for name, parameter in chosen if _lies(parameter)}
    for path, name, tensor in _held_tensors(parts):
        if not tensor.is_leaf:
            raise LayoutError(_computed(module, path, name))
        parameter = begin.get(tensor.data_ptr()) if _lies(tensor) else None
        if parameter is not None and parameter != _under(path, f"{name}_orig"):  # a hook's own
            raise LayoutError(_kept(module, path, name, parameter))
    _require_apart(module, named, evolved)
    if module not in _copied:
        copied(module, _uncopied(module))
        _copied.add(module)


def _held_tensors(parts: Parts) -> Iterator[tuple[str, str, torch.Tensor]]:
    """Yield buffers and attributes that are tensors: path of the part, attribute, tensor."""
    for path, part in parts:
        own = vars(part)
        for name, held in (*own["_buffers"].items(), *own.items()):
            if isinstance(held, torch.Tensor):
                yield path, name, held


def _kept_tensors(parts: Parts) -> Iterator[tuple[str, str, torch.Tensor]]:
    """Yield what `_held_tensors` does, and the tensors in containers that are attributes."""
    yield from _held_tensors(parts)
    for path, part in parts:
        own = vars(part)
        for name in own.keys() - _TORCHS:
            value = own[name]
            if isinstance(value, _KEPT) and not _is_torchs(part, name):
                for tensor in _tensors(value, _DEPTH):
                    yield path, name, tensor


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_torchs(part: nn.Module, name: str) -> bool:
    """Return whether torch itself keeps this attribute in step with the parameters."""
    return name == "_flat_weights" and isinstance(part, nn.RNNBase)


def _tensors(value: Any, depth: int) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif depth and isinstance(value, _KEPT):
        inside: Iterable[Any] = value.values() if isinstance(value, dict) else value
        for one in [one for one in islice(inside, _LOOKED_AT) if isinstance(one, _KEPT)]:
            yield from _tensors(one, depth - 1)


def _kept(module: nn.Module, path: str, attribute: str, name: str) -> str:
    read = name.removeprefix(f"{path}.")
    return (
        f'"{_under(path, attribute)}" of {type(module).__name__} is the memory of its parameter '
        f'"{name}", where every network would find the same numbers. Read self.{read} in forward '
        "instead, or keep a copy: detach().clone()."
    )


def _computed(module: nn.Module, path: str, attribute: str) -> str:
    """Return the message for a tensor that autograd made: torch does not copy those."""
    part = module.get_submodule(path)
    if f"{attribute}_g" in part._parameters:
        remedy = "Use torch.nn.utils.parametrizations.weight_norm instead of utils.weight_norm."
    elif f"{attribute}_mask" in part._buffers:
        remedy = f'Make it permanent: torch.nn.utils.prune.remove(module, "{attribute}").'
    elif f"{attribute}_orig" in part._parameters:
        remedy = "Use torch.nn.utils.parametrizations.spectral_norm instead of utils.spectral_norm."
    else:
        remedy = "Detach it where it is stored, or remove it."
    return (
        f'"{_under(path, attribute)}" of {type(module).__name__} is a tensor that was computed '
        f"with gradients, so the module cannot be copied for a population. {remedy}"
    )


def _require_apart(module: nn.Module, named: Named, evolved: Mapping[int, str]) -> None:
    """Raise where an evolved parameter and another one share elements in memory."""
    spans = sorted((*_span(p), number) for number, (_, p) in enumerate(named) if _lies(p))
    reached: list[int] = []  # those whose spans may go on
    end = 0
    for start, stop, number in spans:
        if start >= end:
            reached.clear()
        for other in reached:
            first, second = sorted((number, other))
            pair = named[first][1], named[second][1]
            if (id(pair[0]) in evolved or id(pair[1]) in evolved) and _overlap(*pair):
                raise LayoutError(_shared(module, named[first][0], named[second][0]))
        reached.append(number)
        end = max(end, stop)


def _lies(parameter: torch.Tensor) -> bool:
    """Return whether a tensor has elements that lie somewhere, and not in a form of their own."""
    return parameter.layout == torch.strided and not parameter.is_meta and parameter.numel() > 0


def _span(parameter: torch.Tensor) -> tuple[int, int]:
    """Return the addresses between which a tensor lies, in bytes."""
    start = parameter.data_ptr()
    if parameter.is_contiguous():
        return start, start + parameter.numel() * parameter.itemsize
    steps = zip(parameter.shape, parameter.stride(), strict=True)
    last = sum((size - 1) * stride for size, stride in steps)
    return start, start + (last + 1) * parameter.itemsize


def _overlap(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Return whether two tensors have a byte in common."""
    (start, stop), (other_start, other_stop) = _span(one), _span(other)
    if stop <= other_start or other_stop <= start or one.device != other.device:
        return False
    first = min(start, other_start)
    marks = torch.zeros(max(stop, other_stop) - first, dtype=torch.bool, device="cpu")
    _bytes(marks, one, start - first).fill_(True)
    return bool(_bytes(marks, other, other_start - first).any())


def _bytes(marks: torch.Tensor, tensor: torch.Tensor, start: int) -> torch.Tensor:
    """Return those of ``marks``, one a byte of memory, that are the tensor's."""
    width = tensor.itemsize
    strides = [stride * width for stride in tensor.stride()]
    return marks.as_strided((*tensor.shape, width), (*strides, 1), start)


def _shared(module: nn.Module, name: str, other: str) -> str:
    return (
        f'Parameters "{name}" and "{other}" of {type(module).__name__} are two views of one '
        "memory, and would be evolved as two. Tie them by identity, "
        f"self.{other} = self.{name}, and transpose or slice in forward."
    )


def copied(module: nn.Module, memo: dict[int, Any] | None = None) -> nn.Module:
    """Return a copy of a module, as `copy.deepcopy` makes it.

    Raises
    ------
    LayoutError
        When it cannot be copied; the message names the attribute.
    """
    try:
        return copy.deepcopy(module, memo)
    except Exception as error:  # whatever an attribute's own __deepcopy__ or __reduce__ raises
        for path, name, tensor in _kept_tensors(list(module.named_modules())):
            if not tensor.is_leaf:
                raise LayoutError(_computed(module, path, name)) from error
        reason = " ".join(str(error).split())
        raise LayoutError(
            f"{_culprit(module)} cannot be copied, and populations are evaluated with copies: "
            f"{reason}. Remove it, or make it in forward where it is needed."
        ) from error


def _uncopied(module: nn.Module) -> dict[int, Any]:
    """Return a memo with which copying a module leaves out the tensors that torch would copy."""
    kept = (tensor for _, _, tensor in _kept_tensors(list(module.named_modules())))
    return {id(held): held for held in (*module.parameters(), *kept) if held.is_leaf}


def _culprit(module: nn.Module) -> str:
    for path, part in module.named_modules():
        for name in vars(part).keys() - {"_parameters", "_buffers", "_modules"}:
            try:
                copy.deepcopy(vars(part)[name], _uncopied(module))
            except Exception:
                return f'Attribute "{_under(path, name)}" of {type(module).__name__}'
    return type(module).__name__
