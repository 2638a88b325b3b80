"""Learning rules that evolve: `deapnets study rule` with ten seeds, and the page that shows it.

    python benchmarks/rules.py                # runs/study-rule, then the page
    python benchmarks/rules.py --out DIR --most 3

The study goes on where it was stopped. Every score, the statistics and the verdict go to
``benchmarks/results/rules.json``, the picture to ``docs/images/rules.png``, and the table to
``docs/programs.md``.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from publishing import publish

HERE = Path(__file__).parent
RESULT = HERE / "results" / "rules.json"
PAGE = HERE.parent / "docs" / "programs.md"
PICTURE = HERE.parent / "docs" / "images" / "rules.png"
BEGIN = "<!-- rules table: written by benchmarks/rules.py -->"

NAMES = {
    "evolved": "evolved (`gp`)",
    "random search": "random search, as many programs",
    "noise": "noise training",
    "spsa": "simultaneous perturbation",
    "hebb": "Hebb",
    "anti-hebb": "Hebb, reversed",
    "nothing": "no learning",
    "delta": "delta rule (told the error)",
    "backprop": "back-propagation (told the error)",
}


def markdown(found: dict[str, Any]) -> str:
    """Return verdict, picture, table and programs of a report."""
    verdicts = {test["b"]: test["verdict"] for test in found["tests"]}
    lines = [f"- {sentence}" for sentence in found["verdict"]]
    lines += ["", "![scores on unseen tasks, a point a seed](images/rules.png)", ""]
    lines += ["| rule | score on unseen tasks | evolved against it |", "| --- | ---: | --- |"]
    for row in sorted(found["rows"], key=lambda row: -row["mean"]):
        said = verdicts.get(row["rule"], "")
        lines.append(f"| {NAMES[row['rule']]} | {row['mean']:.3f} ± {row['std']:.3f} | {said} |")
    lines += ["", "| seed | evolved: a hundredth of this is added | score | SPSA |"]
    lines += ["| ---: | --- | ---: | ---: |"]
    for seed in found["complete"]:
        own = found["cells"][f"evolved/{seed}"]
        spsa = found["cells"][f"people/{seed}"]["rules"]["spsa"]["unseen"]
        lines.append(f"| {seed} | `{own['mathematics']}` | {own['unseen']:.3f} | {spsa:.3f} |")
    searches = [cell["seconds"] for name, cell in found["cells"].items() if "evolved" in name]
    where = found["environment"]
    lines += [
        "",
        f"{len(found['complete'])} seeds, {found['evaluations']:,} programs a search; "
        f"{min(searches):.0f} to {max(searches):.0f} s a search on one of {where['cores']} cores "
        f"of {where['processor']}, which others used too; torch {where['versions']['torch']}.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="runs/study-rule")
    parser.add_argument("--most", help="searches of this call; all by default")
    arguments = parser.parse_args()
    words = ["study", "rule", "--out", arguments.out]
    words += [] if arguments.most is None else ["--most", arguments.most]
    program = "import sys; from deapnets.cli import main; main(sys.argv[1:])"
    subprocess.run([sys.executable, "-c", program, *words], check=True)
    shutil.copy(Path(arguments.out) / "rule.json", RESULT)
    shutil.copy(Path(arguments.out) / "rule.png", PICTURE)
    publish(markdown(json.loads(RESULT.read_text())), BEGIN, PAGE)


if __name__ == "__main__":
    main()
