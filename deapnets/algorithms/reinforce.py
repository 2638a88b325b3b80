"""`eaReinforce`: a controller that learns by reinforcement which decisions pay."""

from __future__ import annotations

import random
from typing import Any, final

import numpy as np
from deap import base
from numpy.typing import NDArray

from deapnets.algorithms.halving import standing
from deapnets.algorithms.search import Search
from deapnets.algorithms.trials import a_model
from deapnets.errors import OptionError


@final
class eaReinforce(Search):
    """REINFORCE: each decision is drawn from a categorical distribution that the reward bends.

    ::

        logits = 0 for every alternative of every decision
        while there is budget:
            individual = each decision drawn with probabilities softmax(logits)
            reward = evaluate(individual)
            logits += rate * (reward - baseline) / deviation * gradient of log probability
            baseline, deviation = running mean and deviation of the reward

    The control of the articles' comparisons. Rewards are measured in deviations of what was seen,
    so that the rate does not depend on the task.

    Parameters
    ----------
    toolbox
        ``individual, evaluate, clone``; individuals are `deapnets.ChoiceGenome`.
    rate
        Step size, above 0.
    decay
        How much of the running mean each reward leaves, in [0, 1).
    search
        Keywords of `deapnets.algorithms.search.Search`.

    Raises
    ------
    OptionError
        When a number cannot be used.

    Notes
    -----
    Draws from Python's `random`. The first objective is the reward. Source: Williams 1992, "Simple
    statistical gradient-following algorithms for connectionist reinforcement learning",
    doi:10.1007/BF00992696; the controller without a recurrent network is that of Dong & Yang 2020,
    arXiv 2001.00326.
    """

    def __init__(
        self, toolbox: base.Toolbox, rate: float = 0.3, decay: float = 0.9, **search: Any
    ) -> None:
        super().__init__(toolbox, **search)
        if not rate > 0.0:
            raise OptionError(f"rate is above 0, got {rate}.")
        if not 0.0 <= decay < 1.0:
            raise OptionError(f"decay is in [0, 1), got {decay}.")
        self._rate, self._decay = rate, decay
        self._model = a_model(toolbox)
        choices = np.array(self._model.space.choices)
        there = np.arange(choices.max())[None] < choices[:, None]
        self._logits = np.where(there, 0.0, -np.inf)  # [decisions, most alternatives]
        self._seen = 0.0  # weight of the rewards in the running sums
        self._sum = self._squares = 0.0

    def probabilities(self) -> NDArray[np.float64]:
        """Return the probability of each alternative: float64 ``[decisions, alternatives]``."""
        raised = np.exp(self._logits - self._logits.max(1, keepdims=True))
        return np.asarray(raised / raised.sum(1, keepdims=True))

    def propose(self) -> Any:
        """Return an individual whose decisions are drawn from the controller."""
        individual = self.toolbox.clone(self._model)
        edges = self.probabilities().cumsum(1)[:, :-1]
        points = np.array([random.random() for _ in edges])[:, None]
        individual.genes = tuple((points >= edges).sum(1).tolist())
        return individual

    def receive(self, individual: Any) -> None:
        """Make the individual's decisions likelier when its reward is above the mean."""
        reward = individual.fitness.wvalues[0]
        if self._seen:
            mean = self._sum / self._seen
            deviation = max(self._squares / self._seen - mean**2, 1e-12) ** 0.5
            gradient = -self.probabilities()
            gradient[np.arange(len(gradient)), individual.genes] += 1.0
            self._logits += (
                self._rate * float(np.clip((reward - mean) / deviation, -3, 3)) * gradient
            )
        self._seen = self._decay * self._seen + 1.0
        self._sum = self._decay * self._sum + reward
        self._squares = self._decay * self._squares + reward**2
        if not self.population or standing(individual) > standing(self.population[0]):
            self.population = [individual]

    def state_dict(self) -> dict[str, Any]:
        """As `Search.state_dict`."""
        choices = self._model.space.choices
        logits = [row[:n] for row, n in zip(self._logits.tolist(), choices, strict=True)]
        sums = [self._seen, self._sum, self._squares]
        return {**super().state_dict(), "logits": logits, "sums": sums}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        super().load_state_dict(state)
        for row, logits in zip(self._logits, state["logits"], strict=True):
            row[: len(logits)] = logits
        self._seen, self._sum, self._squares = state["sums"]
