"""Search spaces that are broken, and the clause of the contract that is about each."""

from __future__ import annotations

import itertools
import os

from deapnets.errors import OptionError
from deapnets.evaluators.bitstring import BitSpace
from deapnets.testing import SpaceContract

numbers = itertools.count()


class Sound(BitSpace):
    """Nothing is wrong with it."""


class Straying(Sound):
    def vary(self, genes):
        return (2, *super().vary(genes)[1:])


class Illegible(Sound):
    def text(self, genes):
        return super().text(genes[::-1])


class Restless(Sound):
    def key(self, genes):
        return f"{next(numbers)}"


class Unseeded(Sound):
    def draw(self):
        return tuple(byte % 2 for byte in os.urandom(len(self.choices)))


class Editing(Sound):
    def draw(self):
        return list(super().draw())

    def vary(self, genes):
        genes[:] = super().vary(tuple(genes))
        return genes

    def checked(self, genes):
        return list(super().checked(tuple(genes)))


class Unique(Sound):
    def __init__(self, bits):
        super().__init__(bits)
        self.number = next(numbers)

    def describe(self):
        return {**super().describe(), "number": self.number}


class Chatty(Sound):
    def parse_genes(self, text):
        try:
            return super().parse_genes(text)
        except OptionError as error:
            raise OptionError(f"This will not do:\n{error}") from error


SOUND = Sound
BROKEN = {
    Straying: "test_what_is_drawn_and_varied_is_of_the_space",
    Illegible: "test_every_genome_comes_back_from_text_and_json",
    Restless: "test_every_genome_comes_back_from_a_pickle_with_its_key",
    Unseeded: "test_pythons_random_decides_what_is_drawn",
    Editing: "test_varying_leaves_the_genes",
    Unique: "test_two_spaces_of_the_same_options_are_equal",
    Chatty: "test_a_text_that_is_nothing_is_one_clear_line",
}


class TestSpaces(SpaceContract):
    cases = [(kind, {"bits": 12}) for kind in (SOUND, *BROKEN)]
