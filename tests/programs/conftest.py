"""A small space of programs in x and y, and individuals of it."""

import random
from collections.abc import Callable

import pytest
from deap import base, creator

import deapnets as dn

FITNESS = type("FitnessMin", (base.Fitness,), {"weights": (-1.0,)})


@pytest.fixture(scope="session")
def space() -> dn.ProgramSpace:
    return dn.ProgramSpace(dn.primitive_set("main", ["x", "y"]))


@pytest.fixture(scope="session")
def individual(space: dn.ProgramSpace) -> Callable[[str], dn.ProgramGenome]:
    """Return a function that makes a DEAP individual of a text."""
    body = {"fitness": FITNESS, "space": space}
    kind = creator.MetaCreator("Individual", dn.ProgramGenome, body)
    return lambda text: space.parse(text, kind)


@pytest.fixture(scope="session")
def many(space: dn.ProgramSpace) -> list[dn.ProgramGenome]:
    """Return a hundred programs of several generations of mutation."""
    random.seed(7)
    kind = creator.MetaCreator("Individual", dn.ProgramGenome, {"fitness": FITNESS, "space": space})
    programs = [dn.initProgram(kind, space) for _ in range(100)]
    for program in programs:
        for _ in range(random.randrange(6)):
            dn.mutProgram(program)
    return programs
