"""`OpenES`: mirrored pairs round a centre that follows an estimated gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from torch import nn

from deapnets.distributions.tables import named_noise
from deapnets.errors import OptionError
from deapnets.genomes.factors import factoring
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.operators.lowrank import positive
from deapnets.strategies.base import Strategy, Told
from deapnets.strategies.optimisers import TorchOptimiser, require_optimiser
from deapnets.strategies.sampling import Isotropic, LowRank, Sampler
from deapnets.strategies.schedules import between, require_schedule
from deapnets.strategies.shaping import require_shaping, shaped


@final
class OpenES(Strategy):
    """The evolution strategy of OpenAI: one deviation for all weights, mirrored pairs.

    ::

        z[k] ~ N(0, I)                                           for lambda_ / 2 pairs
        evaluate(centre + sigma z[k]), evaluate(centre - sigma z[k])
        gradient = 1 / (lambda_ sigma) * sum (u_plus[k] - u_minus[k]) z[k]
        centre = optimiser(centre, gradient, step)

    Parameters
    ----------
    centroid
        Where to begin: a module, whose present parameters are the first centre, or an individual.
    sigma
        Deviation of the children round the centre at the start.
    step
        Step size of the optimiser at the start.
    lambda_
        Children of a generation: an even number.
    rank
        None for full noise. Otherwise the noise of every matrix has this rank: chains of linear
        layers and convolutions are then evaluated without making the children's weights.
    distribution
        Name of the full noise, which is centred: ``"gaussian"``, ``"rademacher"``, ``"laplace"``.
    optimiser
        ``"adam"`` or ``"sgd"``.
    momentum
        Of ``"sgd"``, in [0, 1).
    weight_decay
        How strongly the centre is drawn to zero, in [0, 1).
    shaping
        What is made of the fitness: ``"zscore"``, ``"rank"`` or ``"raw"``.
    winsorise
        Part of the population at each end whose fitness is drawn in, in [0, 0.5).
    sigma_end, step_end
        What both have fallen to at the end, exponentially; None: they stay.
    ngen
        Generations until the end; None where whoever knows the budget sets ``spent``.
    averaging
        Part of the averaged centre that stays with each generation, in [0, 1); 0 for none.

    Notes
    -----
    Source: Salimans et al. 2017, "Evolution strategies as a scalable alternative to reinforcement
    learning", arXiv:1703.03864, algorithm 1, with the mirrored pairs and ranks of its section 2.
    """

    def __init__(
        self,
        centroid: nn.Module | WeightGenome,
        sigma: float,
        step: float = 0.01,
        lambda_: int = 256,
        *,
        rank: int | None = None,
        distribution: str = "gaussian",
        optimiser: str = "adam",
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        shaping: str = "zscore",
        winsorise: float = 0.0,
        sigma_end: float | None = None,
        step_end: float | None = None,
        ngen: int | None = None,
        averaging: float = 0.0,
    ) -> None:
        require_schedule("sigma", sigma, sigma_end)
        require_schedule("step", step, step_end)
        require_optimiser(optimiser, weight_decay, momentum)
        require_shaping(shaping, winsorise)
        if not 0.0 <= averaging < 1.0:
            raise OptionError(f"averaging is a number in [0, 1), got {averaging}.")
        self._sigmas, self._steps = (sigma, sigma_end), (step, step_end)
        named_noise("distribution", distribution)
        self.rank, self.distribution = rank, distribution
        self.shaping, self.winsorise, self.averaging = shaping, winsorise, averaging
        super().__init__(centroid, lambda_, True, ngen)
        if rank is not None:
            self._require_rank(rank)
        self._optimiser = TorchOptimiser(optimiser, weight_decay, momentum)
        self._average: torch.Tensor | None = None

    def _require_rank(self, rank: int) -> None:
        """Raise an `OptionError` unless the network takes noise of this rank."""
        positive("rank", rank)
        factoring(self.node.layout, rank)
        if self.distribution != "gaussian":
            raise OptionError(
                f"Noise of a rank is made of gaussian factors, {self.distribution} noise is full. "
                "Leave out rank or distribution."
            )

    @property
    def sigma(self) -> float:
        """Deviation of the children at this part of the budget."""
        return between(*self._sigmas, self.spent)

    @property
    def step(self) -> float:
        """Step size of the optimiser at this part of the budget."""
        return between(*self._steps, self.spent)

    def _reach(self) -> float:
        return float(self.sigma * self.node.layout.width**0.5)

    def _sample(self) -> Sampler:
        self._drawn = self.sigma
        if self.rank is None:
            return Isotropic(self.node, self._drawn, self.distribution)
        return LowRank(self.node, self._drawn, self.rank)

    def _follow(self, told: Told, sampler: Sampler) -> torch.Tensor:
        """Return the centre after one step up the estimated gradient (algorithm 1, line 6)."""
        utilities = shaped(told.fitness, self.shaping, self.winsorise)
        plus, minus = utilities[: len(told.seeds)], utilities[len(told.seeds) :]
        weights = torch.from_numpy((plus - minus) / (self.lambda_ * self._drawn)).float()
        gradient, _ = sampler.sums(told.seeds, weights)
        return self._optimiser.step(self.weights, gradient, self.step)

    def _accept(self, centre: torch.Tensor) -> None:
        """Draw the averaged centre to the next one; in the beginning more strongly."""
        if self.averaging == 0.0:
            return
        held = self.weights if self._average is None else self._average.to(centre.device)
        stays = min(self.averaging, (1.0 + self.generation) / (10.0 + self.generation))
        self._average = stays * held + (1.0 - stays) * centre

    def centres(self, ind_init: Callable[[Node], Any]) -> dict[str, Any]:
        """Return the centre and, where it is kept, the averaged centre."""
        found = super().centres(ind_init)
        if self._average is not None:
            found["average"] = ind_init(Node(self.node.layout, self._average))
        return found

    def figures(self) -> dict[str, float]:
        """Return ``sigma`` and ``step``."""
        return {"sigma": self.sigma, "step": self.step}

    def state_dict(self) -> dict[str, Any]:
        """Return centre, averaged centre and the optimiser's memory."""
        average = None if self._average is None else self._average.cpu()
        return {
            **super().state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "average": average,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        super().load_state_dict(state)
        self._optimiser.load_state_dict(state["optimiser"])
        self._average = state["average"]
