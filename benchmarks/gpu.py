"""What a CUDA device makes of the three ways through a population, in one command.

    python benchmarks/gpu.py                 # under eight minutes on one GPU
    python benchmarks/gpu.py --device cpu --tiny

- ``paths``: seconds for a generation of `OpenES` with full noise (recipes) and with rank 1, on
  784-128-10 and on the convolutional network of 3,274,634 weights; and EvoX's ``OpenES`` with its
  ``VirtualES`` problem where EvoX is installed. Peak memory beside each.
- ``accuracy``: MNIST test accuracy of the centre against seconds, rank 1, on both networks. Needs
  ``DEAPNETS_DATA``; left out without.
- ``large``: a generation of 10,000 to 1,000,000 recipes of the convolutional network on a batch of
  64, and its peak memory; a size that would pass the time limit is left out.

Everything goes to ``benchmarks/results/gpu.json``. Nothing here is written for one device: without
a GPU it runs on the CPU, where ``--tiny`` keeps it short.
"""

import argparse
import dataclasses
import importlib.util
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import torch
from deap import base, creator
from jobs import SIZES, Size, mlp
from timing import hardware, versions, write

import deapnets as dn

RESULT = Path(__file__).parent / "results" / "gpu.json"
LIMIT = 60.0  # seconds that one size of ``large`` may take
SIGMA, STEP = 0.03, 0.01

creator.create("GpuFitness", base.Fitness, weights=(1.0,))
creator.create("GpuIndividual", dn.WeightGenome, fitness=creator.GpuFitness)


def sizes(tiny: bool) -> list[Size]:
    """Return both networks with their batch and population."""
    chosen = {size.name: size for size in SIZES}
    if tiny:
        small = dataclasses.replace(chosen["mlp-128"], module=lambda: mlp(784, 8, 10))
        return [dataclasses.replace(small, population=6, batch=4)]
    return [
        dataclasses.replace(chosen["mlp-128"], population=4096, batch=256),
        dataclasses.replace(chosen["deep"], population=1024, batch=64),
    ]


def loop_of(size: Size, rank: int | None, device: str, population: int) -> Any:
    """Return the iterator of a strategy's generations."""
    net = size.module()
    strategy = dn.OpenES(net, SIGMA, STEP, population, rank=rank)
    toolbox = base.Toolbox()
    toolbox.register("generate", strategy.generate, creator.GpuIndividual)
    toolbox.register("update", strategy.update)
    toolbox.register("evaluate", dn.Supervised(net, size.inputs, size.targets))
    toolbox.register("map", dn.PopulationMap(device=device))
    return dn.eaGenerateUpdate(toolbox)


def timed(step: Any, device: str) -> dict[str, float]:
    """Return seconds of one call and the device's peak memory in bytes; 0 on a CPU."""
    cuda = device.startswith("cuda")
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    step()
    if cuda:
        torch.cuda.synchronize()
    peak = torch.cuda.max_memory_allocated() if cuda else 0
    return {"seconds": time.perf_counter() - began, "peak_bytes": peak}


def measure_paths(device: str, tiny: bool) -> list[dict[str, Any]]:
    """Return seconds and memory of a generation by each way, the second generation counted."""
    rows = []
    for size in sizes(tiny):
        for name, rank in (("recipes", None), ("rank 1", 1)):
            loop = loop_of(size, rank, device, size.population)
            next(loop)
            row = timed(lambda loop=loop: next(loop), device)
            rows.append({"network": size.name, "way": name, "population": size.population, **row})
            print(rows[-1], flush=True)
        if importlib.util.find_spec("evox") is None:
            rows.append({"network": size.name, "way": "EvoX VirtualES", "left_out": "no evox"})
    return rows


def measure_accuracy(device: str, tiny: bool, seconds: float) -> list[dict[str, Any]]:
    """Return the centre's validation accuracy against seconds, and its test accuracy."""
    if not os.environ.get("DEAPNETS_DATA") and not tiny:
        return [{"left_out": "DEAPNETS_DATA is not set"}]
    from deapnets_mnist.evaluator import Mnist

    rows = []
    for network in ("mlp-8",) if tiny else ("mlp-128", "deep"):
        options = {"dataset": "digits"} if tiny else {}
        torch.manual_seed(1)
        random.seed(1)
        task = Mnist(network=network, batch_size=8 if tiny else 256, **options)
        strategy = dn.OpenES(
            task.genome(), SIGMA, STEP, 6 if tiny else 2048, rank=1, sigma_end=0.01, step_end=3e-4
        )
        mapping, began, curve = dn.PopulationMap(device=device), time.perf_counter(), []
        while (spent := (time.perf_counter() - began) / seconds) < 1.0:
            strategy.spent = spent
            population = strategy.generate(creator.GpuIndividual)
            for one, values in zip(population, mapping(task, population), strict=True):
                one.fitness.values = values
            strategy.update(population)
            if strategy.generation % 20 == 1:
                centre = strategy.centre(creator.GpuIndividual)
                found = task.validate(task.networks(centre))
                curve.append([spent * seconds, float(found["validation_accuracy"][0])])
        measured = task.measure(strategy.centre(creator.GpuIndividual))
        rows.append({"network": network, "generations": strategy.generation, **measured})
        print(rows[-1], flush=True)
        rows[-1]["curve"] = curve
    return rows


def measure_large(device: str, tiny: bool) -> list[dict[str, Any]]:
    """Return seconds and memory of generations of ever more recipes, while time allows."""
    size, rows = sizes(tiny)[-1], []
    for population in (10, 20) if tiny else (10_000, 100_000, 1_000_000):
        loop = loop_of(size, 1, device, population)
        row = timed(lambda loop=loop: next(loop), device)
        rows.append({"network": size.name, "population": population, "batch": size.batch, **row})
        print(rows[-1], flush=True)
        if 10 * row["seconds"] > LIMIT and not tiny:
            break
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=float, default=90.0, help="of training, a network")
    parser.add_argument("--tiny", action="store_true", help="for a test of the script: no figures")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    device, tiny = arguments.device, arguments.tiny
    result = {
        "hardware": hardware(),
        "versions": versions(["deapnets", "torch", "evox"]),
        "device": device,
        "paths": measure_paths(device, tiny),
        "accuracy": measure_accuracy(device, tiny, arguments.seconds),
        "large": measure_large(device, tiny),
    }
    write(arguments.out, result)
    print(json.dumps({key: result[key] for key in ("device", "paths", "large")}, indent=2))


if __name__ == "__main__":
    main()
