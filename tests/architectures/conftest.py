"""The cells of NAS-Bench-201, all of them, and spaces whose networks are made in no time."""

from __future__ import annotations

import itertools

import pytest

import deapnets as dn
from deapnets.architectures.operations import NASBENCH201_OPERATIONS


@pytest.fixture(scope="session")
def every_cell() -> list[tuple[int, ...]]:
    """Return the genes of all 15,625 cells of NAS-Bench-201."""
    return list(itertools.product(range(5), repeat=6))


@pytest.fixture(scope="session")
def small() -> dn.CellSpace:
    """Return the cells of NAS-Bench-201 in a network of three cells and four channels."""
    return dn.CellSpace(
        "small",
        operations=NASBENCH201_OPERATIONS,
        wiring="complete",
        combinations=3,
        stack=1,
        width=4,
    )


@pytest.fixture(scope="session")
def pairs() -> dn.CellSpace:
    """Return NASNet's space with three combinations, one normal cell a stage, four channels."""
    return dn.CellSpace("pairs", combinations=3, stack=1, width=4)
