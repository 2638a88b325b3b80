"""The noise study: `deapnets study noise` with thirty seeds, and the page that shows it.

    DEAPNETS_DATA=... python benchmarks/noise_study.py             # runs/study-noise, then the page
    DEAPNETS_DATA=... python benchmarks/noise_study.py --out DIR

The study goes on where it was stopped. Every accuracy, the statistics and the verdict go to
``benchmarks/results/noise.json``, the picture to ``docs/images/noise.png``, and the table to
``docs/noise-study.md``.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from publishing import publish

HERE = Path(__file__).parent
RESULT = HERE / "results" / "noise.json"
PAGE = HERE.parent / "docs" / "noise-study.md"
PICTURE = HERE.parent / "docs" / "images" / "noise.png"
BEGIN = "<!-- noise study: written by benchmarks/noise_study.py -->"


def markdown(found: dict[str, Any]) -> str:
    """Return verdict, picture and table of a report."""
    tests = {test["a"]: test for test in found["tests"]}
    lines = [f"- {sentence}" for sentence in found["verdict"]]
    lines += ["", "![every network's accuracy](images/noise.png)", ""]
    lines += [
        "| cell | median, % | 95 % interval | effect | p (Holm) | verdict |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in sorted(found["rows"], key=lambda row: -row["median"]):
        middle, low, high = (100 * row[name] for name in ("median", "low", "high"))
        test = tests.get(row["cell"])
        said = (
            "| | | the reference |"
            if test is None
            else f"| {test['effect']:+.2f} | {test['p_holm']:.2g} | {_short(test['verdict'])} |"
        )
        lines.append(f"| {row['cell']} | {middle:.2f} | {low:.2f} to {high:.2f} {said}")
    for name, value in found["fixed"].items():
        lines.append(f"| {name} | {100 * value:.2f} | | | | no network |")
    seconds = sum(cell["seconds"] for cell in found["cells"].values())
    lines += ["", f"{len(found['cells'])} cells of {found['seeds']} networks, {_machine(found)}."]
    lines += [f"Seconds of all cells together: {seconds:,.0f}; a core takes one at a time."]
    return "\n".join(lines)


def _short(verdict: str) -> str:
    """Return a verdict without its p, which stands beside it."""
    said = verdict.partition(" (p = ")[0]
    return re.sub(r"cost/gaussian/centred(?!/)", "the reference", said)


def _machine(found: dict[str, Any]) -> str:
    where = found["environment"]
    return f"{where['cores']} cores of {where['processor']}, torch {where['versions']['torch']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="runs/study-noise")
    parser.add_argument("--seeds", default="30")
    out = Path(parser.parse_args().out)
    words = ["study", "noise", "--out", str(out), "--seeds", parser.parse_args().seeds]
    program = "import sys; from deapnets.cli import main; main(sys.argv[1:])"
    subprocess.run([sys.executable, "-c", program, *words], check=True)
    shutil.copy(out / "noise.json", RESULT)
    shutil.copy(out / "noise.png", PICTURE)
    publish(markdown(json.loads(RESULT.read_text())), BEGIN, PAGE)


if __name__ == "__main__":
    main()
