"""A matrix that an evaluator gives at the end of a run, and what the report makes of it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from safetensors.torch import load_file

from deapnets.cli import main
from deapnets.reports.evolving import matrix
from deapnets.reports.report import report_of
from deapnets.reports.story import read_story

TOLD = {
    "title": "Who <beats> whom",
    "note": "Lower rows are better.",
    "row": "maker",
    "column": "judge",
    "rows": [0, 10],
    "columns": [0, 5, 10],
    "values": [[-1.0, 0.5, None], [2.0, 0.0, 1.0]],
}

TASK = f'''
import torch
import deapnets as dn


class Told(dn.Evaluator):
    """Tells a matrix."""

    def genome(self):
        return torch.nn.Linear(2, 1)

    def evaluate(self, networks):
        return -networks.weights().square().sum(1)

    def matrix(self, individual):
        return {{**{TOLD!r}, "values": [[float(individual.weights[0])] * 3] * 2}}
'''


@pytest.fixture
def told(copied):
    """Return a run with a matrix."""
    (copied / "matrix.json").write_text(json.dumps(TOLD))
    return copied


def test_a_matrix_is_drawn_with_its_names(told):
    chart = matrix(read_story(told), 0)
    assert chart.data[0]["z"] == TOLD["values"]
    assert (chart.data[0]["x"], chart.data[0]["y"]) == (["0", "5", "10"], ["0", "10"])
    assert (chart.data[0]["zmin"], chart.data[0]["zmax"]) == (-2.0, 2.0)
    page = report_of([read_story(told)])
    assert "Who &lt;beats&gt; whom" in page
    assert "Lower rows are better." in page


@pytest.mark.parametrize(
    "fields",
    [{"rows": [1]}, {"columns": 3}, {"values": [[1], [2]]}, {"values": None}, {"rows": None}],
)
def test_a_damaged_matrix_stops_no_report(told, fields):
    (told / "matrix.json").write_text(json.dumps({**TOLD, **fields}))
    assert matrix(read_story(told), 0) is None
    assert "Who" not in report_of([read_story(told)])


def test_a_run_writes_the_matrix_of_its_best_network_at_the_end(tmp_path):
    (tmp_path / "task.py").write_text(TASK)
    words = ["run", f"{tmp_path}/task.py:Told", "--generations", "3", "--population", "10"]
    result = CliRunner().invoke(main, [*words, "--out", f"{tmp_path}/run", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "run" / "matrix.json").read_text())
    best = load_file(tmp_path / "run" / "best.safetensors")["weight"]
    assert found["values"] == [[pytest.approx(float(best[0, 0]))] * 3] * 2
