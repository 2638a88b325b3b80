"""How a centre follows an estimated gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, final

import torch

from deapnets.errors import OptionError, unknown


class Optimiser(ABC):
    """Steps up an estimated gradient, with a memory of the steps before."""

    @abstractmethod
    def step(self, centre: torch.Tensor, gradient: torch.Tensor, rate: float) -> torch.Tensor:
        """Return the next centre ``[P]``; ``gradient`` ``[P]`` points to better fitness."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return the memory: tensors under names."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the memory that `state_dict` returned."""


@final
class TorchOptimiser(Optimiser):
    """An optimiser of `torch.optim`, going up.

    Parameters
    ----------
    name
        ``"adam"`` (with decoupled weight decay: Loshchilov & Hutter 2019, arXiv:1711.05101) or
        ``"sgd"`` (with weight decay as part of the gradient).
    weight_decay
        How strongly the centre is drawn to zero.
    momentum
        Of ``"sgd"``; ``"adam"`` has its own, 0.9 and 0.999.
    """

    def __init__(self, name: str, weight_decay: float, momentum: float) -> None:
        self._parameter = torch.nn.Parameter(torch.zeros(0))
        settings: dict[str, Any] = {"weight_decay": weight_decay, "maximize": True}
        self._optimiser: torch.optim.Optimizer
        if name == "adam":
            self._optimiser = torch.optim.AdamW([self._parameter], foreach=False, **settings)
        else:
            settings |= {"momentum": momentum, "foreach": False}
            self._optimiser = torch.optim.SGD([self._parameter], **settings)

    def step(self, centre: torch.Tensor, gradient: torch.Tensor, rate: float) -> torch.Tensor:
        """Return the next centre."""
        held = self._optimiser.state[self._parameter]
        for name in held.keys() - {"step"}:
            if isinstance(held[name], torch.Tensor):
                held[name] = held[name].to(centre.device)
        self._parameter.data = centre.clone()
        self._parameter.grad = gradient
        self._optimiser.param_groups[0]["lr"] = rate
        self._optimiser.step()
        return self._parameter.detach().clone()

    def state_dict(self) -> dict[str, Any]:
        """Return the moments and the number of steps."""
        held = self._optimiser.state[self._parameter]
        return {name: _copied(value) for name, value in held.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the moments; they move to the gradient's device with the first step."""
        held = self._optimiser.state[self._parameter]
        held.clear()
        held.update({name: _copied(value) for name, value in state.items()})


@final
class ClipUp(Optimiser):
    """Steps of one length, with momentum, and a limit on the speed.

    Parameters
    ----------
    momentum
        Part of the velocity that stays, in [0, 1).
    fastest
        Largest norm of the velocity, as a multiple of the step size.

    Notes
    -----
    Source: Toklu, Liskowski & Srivastava 2020, "ClipUp: a simple and powerful optimizer for
    distribution-based policy evolution", arXiv:2008.02387, algorithm 1.
    """

    def __init__(self, momentum: float, fastest: float) -> None:
        self._momentum, self._fastest = momentum, fastest
        self._velocity: torch.Tensor | None = None

    def step(self, centre: torch.Tensor, gradient: torch.Tensor, rate: float) -> torch.Tensor:
        """Return the next centre."""
        norm = norm_of(gradient)
        direction = gradient / norm if norm > 0.0 else gradient
        held = torch.zeros_like(centre) if self._velocity is None else self._velocity
        velocity = self._momentum * held.to(centre.device) + rate * direction
        speed, limit = norm_of(velocity), self._fastest * rate
        if speed > limit:
            velocity = velocity * (limit / speed)
        self._velocity = velocity
        return centre + velocity

    def state_dict(self) -> dict[str, Any]:
        """Return the velocity, once there is one."""
        return {} if self._velocity is None else {"velocity": self._velocity.cpu().clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the velocity."""
        self._velocity = state["velocity"].clone() if "velocity" in state else None


OPTIMISERS = ("adam", "sgd")


def require_optimiser(name: str, weight_decay: float, momentum: float) -> None:
    """Raise an `OptionError` for an optimiser that does not exist, or numbers it cannot use."""
    if name not in OPTIMISERS:
        raise OptionError(unknown("optimiser", str(name), OPTIMISERS))
    if not 0.0 <= weight_decay < 1.0:
        raise OptionError(f"weight_decay is a number in [0, 1), got {weight_decay}.")
    require_momentum(momentum)


def require_momentum(momentum: float) -> None:
    """Raise an `OptionError` unless the momentum is in [0, 1)."""
    if not 0.0 <= momentum < 1.0:
        raise OptionError(f"momentum is a number in [0, 1), got {momentum}.")


def norm_of(vector: torch.Tensor) -> float:
    """Return the Euclidean norm of ``[P]``.

    Taken twice side by side: torch would split a single sum between threads, and round it by their
    number.
    """
    return float(vector.double().square().expand(2, -1).sum(1)[0].sqrt())


def _copied(value: Any) -> Any:
    return value.detach().cpu().clone() if isinstance(value, torch.Tensor) else value
