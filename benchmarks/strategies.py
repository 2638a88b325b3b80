"""Strategies: a generation beside peers, and children of low rank beside children with weights.

    python benchmarks/strategies.py                    # some eight minutes
    python benchmarks/strategies.py --only generation

Three measurements, each subject in a process of its own:

- ``generation``: 500 children of 101,770 weights on a batch of 1,000. deapnets' `OpenES` with full
  noise and with rank 1, evosax's ``Open_ES`` compiled into one step, EvoTorch's ``SNES``. All draw
  mirrored pairs where they can, score minus the cross-entropy, and move their centre.
- ``evaluation``: making and scoring 512 children on a batch of 256, with and without their weights.
- ``memory``: the largest resident memory of a generation of 2,048 children of the network of
  3,274,634 weights, rank 1, read from outside.

Beside seconds stand processor seconds, the threads' work: on a machine that others use too it is
what can be compared. Ratios are of these.

The record goes to ``benchmarks/results/strategies.json`` and the tables into ``docs/results.md``.
Peers that are not installed are left out and named (``pip install deapnets[benchmarks]``).
"""

import argparse
import dataclasses
import json
import logging
import random
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from deap import base, creator
from evosax_peer import EvosaxSimpleGA
from jobs import SIZES, Generation, Peer, Size, mlp
from peers import evotorch_fitness
from publishing import publish
from timing import Neighbours, Timing, measure, record, write

import deapnets as dn

HERE = Path(__file__).parent
RESULT = HERE / "results" / "strategies.json"
BEGIN = "<!-- strategies table: written by benchmarks/strategies.py -->"
SIGMA, STEP = 0.05, 0.01
BUSY = 0.1  # cores that others may keep busy before a measurement is repeated

MLP = next(size for size in SIZES if size.name == "mlp-128")
DEEP = next(size for size in SIZES if size.name == "deep")


def _individual_class() -> Any:
    if "StrategyFitness" not in vars(creator):
        creator.create("StrategyFitness", base.Fitness, weights=(1.0,))
        creator.create("StrategyIndividual", dn.WeightGenome, fitness=creator.StrategyFitness)
    return creator.StrategyIndividual


class DeapnetsES(Peer):
    """`deapnets.OpenES` under `deapnets.eaGenerateUpdate`."""

    packages = ("deapnets",)

    def __init__(self, name: str, rank: int | None) -> None:
        self.name, self.rank = name, rank

    def prepare(self, size: Size) -> Generation:
        """Return one step of the loop."""
        net = size.module()
        strategy = dn.OpenES(net, SIGMA, STEP, size.population, rank=self.rank)
        toolbox = base.Toolbox()
        toolbox.register("generate", strategy.generate, _individual_class())
        toolbox.register("update", strategy.update)
        toolbox.register("evaluate", dn.Supervised(net, size.inputs, size.targets))
        toolbox.register("map", dn.PopulationMap())
        loop = dn.eaGenerateUpdate(toolbox)
        return lambda: next(loop)


class EvosaxOpenES(EvosaxSimpleGA):
    """evosax's ``Open_ES`` with Adam and mirrored pairs, a generation compiled into one step."""

    name = "evosax Open_ES"

    def state(self, size: Size) -> Any:
        """Return the algorithm's state at the network's own weights."""
        import jax

        algorithm, parameters = self.algorithm(size)
        return algorithm.init(jax.random.key(1), _solution(size), parameters)

    def algorithm(self, size: Size) -> tuple[Any, Any]:
        """Return the configured ``Open_ES`` and its parameters; it minimises."""
        import optax
        from evosax.algorithms import Open_ES

        algorithm = Open_ES(
            size.population,
            _solution(size),
            optimizer=optax.adam(STEP),
            std_schedule=optax.constant_schedule(SIGMA),
        )
        return algorithm, algorithm.default_params


def _solution(size: Size) -> tuple[Any, ...]:
    """Return one network's weights as JAX arrays."""
    import jax.numpy

    return tuple(jax.numpy.asarray(p.detach().numpy()) for p in size.module().parameters())


class EvoTorchSNES(Peer):
    """``evotorch.algorithms.SNES`` with a fitness under ``torch.vmap``.

    Differs in: a deviation for each weight, no mirrored pairs.
    """

    name = "EvoTorch SNES"
    packages = ("evotorch",)

    def prepare(self, size: Size) -> Generation:
        """Return the algorithm's step."""
        from evotorch import Problem
        from evotorch.algorithms import SNES
        from evotorch.decorators import vectorized

        logging.getLogger("evotorch").setLevel(logging.WARNING)
        problem = Problem(
            "max",
            vectorized(evotorch_fitness(size)),
            solution_length=size.weights,
            initial_bounds=(-SIGMA, SIGMA),
            dtype=torch.float32,
        )
        algorithm = SNES(problem, stdev_init=SIGMA, popsize=size.population)

        def generation() -> float:
            algorithm.step()
            return float(algorithm.population.evals.max())

        return generation


class Scoring(Peer):
    """Making and scoring the children of one generation, and nothing else."""

    packages = ("deapnets",)

    def __init__(self, name: str, rank: int | None) -> None:
        self.name, self.rank = name, rank

    def prepare(self, size: Size) -> Generation:
        """Return a call of the map."""
        net = size.module()
        evaluator = dn.Supervised(net, size.inputs, size.targets)
        strategy = dn.OpenES(net, SIGMA, STEP, size.population, rank=self.rank)
        children, mapping = strategy.generate(_individual_class()), dn.PopulationMap()
        return lambda: mapping(evaluator, children)


PEERS: dict[str, tuple[Peer, ...]] = {
    "generation": (
        DeapnetsES("deapnets OpenES", None),
        DeapnetsES("deapnets OpenES, rank 1", 1),
        EvosaxOpenES(),
        EvoTorchSNES(),
    ),
    "evaluation": (Scoring("full", None), Scoring("rank 1", 1)),
    "memory": (DeapnetsES("deapnets OpenES, rank 1", 1),),
}

CASES: dict[str, list[Size]] = {
    "generation": [dataclasses.replace(MLP, population=500, batch=1000)],
    "evaluation": [
        dataclasses.replace(MLP, population=512, batch=256),
        dataclasses.replace(DEEP, population=512, batch=256),
    ],
    "memory": [dataclasses.replace(DEEP, population=2048, batch=256)],
}
LIMITS = {("evaluation", "deep"): 32}
"""Children that are measured where all would take minutes: the time is in proportion to them."""


def tiny(size: Size) -> Size:
    """Return a size for a test of this script."""
    module = size.module if size.name == "deep" else lambda: mlp(784, 8, 10)
    return dataclasses.replace(size, population=4, batch=4, module=module)


def run_case(case: str, size: Size, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the record of a case; a subject is measured again while neighbours are busy."""
    timings, left_out, busy, peaks, work = [], {}, {}, {}, {}
    for peer in PEERS[case]:
        reason = peer.available(size)
        if reason is not None:
            left_out[peer.name] = reason
            continue
        for _ in range(1 if arguments.tiny or case == "memory" else arguments.attempts):
            found = _in_process(case, size, peer.name, arguments)
            if found["cores"] <= BUSY:
                break
        timings.append(Timing(**found["timing"]))
        busy[peer.name], peaks[peer.name] = found["cores"], found["peak_bytes"]
        work[peer.name] = found["cpu_s"]
    packages = ["deapnets", *(name for peer in PEERS[case] for name in peer.packages), "torch"]
    return record(
        f"{case} {size.name}",
        timings,
        packages=dict.fromkeys(packages),
        population=size.population,
        weights=size.weights,
        batch=size.batch,
        neighbours_cores=busy,
        cpu_s=work,
        peak_bytes=peaks,
        left_out=left_out,
    )


def _in_process(case: str, size: Size, name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what `measure_job` found in a process of its own."""
    words = ["--case", case, "--size", size.name, "--job", name]
    words += ["--repeats", str(arguments.repeats), *(["--tiny"] if arguments.tiny else [])]
    done = subprocess.run(
        [sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_job(case: str, size: Size, name: str, repeats: int) -> dict[str, Any]:
    """Return the timing of one subject, its peak memory and the neighbours' cores."""
    random.seed(0)
    torch.manual_seed(0)
    peer = next(peer for peer in PEERS[case] if peer.name == name)
    limit = min(size.population, LIMITS.get((case, size.name), size.population))
    step = peer.prepare(size.limited(limit))
    once = case == "memory"
    spent: list[float] = []

    def worked() -> None:
        began = time.process_time()
        step()
        spent.append(time.process_time() - began)

    with Neighbours() as neighbours:
        (timing,) = measure({name: worked}, repeats=1 if once else repeats, warmup=0 if once else 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    full = timing.extrapolated(limit, size.population)
    work = statistics.median(spent[-len(timing.seconds) :]) * full.scale
    timed = {"cores": neighbours.cores, "timing": dataclasses.asdict(full)}
    return {**timed, "peak_bytes": peak, "cpu_s": work}


def markdown(records: dict[str, list[dict[str, Any]]]) -> str:
    """Return the tables of what was measured."""
    lines = []
    if "generation" in records:
        (one,) = records["generation"]
        lines += [
            f"A generation of {one['population']} children of {one['weights']:,} weights on a "
            f"batch of {one['batch']:,}:",
            "",
            "| | seconds | processor seconds | over OpenES, full | over OpenES, rank 1 | "
            "others' cores |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        work, busy = one["cpu_s"], one["neighbours_cores"]
        full, thin = work["deapnets OpenES"], work["deapnets OpenES, rank 1"]
        for timing in one["timings"]:
            name = timing["name"]
            lines.append(
                f"| {name} | {timing['median_s']:.3g} | {work[name]:.3g} | "
                f"{work[name] / full:.2f} | {work[name] / thin:.1f} | {busy[name]:.1f} |"
            )
        lines.append("")
    if "evaluation" in records:
        lines += [
            "Making and scoring children:",
            "",
            "| children | network | batch | full noise, processor s | rank 1, processor s | "
            "faster by |",
            "| ---: | --- | ---: | ---: | ---: | ---: |",
        ]
        for one in records["evaluation"]:
            full, thin = one["cpu_s"]["full"], one["cpu_s"]["rank 1"]
            network = f"{one['benchmark'].split()[1]}, {one['weights']:,} weights"
            lines.append(
                f"| {one['population']} | {network} | {one['batch']} | {full:.3g} | {thin:.3g} | "
                f"{full / thin:.1f}x |"
            )
        lines.append("")
    for one in records.get("memory", []):
        (peak,) = one["peak_bytes"].values()
        lines.append(
            f"A generation of {one['population']:,} children of {one['weights']:,} weights, rank "
            f"1, batch {one['batch']}: {peak / 2**30:.2f} GiB resident at most, data and libraries "
            f"included, and {one['timings'][0]['median_s']:.0f} s."
        )
    return "\n".join(lines).rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=list(CASES))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--attempts", type=int, default=3, help="while neighbours are busy")
    parser.add_argument("--tiny", action="store_true", help="for a test of the script: no figures")
    parser.add_argument("--case", help="measure this alone and print JSON: what the script calls")
    parser.add_argument("--size")
    parser.add_argument("--job")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    shrink = tiny if arguments.tiny else lambda size: size
    if arguments.case is not None:
        (size,) = (s for s in CASES[arguments.case] if s.name == arguments.size)
        found = measure_job(arguments.case, shrink(size), arguments.job, arguments.repeats)
        print(json.dumps(found))
        return
    records = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    for case in arguments.only or list(CASES):
        chosen = CASES[case][:1] if arguments.tiny else CASES[case]
        records[case] = [run_case(case, shrink(size), arguments) for size in chosen]
        write(arguments.out, records)
        print(markdown({case: records[case]}), flush=True)
    if not arguments.tiny:
        publish(markdown(records), BEGIN)


if __name__ == "__main__":
    main()
