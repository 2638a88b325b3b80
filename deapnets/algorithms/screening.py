"""`Screening`: of several children the one is evaluated that a proxy likes best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np

from deapnets.errors import ArchitectureError, OptionError, at_least_one

LEAST = 0.2
"""Rank correlation with fitness below which a proxy is not believed."""

ENOUGH = 20
"""Evaluations until the correlation is believed."""


@final
class Screening:
    """Chooses among children by a proxy, for as long as it ranks as evaluations do.

    Nothing is chosen before `ENOUGH` evaluations; when the rank correlation (Spearman's) of proxy
    and fitness over all of them falls under `LEAST`, the proxy is off for the rest of the search.

    Parameters
    ----------
    proxy
        What an individual promises, more being better: a number that follows from the individual
        alone. An `ArchitectureError` stands for the worst there is.
    children
        How many are drawn for one that is evaluated, at least 1.

    Attributes
    ----------
    off
        Whether the proxy is not believed any more.

    Raises
    ------
    OptionError
        When a number cannot be used.
    """

    def __init__(self, proxy: Callable[[Any], float], children: int) -> None:
        at_least_one(children=children)
        self._proxy, self._children = proxy, children
        self._known: dict[str, float] = {}  # by the individual's text
        self._pairs: list[tuple[float, float]] = []  # of proxy and fitness, to be maximised
        self.agreement = float("nan")
        self.off = False

    def choose(self, make: Callable[[], Any]) -> Any:
        """Return what ``make`` makes: of several the one of the best proxy, the first of equals."""
        if self.off or len(self._pairs) < ENOUGH:
            return make()
        return max((make() for _ in range(self._children)), key=self.value)

    def value(self, individual: Any) -> float:
        """Return what the proxy says."""
        text = str(individual)
        if text not in self._known:
            try:
                self._known[text] = float(self._proxy(individual))
            except ArchitectureError:
                self._known[text] = -np.inf
        return self._known[text]

    def note(self, individual: Any, worth: float) -> None:
        """Compare proxy and fitness, to be maximised, of an individual that was evaluated."""
        if self.off:
            return
        self._pairs.append((self.value(individual), worth))
        if len(self._pairs) >= ENOUGH:
            self.agreement = rank_correlation(*zip(*self._pairs, strict=True))
            self.off = not self.agreement >= LEAST

    def figures(self) -> dict[str, float]:
        """Return what a log says: ``proxy_agreement``, and whether children are ``screened``."""
        screened = not self.off and len(self._pairs) >= ENOUGH
        known = {} if np.isnan(self.agreement) else {"proxy_agreement": self.agreement}
        return {**known, "screened": float(screened)}

    def state_dict(self) -> dict[str, Any]:
        """Return what was seen, as JSON values."""
        pairs = [[None if np.isinf(a) else a, b] for a, b in self._pairs]
        return {"pairs": pairs, "off": self.off}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._pairs = [(-np.inf if a is None else a, b) for a, b in state["pairs"]]
        self.off = state["off"]
        if len(self._pairs) >= ENOUGH:
            self.agreement = rank_correlation(*zip(*self._pairs, strict=True))


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's rank correlation, equal values sharing their ranks; 0 where all are equal.

    Source: Spearman 1904, "The proof and measurement of association between two things".
    """
    a, b = _ranks(first), _ranks(second)
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread else 0.0


def _ranks(values: Sequence[float]) -> np.ndarray:
    _, places, counts = np.unique(np.array(values), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: np.ndarray = (last - (counts - 1) / 2.0)[places]
    return means


def proxy_of(evaluator: Any, name: str) -> Callable[[Any], float]:
    """Return a proxy by its name, of the networks that an evaluator makes for it.

    Raises
    ------
    OptionError
        When there is no such proxy.
    """
    from deapnets.architectures.proxies import PROXIES
    from deapnets.errors import unknown

    if name not in PROXIES:
        raise OptionError(unknown("proxy", name, PROXIES))

    def promise(individual: Any) -> float:
        return PROXIES[name](*evaluator.prototype(individual))

    return promise
