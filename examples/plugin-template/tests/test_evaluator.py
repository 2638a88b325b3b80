"""The evaluator ``template``: what every evaluator must do, and what this one does."""

import pytest
from deapnets_template.evaluator import Template

from deapnets.errors import OptionError
from deapnets.testing import EvaluatorContract


class TestTemplate(EvaluatorContract):
    cases = [
        (Template, {"points": 40}),
        (Template, {"points": 40, "hidden": 3, "fitness": "accuracy"}),
    ]


def test_a_third_of_the_points_are_inside_or_so():
    inside = Template().splits.train.targets.double().mean()
    assert 0.3 < inside < 0.45


def test_a_network_without_units_is_refused():
    with pytest.raises(OptionError, match="hidden is at least 1"):
        Template(hidden=0)
