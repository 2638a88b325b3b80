"""The tests are left out where the plugin is not installed; a space and a short lesson."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from deapnets_programs.learning import Lesson

    from deapnets.programs.spaces import ProgramSpace

# A checkout from before this plugin was there: pip install -e plugins/deapnets-programs
collect_ignore_glob = [] if find_spec("deapnets_programs") else ["test_*.py"]


@pytest.fixture(scope="session")
def space() -> ProgramSpace:
    from deapnets_programs.learning import rule_space

    return rule_space()


@pytest.fixture(scope="session")
def lesson() -> Lesson:
    from deapnets_programs.learning import Lesson
    from deapnets_programs.tasks import make_tasks

    return Lesson(make_tasks(6, 3), 30, 5)
