"""Evaluating 500 x 101,770 weights in float32 and in bfloat16: seconds, and what it costs.

    python benchmarks/precision.py

Both in one process, in turns, on batches of 1,000 images; the accuracy of a population round a
network that was trained for two epochs, on 10,000 test images where $DEAPNETS_DATA has MNIST.
Medians and figures go to ``benchmarks/results/precision.json``.
"""

import os
import random
from pathlib import Path

import torch
from jobs import mlp
from timing import Neighbours, Timing, measure, record, table, write

import deapnets as dn

RESULT = Path(__file__).parent / "results" / "precision.json"
POPULATION, BATCH, REPEATS = 500, 1000, 7


def images() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return training and test images ``[rows, 784]`` and their classes."""
    from deapnets_mnist.evaluator import Mnist

    splits = Mnist(pool="28x28", pixels="unit").splits
    train, test = splits.train, splits.test
    return train.inputs.flatten(1), train.targets, test.inputs.flatten(1), test.targets


def trained(net: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> None:
    """Train two epochs with Adam."""
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(2):
        for rows in torch.randperm(len(inputs)).split(128):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[rows]), targets[rows]).backward()
            optimiser.step()


def population(net: torch.nn.Module, count: int) -> list[dn.WeightGenome]:
    """Return leaves round the net: nothing is left to be made but a copy."""
    lot = [dn.initWeights(dn.WeightGenome, net, 0.02) for _ in range(count)]
    for one in lot:
        one.weights = one.weights
    return lot


def main() -> None:
    torch.manual_seed(1)
    random.seed(1)
    net = mlp(784, 128, 10)
    inputs, targets, test_inputs, test_targets = images()
    trained(net, inputs, targets)
    lot = population(net, POPULATION)
    timed = dn.Supervised(net, inputs[:BATCH], targets[:BATCH])
    told = dn.Supervised(net, test_inputs, test_targets, fitness="accuracy")
    maps = {p: dn.PopulationMap(device="cpu", precision=p) for p in ("float32", "bfloat16")}
    evaluating: dict[str, list[float]] = {name: [] for name in maps}

    def call(name: str) -> None:
        before = maps[name].seconds["evaluating"]
        maps[name](timed, lot)
        evaluating[name].append(maps[name].seconds["evaluating"] - before)

    with Neighbours() as neighbours:
        calls = {name: (lambda name=name: call(name)) for name in maps}
        timings = measure(calls, repeats=REPEATS, warmup=2)
    alone = [Timing(f"{n}, evaluating", tuple(s[2:])) for n, s in evaluating.items()]
    ratio = alone[0].median / alone[1].median
    scores = {name: torch.tensor(mapping(told, lot[:50]))[:, 0] for name, mapping in maps.items()}
    difference = scores["bfloat16"] - scores["float32"]
    figures = {
        "evaluating_ratio": ratio,
        "accuracy": {name: float(values.mean()) for name, values in scores.items()},
        "accuracy_difference_mean": float(difference.mean()),
        "accuracy_difference_largest": float(difference.abs().max()),
        "networks_compared": len(difference),
    }
    print(table([*timings, *alone], reference="float32"))
    print(figures)
    context = {"population": POPULATION, "batch": BATCH, "weights": 101_770, **figures}
    context["data"] = bool(os.environ.get("DEAPNETS_DATA"))
    context["neighbours_cores"] = neighbours.cores
    write(RESULT, record("precision", [*timings, *alone], packages=["torch", "numpy"], **context))


if __name__ == "__main__":
    main()
