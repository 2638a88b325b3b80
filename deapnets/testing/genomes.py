"""`GenomeContract`: individuals are cloned, pickled and compared as DEAP does it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from deap import base, creator

from deapnets.testing.contract import Contract


class GenomeContract(Contract):
    """What every genome does; ``cases`` are pairs of an initialiser and its keywords.

        class TestWeights(GenomeContract):
            cases = [(dn.initWeights, {"module": net, "sigma": 0.1})]

    The initialiser is called with the class of individuals and draws another individual each time.
    ``genome`` is the class that individuals derive from, ``vary`` changes one in place.
    """

    genome: type[Any]

    def vary(self, individual: Any) -> None:
        """Change the individual in place, as a mutation does."""
        raise NotImplementedError

    @pytest.fixture
    def individual(self, case: Any) -> Any:
        """Return an individual, of a class that DEAP's creator made."""
        initialise, keywords = case
        return initialise(self.kind(), **keywords)

    def kind(self) -> type[Any]:
        """Return the class of individuals: ``genome`` with a fitness to maximise."""
        name = f"ContractOf{self.genome.__name__}"
        if not hasattr(creator, name):
            creator.create(f"FitnessOf{name}", base.Fitness, weights=(1.0,))
            fitness = getattr(creator, f"FitnessOf{name}")
            creator.create(name, self.genome, fitness=fitness)
        kind: type[Any] = getattr(creator, name)
        return kind

    def test_a_clone_is_equal_and_has_its_own_fitness(self, individual: Any) -> None:
        individual.fitness.values = (2.0,)
        clone = copy.deepcopy(individual)
        assert type(clone) is type(individual)
        assert clone == individual
        assert clone.digest == individual.digest
        assert clone.fitness.values == (2.0,)
        del clone.fitness.values
        assert individual.fitness.valid

    def test_a_clone_has_its_own_attributes(self, individual: Any) -> None:
        individual.strategy = [0.1, 0.2]
        clone = copy.deepcopy(individual)
        clone.strategy[0] = 9
        assert individual.strategy == [0.1, 0.2]

    def test_changing_a_clone_leaves_the_original(self, individual: Any) -> None:
        before, clone = individual.digest, copy.deepcopy(individual)
        for _ in range(20):  # a mutation may change nothing now and then
            self.vary(clone)
        assert individual.digest == before
        assert clone != individual

    def test_a_pickle_comes_back_with_fitness_and_attributes(self, individual: Any) -> None:
        individual.fitness.values = (3.0,)
        individual.strategy = [0.1]
        back = pickle.loads(pickle.dumps(individual))
        assert back == individual
        assert back.digest == individual.digest
        assert back.fitness.values == (3.0,)
        assert back.strategy == [0.1]

    def test_two_that_were_drawn_differ(self, case: Any) -> None:
        initialise, keywords = case
        drawn = [initialise(self.kind(), **keywords) for _ in range(8)]
        assert any(one != drawn[0] for one in drawn[1:])

    def test_nothing_else_is_equal_to_it(self, individual: Any) -> None:
        assert individual != individual.digest
        assert individual not in [None, 3, [1.0]]

    def test_it_cannot_be_hashed_because_it_changes_in_place(self, individual: Any) -> None:
        with pytest.raises(TypeError, match="unhashable"):
            hash(individual)
