"""Generators that evolved beside their rivals: the same seconds, figures of one classifier.

    DEAPNETS_DATA=... python benchmarks/gan.py                    # what is missing, then the table
    DEAPNETS_DATA=... python benchmarks/gan.py --only mnist-600/es
    DEAPNETS_DATA=... python benchmarks/gan.py --hold 100         # for 100 seconds; go on later

Each figure is a run of the command line in a process of its own, in ``--runs``; one that was held
up is resumed. Results are written to ``benchmarks/results/gan.json`` one by one, the table to
``docs/gan.md`` and the pictures of evolved generators to ``docs/images``. A column says how many of
the machine's cores others kept busy meanwhile.
"""

import argparse
import json
import shutil
import signal
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from publishing import publish
from resumable import Results
from timing import Neighbours

HERE = Path(__file__).parent
RESULT = HERE / "results" / "gan.json"
PAGE = HERE.parent / "docs" / "gan.md"
IMAGES = HERE.parent / "docs" / "images"
BEGIN = "<!-- gan table: written by benchmarks/gan.py -->"
PROGRAM = "import sys; from deapnets.cli import main; main(sys.argv[1:])"

OURS = ("es",)
ALGORITHMS = {
    "es": "evolution strategy, feature judge",
    "article": "the article's, repaired",
    "random": "random search, the same network and judge",
    "plaingan": "plain GAN by Adam, the same network",
    "egan": "evolutionary GAN, the same network",
    "dcgan": "DCGAN by Adam, `deconv-16`",
    "adam": "Adam on the feature judge, the same network",
}
CASES: dict[str, dict[str, Any]] = {
    "digits-120": {"options": ["dataset=digits"], "seconds": 120, "seeds": 3},
    "mnist-240": {"options": ["dataset=mnist"], "seconds": 240, "seeds": 1},
    "mnist-600": {"options": ["dataset=mnist"], "seconds": 600, "seeds": 1},
}
COLUMNS = {
    "frechet_distance": "{:.2f}",
    "total_variation_distance": "{:.3f}",
    "classes_covered": "{:.1f}",
    "precision": "{:.2f}",
    "recall": "{:.2f}",
    "copied": "{:.3f}",
}
REFERENCES = {
    "floor": "training images against test images",
    "repeated": "50 training images again and again",
    "gaussian": "every pixel from its own normal distribution",
    "one_class": "training images of one class",
}


def piece(case: dict[str, Any], algorithm: str, seed: int, folder: Path, hold: float) -> None:
    """Begin a run, or go on with it, for at most ``hold`` seconds."""
    if (folder / "config.json").is_file():
        words = ["resume", str(folder)]
    else:
        words = ["run", "gan", "--algorithm", algorithm, "--seed", str(seed)]
        words += [word for option in case["options"] for word in ("-o", option)]
        words += ["--seconds", str(case["seconds"]), "--out", str(folder), "--device", "cpu"]
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stdout=subprocess.DEVNULL)
    try:
        process.wait(hold)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait()


def result_of(folder: Path) -> dict[str, Any] | None:
    """Return the result of a run that has finished, or None."""
    path = folder / "result.json"
    found = json.loads(path.read_text()) if path.is_file() else {"status": "missing"}
    return found if found["status"] == "finished" else None


def run_missing(results: Results, names: list[str], runs: Path, hold: float) -> bool:
    """Run what has no result yet, a piece of one run where there is a hold; say if all is there."""
    for name in names:
        case_name, algorithm = name.split("/")
        for seed in range(1, CASES[case_name]["seeds"] + 1):
            key = f"{name}/{seed}"
            if key in results.runs:
                continue
            folder = runs / key.replace("/", "-")
            shares = results.whole.setdefault("neighbours", {}).setdefault(key, [])
            if result_of(folder) is None:
                with Neighbours() as neighbours:
                    piece(CASES[case_name], algorithm, seed, folder, hold)
                shares.append(round(neighbours.cores, 2))
            found = result_of(folder)
            if found is not None:
                results.runs[key] = found
                if algorithm in OURS and seed == 1:
                    shutil.copy(folder / "picture.png", IMAGES / f"gan-{case_name}.png")
            results.write()
            print(key, "finished" if found else "held", shares, flush=True)
            if hold < float("inf"):
                return False
    return True


def markdown(results: Results) -> str:
    """Return a table for each image set: means over the seeds, and references below."""
    lines = []
    for case_name, case in CASES.items():
        if not results.of(case_name):
            continue
        title = f"`{case['options'][0]}`, {case['seconds']} seconds"
        lines += ["", f"| {title} | seeds | {' | '.join(n.replace('_', ' ') for n in COLUMNS)} |"]
        lines[-1] += " generations | others' cores |"
        lines.append("| --- |" + " ---: |" * (len(COLUMNS) + 3))
        any_run: dict[str, Any] = {}
        for algorithm, words in ALGORITHMS.items():
            start = f"{case_name}/{algorithm}/"
            runs = {k: run for k, run in results.runs.items() if k.startswith(start)}
            if not runs:
                continue
            any_run = next(iter(runs.values()))
            lines.append(_row(words, runs, results))
        for name, words in REFERENCES.items():
            if any_run:
                distance = any_run["metrics"][f"frechet_distance_{name}"]
                lines.append(f"| {words} | | {distance:.2f} |" + " |" * (len(COLUMNS) + 1))
    return "\n".join(lines)


def _row(words: str, runs: dict[str, Any], results: Results) -> str:
    cells = [words, str(len(runs))]
    for name, shape in COLUMNS.items():
        values = [run["metrics"][name] for run in runs.values()]
        text = shape.format(statistics.fmean(values))
        if len(values) > 1 and name == "frechet_distance":
            text += f" ± {statistics.stdev(values):.2f}"
        cells.append(text)
    generations = statistics.fmean(run["generations"] for run in runs.values())
    shares = [share for key in runs for share in results.whole["neighbours"][key]]
    busy = f"{statistics.fmean(shares):.1f}" if shares else "-"
    return f"| {' | '.join([*cells, f'{generations:,.0f}', busy])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    known = [f"{case}/{algorithm}" for case in CASES for algorithm in ALGORITHMS]
    parser.add_argument("--only", action="append", choices=known)
    parser.add_argument("--hold", type=float, default=float("inf"))
    parser.add_argument("--runs", type=Path, default=Path("runs/gan-benchmark"))
    words = parser.parse_args()
    results = Results(RESULT)
    words.runs.mkdir(parents=True, exist_ok=True)
    run_missing(results, words.only or known, words.runs, words.hold)
    publish(markdown(results), BEGIN, PAGE)


if __name__ == "__main__":
    main()
