"""Seconds to make 500 x 101,770 children, with freed memory held back and without.

    python benchmarks/making.py

Two processes, since what the C library holds cannot be let go again in one: see
`deapnets.genomes.making`. Medians go to ``benchmarks/results/making.json``.
"""

import random
import subprocess
import sys
from pathlib import Path

import torch
from jobs import SIGMA, Size, mlp
from timing import Timing, measure, record, table, write

import deapnets as dn
from deapnets.genomes import making

RESULT = Path(__file__).parent / "results" / "making.json"
SIZE = Size("mlp-128", 500, lambda: mlp(784, 128, 10), (784,), 10, 1000)


def one_process(held: bool) -> Timing:
    """Return the timing of making all children of a generation, 20 rows at a time."""
    if not held:
        making.hold_freed_memory = lambda: None
    random.seed(1)
    net = SIZE.module()
    parents = [dn.initWeights(dn.WeightGenome, net, SIGMA) for _ in range(SIZE.population)]
    for parent in parents:
        parent.weights = parent.weights  # a leaf, as after an evaluation
    for first, second in zip(parents[::2], parents[1::2], strict=True):
        dn.cxUniform(first, second, indpb=0.5)
    for parent in parents:
        dn.mutGaussian(parent, sigma=SIGMA, indpb=0.1)
    nodes = [parent.node for parent in parents]
    out = torch.empty(20, SIZE.weights)

    def make() -> None:
        for start in range(0, len(nodes), len(out)):
            making.make(nodes[start : start + len(out)], out)

    return measure({"held" if held else "not held": make}, repeats=9)[0]


def main() -> None:
    if len(sys.argv) > 1:
        print(*one_process(sys.argv[1] == "held").seconds)
        return
    timings = []
    for name in ("held", "not held"):
        command = [sys.executable, __file__, name]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        timings.append(Timing(name, tuple(map(float, printed.split()))))
    print(table(timings, reference="held"))
    write(RESULT, record("making 500 x 101,770", timings, packages=["torch", "numpy"]))


if __name__ == "__main__":
    main()
