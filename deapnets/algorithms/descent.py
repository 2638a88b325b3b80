"""The command line's ``adam``: back-propagation, the baseline of everything without it."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any, final

import torch
from torch.func import functional_call

from deapnets.algorithms.base import Algorithm, Generation, Settings
from deapnets.algorithms.ga import individual_class
from deapnets.errors import OptionError
from deapnets.evaluators.base import Evaluator
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.mapping import PopulationMap
from deapnets.operators.contract import deviation
from deapnets.operators.initialisation import initWeights
from deapnets.operators.schedules import exponential

BACKWARD = 2
"""What a backward pass costs, in forward passes: it is counted as so many evaluations."""


def require_rates(rate: float, rate_end: float) -> None:
    """Raise an `OptionError` unless ``0 < rate_end <= rate``, both finite."""
    if not 0.0 < rate_end <= rate < math.inf:
        raise OptionError(
            "The step size falls from rate to rate_end, both finite and above 0; "
            f"got {rate} and {rate_end}."
        )


@final
@dataclass(frozen=True)
class AdamSettings(Settings):
    """Back-propagation with Adam: one network, on the mini-batches that a population would see.

    Parameters
    ----------
    population
        1: there is one network.
    spread
        Deviation of the noise on the network's own initial weights, for those that start at zero.
    rate
        Step size at the start.
    rate_end
        Step size at the end of the budget; between them it falls exponentially.
    """

    population: int = 1
    spread: float = 0.0
    rate: float = 3e-3
    rate_end: float = 3e-4

    def __post_init__(self) -> None:
        if self.population != 1:
            raise OptionError(f"adam trains one network: population is 1, got {self.population}.")
        deviation("spread", self.spread)
        require_rates(self.rate, self.rate_end)

    def begin(self, evaluator: Evaluator, mapping: PopulationMap) -> Adam:
        """Return the algorithm, at the network's initial weights; noise is from `random`'s seed.

        Raises
        ------
        OptionError
            When the evaluator has no loss that can be differentiated.
        """
        if not evaluator.differentiable:
            raise OptionError(
                f"{evaluator.title} has no loss to differentiate, so adam cannot train on it. "
                "See: Evaluator.loss_of."
            )
        return Adam(self, evaluator, mapping)


@final
class Adam(Algorithm):
    """One network, trained by Adam on the generation's mini-batch.

    ::

        for g in 0, 1, 2, ...:
            evaluate(network)                 on the mini-batch of generation g
            gradient of the loss              on the same mini-batch
            step

    A step counts as three evaluations: the forward pass, and a backward pass at twice its price. So
    an equal number of evaluations is an equal amount of work. Source: Kingma & Ba 2014,
    arXiv:1412.6980.
    """

    def __init__(
        self, settings: AdamSettings, evaluator: Evaluator, mapping: PopulationMap
    ) -> None:
        self.settings = settings
        self.rate = settings.rate
        self._evaluator, self._mapping = evaluator, mapping
        self._kind = individual_class(evaluator)
        module = evaluator.genome()
        self._layout = evaluator.layout()
        self._template = copy.deepcopy(module).train().to(mapping.device)
        start = initWeights(
            self._kind, module, settings.spread, parameters=evaluator.parameters
        ).weights
        self._weights = torch.nn.Parameter(start.to(mapping.device))
        self._optimiser = torch.optim.Adam([self._weights], lr=settings.rate)
        self._number = -1
        self._network: Any = None

    def step(self, spent: float) -> Generation:
        """Score the network as it stands, and take a step on the same rows."""
        self._network = self._kind(Node(self._layout, self._weights.detach().cpu().clone()))
        before = self._mapping.forwards
        with self._mapping.generation() as mapping:
            (self._network.fitness.values,) = mapping(self._evaluator, [self._network])
        self._mapping.forwards += BACKWARD * (self._mapping.forwards - before)
        self._mapping.evaluations += BACKWARD
        self.rate = exponential(self.settings.rate, self.settings.rate_end, spent)
        self._descend()
        self._number += 1
        return Generation(self._number, [self._network], [], 1 + BACKWARD, {})

    def _descend(self) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = self.rate
        self._optimiser.zero_grad()
        self._evaluator.loss_of(self._forward, self._weights.device).backward()
        self._optimiser.step()

    def _forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        parameters = self._layout.split(self._weights)
        outputs: torch.Tensor = functional_call(self._template, parameters, inputs)
        return outputs

    def candidates(self) -> dict[str, WeightGenome]:
        """Return the network that was scored last."""
        return {"champion": self._network}

    def figures(self) -> dict[str, float]:
        """Return ``rate``: the size of the last step."""
        return {"rate": self.rate}

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, Adam's moments, and the number of the step."""
        moments = self._optimiser.state.get(self._weights, {})
        return {
            "number": self._number,
            "network": self._network,
            "weights": self._weights.detach().cpu().clone(),
            "moments": {name: value.detach().cpu().clone() for name, value in moments.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._number, self._network = state["number"], state["network"]
        with torch.no_grad():
            self._weights.copy_(state["weights"])
        where = self._weights.device
        if state["moments"]:
            self._optimiser.state[self._weights] = {
                name: value.clone() if name == "step" else value.to(where, copy=True)
                for name, value in state["moments"].items()
            }
