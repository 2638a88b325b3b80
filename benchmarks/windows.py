"""How busy four workers are, by the window of a search, where evaluations differ by ten in length.

    python benchmarks/windows.py

Evaluations sleep from 0.02 to 0.2 s: what is measured is who waits for whom. A minute.
"""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import deapnets as dn
from deapnets.algorithms.searches import search_toolbox
from deapnets.architectures.spaces import SearchSpace, SpaceGenome
from deapnets.evaluators.bitstring import BitSpace
from deapnets.runs.environment import environment

RESULTS = Path(__file__).parent / "results" / "windows.json"
WORKERS, EVALUATIONS = 4, 160
SHORTEST, LONGEST = 0.02, 0.2  # seconds


class Sleeping(dn.ArchitectureEvaluator):
    """Share of ones, after a while."""

    def __init__(self) -> None:
        self._space = BitSpace(20)

    def space(self) -> SearchSpace:
        """Return rows of twenty bits."""
        return self._space

    def evaluate_one(self, individual: SpaceGenome, fidelity: float, rng: dn.Stream) -> dn.Outcome:
        """Sleep, and count."""
        began = time.perf_counter()
        time.sleep(SHORTEST + (LONGEST - SHORTEST) * rng.below(1001) / 1000)
        share = sum(individual.genes) / len(individual.genes)
        return dn.Outcome((share,), time.perf_counter() - began)


def busy(window: int) -> float:
    """Return the share of four workers' time in which they evaluate."""
    random.seed(1)
    toolbox = search_toolbox(Sleeping())
    with ThreadPoolExecutor(WORKERS) as executor:
        population = toolbox.population(n=20)
        search = dn.eaAging(
            population, toolbox, 5, evaluations=EVALUATIONS, window=window, executor=executor
        )
        began = time.perf_counter()
        search.run()
        seconds = time.perf_counter() - began
    return search.ledger.seconds / WORKERS / seconds


def main() -> None:
    shares = {}
    for window in (4, 6, 8, 12):
        shares[window] = busy(window)
        print(f"window {window:2}: {100 * shares[window]:.1f} % busy", flush=True)
    record = {"environment": environment(), "workers": WORKERS, "busy": shares}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
