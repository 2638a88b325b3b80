"""`StrategyContract`: a strategy asks for children, is told their fitness, and can be resumed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from deap import algorithms, base
from torch import nn

from deapnets.algorithms.ga import individual_class
from deapnets.errors import OperatorError, OptionError
from deapnets.evaluators.base import Evaluator
from deapnets.mapping import PopulationMap
from deapnets.networks.chunk import Networks
from deapnets.strategies.base import Strategy
from deapnets.testing.contract import Contract

Make = Callable[..., Strategy]


class Bowl(Evaluator):
    """Minus the squared distance of a network's weights from one: what a strategy goes down."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    def genome(self) -> nn.Module:
        """Return the module."""
        return self.net

    def evaluate(self, networks: Networks) -> torch.Tensor:
        """Return ``[n]``."""
        return -(networks.weights() - 1.0).square().sum(1)


class StrategyContract(Contract):
    """What every `deapnets.Strategy` does; ``cases`` are pairs of class and options.

        class TestMine(StrategyContract):
            cases = [(MyStrategy, {"sigma": 0.1, "lambda_": 20})]

    The class is called with a module, or an individual, and the options; ``lambda_`` among them.
    """

    generations = 60
    """After so many it has come most of the way to the optimum of a bowl of 26 weights."""

    @pytest.fixture
    def net(self) -> nn.Module:
        """Return where the strategy begins."""
        return self._net()

    def _net(self) -> nn.Module:
        torch.manual_seed(2)
        return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))

    @pytest.fixture
    def make(self, case: Any) -> Make:
        """Return a function that makes the strategy at a centroid; its keywords win."""
        kind, options = case
        return lambda centroid, **more: kind(centroid, **{**options, **more})

    def evolve(self, strategy: Strategy, ngen: int = 1, mapping: Any = None) -> float:
        """Run a strategy; return its centre's distance from the optimum."""
        bowl = Bowl(self._net())
        scored = mapping or PopulationMap(device="cpu", seed=1)
        for _ in range(ngen):
            population = strategy.generate(individual_class(bowl))
            for one, values in zip(population, scored(bowl, population), strict=True):
                one.fitness.values = values
            strategy.update(population)
        return float((strategy.weights - 1.0).norm())

    def test_the_centre_comes_nearer_to_the_optimum(self, make: Make, net: nn.Module) -> None:
        strategy = make(net)
        before = float((strategy.weights - 1.0).norm())
        assert self.evolve(strategy, self.generations) < 0.3 * before

    def test_deaps_own_loop_runs_it(self, make: Make, net: nn.Module) -> None:
        bowl, strategy, toolbox = Bowl(net), make(net), base.Toolbox()
        toolbox.register("generate", strategy.generate, individual_class(bowl))
        toolbox.register("update", strategy.update)
        toolbox.register("evaluate", bowl)
        toolbox.register("map", PopulationMap(device="cpu"))
        population, logbook = algorithms.eaGenerateUpdate(toolbox, ngen=3, verbose=False)
        assert logbook.select("nevals") == [strategy.lambda_] * 3
        assert len(population) == strategy.lambda_
        assert strategy.generation == 3

    def test_one_seed_gives_one_centre(self, make: Make, net: nn.Module) -> None:
        weights = []
        for _ in range(2):
            random.seed(5)
            strategy = make(net)
            self.evolve(strategy, 3)
            weights.append(strategy.weights)
        assert torch.equal(*weights)

    def test_children_are_recipes(self, make: Make, net: nn.Module) -> None:
        """The population's weights exist while they are evaluated, and never all at once."""
        children = make(net).generate(individual_class(Bowl(net)))
        assert all(one.node.recipe is not None for one in children)

    def test_children_lie_round_the_centre(self, make: Make, net: nn.Module) -> None:
        strategy = make(net, lambda_=400)
        children = [one.weights for one in strategy.generate(individual_class(Bowl(net)))]
        rows = torch.stack(children)
        assert float((rows.mean(0) - strategy.weights).abs().max()) < 0.2 * float(rows.std(0).max())

    def test_a_restored_strategy_goes_on_as_if_nothing_had_happened(
        self, make: Make, net: nn.Module
    ) -> None:
        random.seed(9)
        whole = make(net)
        self.evolve(whole, 3)
        state, there = whole.state_dict(), random.getstate()
        self.evolve(whole, 3)
        torch.manual_seed(11)
        other = make(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)))
        other.load_state_dict(state)
        random.setstate(there)
        self.evolve(other, 3)
        assert torch.equal(other.weights, whole.weights)
        assert other.figures() == whole.figures()
        assert other.generation == 6

    def test_it_begins_at_an_individual_as_at_a_module(self, make: Make, net: nn.Module) -> None:
        from deapnets.operators.initialisation import initWeights

        individual = initWeights(individual_class(Bowl(net)), net, sigma=0.5)
        assert torch.equal(make(individual).weights, individual.weights)

    def test_the_centre_is_an_individual(self, make: Make, net: nn.Module) -> None:
        strategy, kind = make(net), individual_class(Bowl(net))
        self.evolve(strategy, 2)
        centre = strategy.centre(kind)
        assert isinstance(centre, kind)
        assert torch.equal(centre.weights, strategy.weights)
        assert next(iter(strategy.centres(kind).values())) == centre

    def test_a_population_of_nobody_is_refused(self, make: Make, net: nn.Module) -> None:
        with pytest.raises(OptionError):
            make(net, lambda_=0)

    def test_an_update_before_a_generate_is_refused(self, make: Make, net: nn.Module) -> None:
        with pytest.raises(OperatorError):
            make(net).update([])
