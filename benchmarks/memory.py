"""Resident memory of genetic algorithms on 1,000 networks of 3,274,634 weights: 13 GB in all.

    python benchmarks/memory.py [--population 1000] [--generations 4]

Each run is a process of its own, and its largest resident set is what the kernel says of it when it
has ended (``ru_maxrss``), interpreter, data and activations included. ``deep`` of deapnets-mnist on
64 random images; tournaments of three with crossover and mutation for all, and truncation to 50.
Figures go to ``benchmarks/results/memory.json``.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import torch
from deap import base, creator, tools
from timing import hardware, versions, write

import deapnets as dn

RESULT = Path(__file__).parent / "results" / "memory.json"
GIB = 1 << 30
RUNS = {
    "tournaments": {"memory": 13 * GIB, "limit": 16 * GIB, "dtype": "float32"},
    "tournaments in bfloat16": {"memory": 7 * GIB, "limit": 9 * GIB, "dtype": "bfloat16"},
    "truncation to 50": {"memory": 3 * GIB, "limit": 4 * GIB, "dtype": "float32"},
}


def one_run(name: str, population: int, generations: int) -> None:
    """Run one genetic algorithm and print its seconds a generation as JSON."""
    from deapnets_mnist.networks import build_network

    random.seed(1)
    torch.manual_seed(1)
    net = build_network("deep")
    inputs, targets = torch.rand(64, 1, 28, 28), torch.randint(10, (64,))
    creator.create("FitnessMax", base.Fitness, weights=(1.0,))
    creator.create("Individual", dn.WeightGenome, fitness=creator.FitnessMax)
    dtype = getattr(torch, str(RUNS[name]["dtype"]))
    toolbox = base.Toolbox()
    toolbox.register("individual", dn.initWeights, creator.Individual, net, 0.01, dtype=dtype)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", dn.cxUniform, indpb=0.5)
    toolbox.register("mutate", dn.mutGaussian, sigma=0.01, indpb=0.1)
    if name.startswith("tournaments"):
        toolbox.register("select", tools.selTournament, tournsize=3)
    else:
        toolbox.register("select", dn.selTruncation, share=50 / population)
    toolbox.register("evaluate", dn.Supervised(net, inputs, targets))
    toolbox.register("map", dn.PopulationMap(device="cpu", memory=RUNS[name]["memory"]))
    seconds, began = [], time.perf_counter()
    run = dn.eaGenerational(toolbox.population(n=population), toolbox, 1.0, 1.0, ngen=generations)
    for _ in run:
        seconds.append(round(time.perf_counter() - began, 2))
        began = time.perf_counter()
    print(json.dumps(seconds))


def measured(name: str, population: int, generations: int) -> dict[str, object]:
    """Return the figures of one run in a process of its own."""
    command = [sys.executable, __file__, "--run", name]
    command += ["--population", str(population), "--generations", str(generations)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{name} failed with status {status}")
    resident = usage.ru_maxrss * 1024
    figures = {
        **RUNS[name],
        "resident": resident,
        "within_limit": resident <= int(RUNS[name]["limit"]),
        "seconds_a_generation": json.loads(printed),
    }
    print(f"{name}: {resident / GIB:.2f} GiB of {int(RUNS[name]['limit']) / GIB:.0f}; {printed}")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--population", type=int, default=1000)
    parser.add_argument("--generations", type=int, default=4)
    parser.add_argument("--only", action="append", choices=list(RUNS))
    parser.add_argument("--run", choices=list(RUNS))
    options = parser.parse_args()
    if options.run:
        one_run(options.run, options.population, options.generations)
        return
    names = options.only or list(RUNS)
    before = json.loads(RESULT.read_text())["runs"] if RESULT.exists() else {}
    runs = before | {n: measured(n, options.population, options.generations) for n in names}
    context = {"population": options.population, "weights": 3_274_634, "hardware": hardware()}
    write(RESULT, {"benchmark": "memory", **context, "versions": versions(["torch"]), "runs": runs})


if __name__ == "__main__":
    main()
