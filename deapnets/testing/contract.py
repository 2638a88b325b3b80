"""`Contract`: a class of tests that run with every case that a subclass names."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest
import torch

Case = tuple[Any, Mapping[str, Any]]


class Contract:
    """Tests of anything that can be named with keywords; derive from one that has tests.

    Every test starts from the same seeds of Python's `random` and of torch.
    """

    cases: ClassVar[Sequence[Case]] = ()
    """What is tested: pairs of a class, or a function, and the keywords it is called with."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test that has a case with every one of them.

        Raises
        ------
        pytest.UsageError
            When there are none.
        """
        if "case" not in metafunc.fixturenames:
            return
        if not self.cases:
            name = type(self).__name__
            raise pytest.UsageError(
                f"{name} has nothing to test: write cases = [(WHAT, {{OPTION: VALUE}})] in it."
            )
        ids = [name_of(what, keywords) for what, keywords in self.cases]
        metafunc.parametrize("case", self.cases, ids=ids, indirect=True)

    @pytest.fixture
    def case(self, request: pytest.FixtureRequest) -> Any:
        """Return what is tested, and its keywords."""
        return request.param

    @pytest.fixture(autouse=True)
    def _seeds(self) -> None:
        random.seed(1)
        torch.manual_seed(1)


def name_of(what: Any, keywords: Mapping[str, Any]) -> str:
    """Return what a case is called in the names of tests: ``mutGaussian-sigma=0.5``."""
    name = getattr(what, "__name__", str(what))
    return "-".join([name, *(f"{key}={_short(value)}" for key, value in keywords.items())])


def _short(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float | None) else type(value).__name__
