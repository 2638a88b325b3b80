"""Random numbers that a module draws in ``forward``: the same for every network, in every call."""

from __future__ import annotations

import functools
import operator
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar, final

import numpy as np
import torch
from torch import nn

_SEED = 0
"""What the generators begin with."""

Result = TypeVar("Result")


class _Source(NamedTuple):
    """A generator: how its state is read and written, and the one that a network begins with."""

    read: Callable[[], Any]
    write: Callable[[Any], object]
    same: Callable[[Any, Any], bool]
    begin: Any


@final
class Draws:
    """The generators that a module may draw from: torch's, Python's, numpy's, and its own.

    What a network draws would depend on those before it. So whatever was seen to be drawn from
    begins anew for every network, and is put back afterwards. The first call shows it, and of
    torch's generators every call. In other threads than the main one the first call shows torch's
    alone: somebody else may draw at the same time.

    Parameters
    ----------
    template
        The module. Generators that it holds as attributes are its own: they begin where they are.
    device
        Where networks are computed.
    """

    def __init__(self, template: nn.Module, device: torch.device) -> None:
        self._torch = list(_torch(device))
        self._drawn = [_own(generator) for generator in _generators_of(template)]

    @property
    def any(self) -> bool:
        """Whether numbers were drawn, as far as calls have shown it."""
        return bool(self._drawn)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Run a first call and see what it draws from; leave all generators as they were."""
        sources = [*self._torch, *(_global() if _in_main_thread() else ())]
        before = [source.read() for source in sources]
        with self.seeded():
            yield
        self._note(sources, before)

    def quietly(self, call: Callable[[], Result]) -> Result:
        """Return what a call gives; do it again if it drew from what was not drawn from before."""
        if not _in_main_thread():
            return call()
        while True:
            before = [source.read() for source in self._torch]
            result = call()
            if not self._note(list(self._torch), before):
                return result

    def _note(self, sources: list[_Source], before: list[Any]) -> bool:
        """Put back what was drawn from since ``before``, and begin it anew from now on."""
        states = zip(sources, before, strict=True)
        woken = [(one, state) for one, state in states if not one.same(one.read(), state)]
        for source, state in woken:
            source.write(state)
        self._drawn += [source for source, _ in woken]
        self._torch = [source for source in self._torch if source not in self._drawn]
        return bool(woken)

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Let generators that are drawn from begin anew for a block, and put them back."""
        before = [source.read() for source in self._drawn]
        self.begin()
        try:
            yield
        finally:
            for source, state in zip(self._drawn, before, strict=True):
                source.write(state)

    def begin(self) -> None:
        """Begin a network's call."""
        for source in self._drawn:
            source.write(source.begin)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _torch(device: torch.device) -> Iterator[_Source]:
    begin = torch.Generator().manual_seed(_SEED).get_state()
    yield _Source(torch.get_rng_state, torch.set_rng_state, torch.equal, begin)
    if device.type == "cuda":
        read = functools.partial(torch.cuda.get_rng_state, device)
        write = functools.partial(torch.cuda.set_rng_state, device=device)
        begin = torch.Generator(device).manual_seed(_SEED).get_state()
        yield _Source(read, write, torch.equal, begin)


def _global() -> Iterator[_Source]:
    begin: Any = random.Random(_SEED).getstate()
    yield _Source(random.getstate, random.setstate, operator.eq, begin)
    begin = np.random.RandomState(_SEED).get_state()
    yield _Source(np.random.get_state, np.random.set_state, _same_legacy, begin)


def _same_legacy(first: Any, second: Any) -> bool:
    """Whether two states of numpy's global generator are the same."""
    return bool(first[2:] == second[2:] and (first[1] == second[1]).all())


def _generators_of(template: nn.Module) -> Iterator[Any]:
    """Yield the generators that a module and those inside it hold as attributes."""
    kinds = (torch.Generator, random.Random, np.random.Generator, np.random.RandomState)
    found = {
        id(value): value
        for module in template.modules()
        for value in vars(module).values()
        if isinstance(value, kinds)
    }
    yield from found.values()


def _own(generator: Any) -> _Source:
    """Return a generator that begins where it is now."""
    read: Callable[[], Any]
    write: Callable[[Any], object]
    if isinstance(generator, np.random.Generator):
        bits = generator.bit_generator
        read, write = lambda: bits.state, functools.partial(setattr, bits, "state")
    elif isinstance(generator, random.Random):
        read, write = generator.getstate, generator.setstate
    else:
        read, write = generator.get_state, generator.set_state
    return _Source(read, write, operator.is_, read())
