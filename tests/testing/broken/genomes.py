"""Genomes that are broken, and the clause of the contract that is about each."""

from __future__ import annotations

import copy
import pickle
import random

from deapnets.testing import GenomeContract


class Sound:
    """A row of numbers."""

    __hash__ = None

    def __init__(self, genes):
        self.genes = genes

    @property
    def digest(self):
        return str(self.genes)

    def __eq__(self, other):
        return isinstance(other, Sound) and self.genes == other.genes


class Sharing(Sound):
    def __deepcopy__(self, memo):
        clone = type(self)(list(self.genes))
        clone.fitness = self.fitness
        return clone


class Shallow(Sound):
    def __deepcopy__(self, memo):
        clone = type(self).__new__(type(self))
        clone.__dict__.update(self.__dict__)
        clone.genes, clone.fitness = list(self.genes), copy.deepcopy(self.fitness)
        return clone


class Entangled(Sound):
    def __deepcopy__(self, memo):
        clone = type(self)(self.genes)
        clone.fitness = copy.deepcopy(self.fitness)
        return clone


class Losing(Sound):
    def __reduce__(self):
        return type(self), (self.genes,)


class Alike(Sound):
    def __init__(self, genes):
        super().__init__([0.0 for _ in genes])


class Agreeable(Sound):
    def __eq__(self, other):
        return not isinstance(other, Sound) or self.genes == other.genes


class Hashable(Sound):
    def __hash__(self):
        return hash(pickle.dumps(self.genes))


SOUND = Sound
BROKEN = {
    Sharing: "test_a_clone_is_equal_and_has_its_own_fitness",
    Shallow: "test_a_clone_has_its_own_attributes",
    Entangled: "test_changing_a_clone_leaves_the_original",
    Losing: "test_a_pickle_comes_back_with_fitness_and_attributes",
    Alike: "test_two_that_were_drawn_differ",
    Agreeable: "test_nothing_else_is_equal_to_it",
    Hashable: "test_it_cannot_be_hashed_because_it_changes_in_place",
}


def initRow(container):
    return container([random.random() for _ in range(3)])


class Rows(GenomeContract):
    cases = [(initRow, {})]

    def vary(self, individual):
        individual.genes[0] += 1.0


for kind in (SOUND, *BROKEN):
    globals()[f"Test{kind.__name__}"] = type(f"Test{kind.__name__}", (Rows,), {"genome": kind})
