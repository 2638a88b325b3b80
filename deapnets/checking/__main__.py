"""The process in which `deapnets.checking.checks` tries plugins."""

from __future__ import annotations

import json
import os
import sys

from deapnets.plugins import FoundPlugin


def main() -> None:
    """Check what stands on standard input; one JSON line a plugin to standard output."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what plugins print is no answer
    from deapnets.checking.probing import probe

    task = json.load(sys.stdin)
    sys.path[:] = task["path"]
    for facts in task["plugins"]:
        answers.write(json.dumps(probe(FoundPlugin(**facts), task["options"])) + "\n")
        answers.flush()
    os._exit(0)  # threads and exit handlers of plugins have no say


if __name__ == "__main__":
    main()
