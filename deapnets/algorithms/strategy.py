"""The command line's ``es``, ``pgpe``, ``snes`` and ``sepcma``: strategies with their settings."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, final

from deap import base, tools
from torch import nn

from deapnets.algorithms.asking import eaGenerateUpdate
from deapnets.algorithms.base import Algorithm, Generation, Settings
from deapnets.algorithms.ga import individual_class
from deapnets.errors import OptionError
from deapnets.evaluators.base import Evaluator
from deapnets.genomes.weights import WeightGenome
from deapnets.mapping import PopulationMap
from deapnets.operators.lowrank import positive
from deapnets.strategies.base import Strategy
from deapnets.strategies.openes import OpenES
from deapnets.strategies.pgpe import PGPE
from deapnets.strategies.sepcma import SepCMA
from deapnets.strategies.snes import SNES

Optimiser = Literal["adam", "sgd"]
Shaping = Literal["zscore", "rank", "raw"]


@final
class StrategyAlgorithm(Algorithm):
    """A strategy whose schedules stand where the budget does.

    Parameters
    ----------
    strategy
        The strategy.
    evaluator, mapping
        What scores its children.
    """

    def __init__(self, strategy: Strategy, evaluator: Evaluator, mapping: PopulationMap) -> None:
        self._strategy = strategy
        self._kind = individual_class(evaluator)
        toolbox = base.Toolbox()
        toolbox.register("generate", strategy.generate, self._kind)
        toolbox.register("update", strategy.update)
        toolbox.register("evaluate", evaluator)
        toolbox.register("map", mapping)
        self._loop = eaGenerateUpdate(toolbox)

    def step(self, spent: float) -> Generation:
        """Score the next children and move the centre."""
        self._strategy.spent = spent
        return next(self._loop)

    def candidates(self) -> dict[str, WeightGenome]:
        """Return the best child of the last generation, the centre, and means of centres."""
        (champion,) = tools.selBest(self._loop.population, 1)
        return {"champion": champion, **self._strategy.centres(self._kind)}

    def figures(self) -> dict[str, float]:
        """Return the step sizes of the last generation."""
        return self._strategy.figures()

    def state_dict(self) -> dict[str, Any]:
        """Return the strategy's state, and the loop's population and books."""
        return {"strategy": self._strategy.state_dict(), "loop": self._loop.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the strategy of ``state``."""
        self._strategy.load_state_dict(state["strategy"])
        self._loop.load_state_dict(state["loop"])


@dataclass(frozen=True)
class StrategySettings(Settings):
    """Options that every strategy has."""

    @abstractmethod
    def strategy(self, net: nn.Module) -> Strategy:
        """Return the strategy that begins at a network."""

    def begin(self, evaluator: Evaluator, mapping: PopulationMap) -> StrategyAlgorithm:
        """Return the algorithm; its first children are drawn when it steps."""
        return StrategyAlgorithm(self.strategy(evaluator.genome()), evaluator, mapping)

    def _check(self, pairs: bool) -> None:
        """Raise an `OptionError` for what no strategy could use; a network of two weights tries."""
        if self.population < 2 or (pairs and self.population % 2):
            kind = "an even number" if pairs else "a number"
            raise OptionError(f"population is {kind} of at least 2, got {self.population}.")
        self.strategy(nn.Linear(1, 1))


@final
@dataclass(frozen=True)
class OpenSettings(StrategySettings):
    """OpenAI's evolution strategy: mirrored pairs, one step size, Adam or SGD.

    Parameters
    ----------
    population
        Children of a generation, an even number.
    sigma
        Deviation of the children round the centre at the start.
    sigma_end
        Deviation at the end of the budget; between them it falls exponentially.
    step
        Step size of the optimiser at the start.
    step_end
        Step size at the end of the budget; between them it falls exponentially.
    rank
        Rank of the noise of a weight matrix; none for full noise.
    distribution
        Name of the full noise, which is centred.
    optimiser
        "adam" or "sgd".
    momentum
        Momentum of sgd, in [0, 1).
    weight_decay
        How strongly the centre is drawn to zero, in [0, 1).
    shaping
        What is made of the fitness: "zscore", "rank" or "raw".
    winsorise
        Part of the population at each end whose fitness is drawn in, in [0, 0.5).
    averaging
        Part of the averaged centre that stays with each generation, in [0, 1); 0 for none.

    Raises
    ------
    OptionError
        When a value cannot be used: said here, before a run begins.
    """

    population: int = 512
    sigma: float = 0.1
    sigma_end: float = 0.03
    step: float = 0.02
    step_end: float = 0.0003
    rank: int | None = 1
    distribution: str = "gaussian"
    optimiser: Optimiser = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    shaping: Shaping = "zscore"
    winsorise: float = 0.0
    averaging: float = 0.9

    def __post_init__(self) -> None:
        if self.rank is not None:
            positive("rank", self.rank)
            dataclasses.replace(self, rank=None)  # checks the rest
        else:
            self._check(pairs=True)

    def strategy(self, net: nn.Module) -> OpenES:
        """Return the strategy that begins at a network."""
        return OpenES(
            net,
            self.sigma,
            self.step,
            self.population,
            rank=self.rank,
            distribution=self.distribution,
            optimiser=self.optimiser,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            shaping=self.shaping,
            winsorise=self.winsorise,
            sigma_end=self.sigma_end,
            step_end=self.step_end,
            averaging=self.averaging,
        )


@final
@dataclass(frozen=True)
class PgpeSettings(StrategySettings):
    """PGPE: mirrored pairs, a deviation for each weight, ClipUp.

    Parameters
    ----------
    population
        Children of a generation, an even number.
    sigma
        Deviation of every weight at the start.
    step
        ClipUp's step size at the start: the length of a step from rest.
    step_end
        Step size at the end of the budget; between them it falls exponentially.
    momentum
        Momentum of ClipUp, in [0, 1).
    fastest
        Largest speed of ClipUp, in steps.
    sigma_step
        Step size of the deviations; 0 leaves them as they are.
    shaping
        What is made of the fitness: "zscore", "rank" or "raw".
    winsorise
        Part of the population at each end whose fitness is drawn in, in [0, 0.5).

    Raises
    ------
    OptionError
        When a value cannot be used: said here, before a run begins.
    """

    population: int = 256
    sigma: float = 0.1
    step: float = 0.3
    step_end: float = 0.02
    momentum: float = 0.9
    fastest: float = 2.0
    sigma_step: float = 0.1
    shaping: Shaping = "zscore"
    winsorise: float = 0.0

    def __post_init__(self) -> None:
        self._check(pairs=True)

    def strategy(self, net: nn.Module) -> PGPE:
        """Return the strategy that begins at a network."""
        return PGPE(
            net,
            self.sigma,
            self.step,
            self.population,
            momentum=self.momentum,
            fastest=self.fastest,
            sigma_step=self.sigma_step,
            shaping=self.shaping,
            winsorise=self.winsorise,
            step_end=self.step_end,
        )


@final
@dataclass(frozen=True)
class SnesSettings(StrategySettings):
    """SNES: a deviation for each weight, natural gradients of ranks.

    Parameters
    ----------
    population
        Children of a generation, an even number.
    sigma
        Deviation of every weight at the start.
    step
        Step size of the centre at the start.
    step_end
        Step size at the end of the budget; between them it falls exponentially.
    sigma_step
        Step size of the deviations; none for (3 + log(P)) / (5 sqrt(P)) of P weights.

    Raises
    ------
    OptionError
        When a value cannot be used: said here, before a run begins.
    """

    population: int = 256
    sigma: float = 0.1
    step: float = 1.0
    step_end: float = 1.0
    sigma_step: float | None = None

    def __post_init__(self) -> None:
        self._check(pairs=True)

    def strategy(self, net: nn.Module) -> SNES:
        """Return the strategy that begins at a network."""
        return SNES(
            net, self.sigma, self.population, self.step, self.sigma_step, step_end=self.step_end
        )


@final
@dataclass(frozen=True)
class SepCmaSettings(StrategySettings):
    """CMA-ES with a diagonal covariance matrix.

    Parameters
    ----------
    population
        Children of a generation, at least 2.
    sigma
        Step size at the start.

    Raises
    ------
    OptionError
        When a value cannot be used: said here, before a run begins.
    """

    population: int = 256
    sigma: float = 0.05

    def __post_init__(self) -> None:
        self._check(pairs=False)

    def strategy(self, net: nn.Module) -> SepCMA:
        """Return the strategy that begins at a network."""
        return SepCMA(net, self.sigma, self.population)
