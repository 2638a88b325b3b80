"""Kill runs at random times, resume them, and compare what comes out with a run left alone.

    python benchmarks/soak.py [--kills 100] [--seed 1]

A run of xor is killed with SIGKILL after a random time, resumed, and killed again, until it has
ended; then the next one begins, until so many kills are reached. Log (but for the seconds), saved
network and result are compared with those of a run that nobody killed. Writes
`benchmarks/results/soak.json`.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from deapnets.runs.directory import RunDirectory
from deapnets.runs.environment import environment

RESULT = Path(__file__).parent / "results" / "soak.json"
WORDS = ("xor", "--generations", "400", "--population", "60", "--checkpoint-every", "0.02")


def command(*words: str, seconds: float | None = None) -> bool:
    """Run a command of deapnets; return whether it ended before it was killed."""
    code = "from deapnets.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False
    if "has finished" in errors:  # it was killed while it drew its picture
        return True
    if process.returncode != 0:
        raise SystemExit(f"{words} ended with {process.returncode}: {errors}")
    return True


def found_in(path: Path) -> Any:
    """Return what a run found, but for the time it took."""
    directory = RunDirectory.open(path)
    log = [{k: v for k, v in one.items() if k != "seconds"} for one in directory.log()]
    result = {
        k: v for k, v in directory.read("result.json").items() if k not in ("seconds", "resumed")
    }
    return log, result, directory.read("best.json"), (path / "best.safetensors").read_bytes()


def main() -> None:
    """Kill, resume, compare; print and write how many runs were equal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    kills = runs = equal = 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        command("run", *WORDS, "--seed", "1", "--out", str(whole))
        while kills < options.kills:
            path = Path(folder) / f"run{runs}"
            ended = False
            while not ended:
                words = ("resume", str(path))
                if not (path / "config.json").exists():  # it was killed before it began
                    shutil.rmtree(path, ignore_errors=True)
                    words = ("run", *WORDS, "--seed", "1", "--out", str(path))
                left = kills < options.kills
                ended = command(*words, seconds=draw.uniform(0.5, 4.0) if left else None)
                kills += not ended
            runs += 1
            equal += found_in(path) == found_in(whole)
            print(f"{kills} kills, {equal} of {runs} runs equal", flush=True)
    record = {"kills": kills, "runs": runs, "equal": equal, "environment": environment()}
    RESULT.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
