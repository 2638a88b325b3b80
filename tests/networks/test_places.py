"""Whether products depend on where numbers lie, and that it is said."""

from __future__ import annotations

import os
import subprocess
import sys

CODE = """
import torch
{before}
import deapnets as dn
from deapnets.networks.places import products_depend_on_place
net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
dn.Supervised(net, torch.zeros(4, 3), torch.zeros(4, dtype=torch.long)).networks(
    dn.initWeights(dn.WeightGenome, net, 0.1)
)
print(products_depend_on_place())
"""


def run(before: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "MKL_CBWR"}
    return subprocess.run(
        [sys.executable, "-c", CODE.format(before=before)],
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )


def test_after_importing_deapnets_products_are_the_same_everywhere():
    done = run("")
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_product_before_the_import_is_said_where_it_matters():
    done = run("torch.ones(30, 30) @ torch.ones(30, 30)")
    said = "Matrix products round by where the numbers lie in memory here"
    assert (done.stdout == "True\n") == (said in done.stderr)


def test_a_mode_that_was_set_stays():
    code = "import os, deapnets; print(os.environ['MKL_CBWR'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MKL_CBWR": "COMPATIBLE"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "COMPATIBLE\n"
